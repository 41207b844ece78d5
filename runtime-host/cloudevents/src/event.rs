//! The event and the rules of its attributes.

use crate::rules;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest `data`, in bytes.
pub const DATA_BYTES_MAX: usize = 256 * 1024;
/// Longest value of an attribute, in bytes. It has to fit into a header, percent-encoded.
pub const ATTRIBUTE_BYTES_MAX: usize = 1_024;
/// Most extension attributes of one event.
pub const EXTENSIONS_MAX: usize = 32;
/// Longest name of an extension attribute, in bytes.
pub const EXTENSION_NAME_BYTES_MAX: usize = 64;

/// What no extension may be called: the attributes of the specification, and the member of its
/// JSON format that holds the payload.
const RESERVED: [&str; 9] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
];

/// A CloudEvent with text for data. `source` + `id` names it for ever.
///
/// The derived serde form has these fields by these names and is for stores; what travels is
/// the JSON format of the specification, [`crate::json`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unique within its source.
    pub id: String,
    /// URI reference of the producer.
    pub source: String,
    /// Reverse-DNS name with a version (the attribute `type`).
    pub kind: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When it happened, RFC 3339.
    pub time: Option<String>,
    /// Media type of `data`. Without it `data` is taken for JSON.
    pub data_content_type: Option<String>,
    /// URI of the schema of `data`.
    pub data_schema: Option<String>,
    /// Extension attributes by name: `partitionkey`, `sequence`, `traceparent`, …. Booleans and
    /// integers are kept in their canonical text.
    pub extensions: BTreeMap<String, String>,
    /// The payload as it is, never encoded once more. Empty if there is none.
    pub data: String,
}

/// Why something is no CloudEvent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{attribute}: {reason}")]
pub struct Invalid {
    /// The attribute, or `data`, or `content-type` where the message is none at all.
    pub attribute: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Invalid {
    pub(crate) fn new(attribute: &str, reason: impl Into<String>) -> Invalid {
        Invalid { attribute: attribute.to_owned(), reason: reason.into() }
    }

    /// Whether the message is no CloudEvent in a format that is read here, rather than a faulty
    /// one: HTTP's 415, not 400.
    pub fn is_unsupported(&self) -> bool {
        self.attribute == "content-type"
    }
}

impl Event {
    /// Events with the same key are delivered in the order of their publication: the extension
    /// `partitionkey`, else the subject, else the source.
    pub fn partition_key(&self) -> &str {
        let key = self.extensions.get("partitionkey").or(self.subject.as_ref());
        key.unwrap_or(&self.source)
    }

    /// The place among the events of its source and subject, from 1: the extension `sequence`.
    pub fn sequence(&self) -> Option<u64> {
        self.extensions.get("sequence")?.parse().ok()
    }

    /// Whether this is an event of CloudEvents 1.0 within the limits of this crate; the first
    /// fault if it is not.
    pub fn check(&self) -> Result<(), Invalid> {
        check_text("id", &self.id)?;
        check_text("source", &self.source)?;
        check_text("type", &self.kind)?;
        must("source", rules::is_uri_reference(&self.source), "not a URI reference")?;
        if let Some(subject) = &self.subject {
            check_text("subject", subject)?;
        }
        if let Some(time) = &self.time {
            must("time", rules::is_rfc3339(time), "not a time of RFC 3339")?;
        }
        if let Some(kind) = &self.data_content_type {
            check_text("datacontenttype", kind)?;
            must("datacontenttype", rules::is_media_type(kind), "not a media type")?;
        }
        if let Some(schema) = &self.data_schema {
            check_text("dataschema", schema)?;
            must("dataschema", rules::is_uri(schema), "not an absolute URI")?;
        }
        self.check_extensions()?;
        let reason = format!("longer than {DATA_BYTES_MAX} bytes");
        must("data", self.data.len() <= DATA_BYTES_MAX, &reason)
    }

    fn check_extensions(&self) -> Result<(), Invalid> {
        let few = self.extensions.len() <= EXTENSIONS_MAX;
        must("extensions", few, &format!("more than {EXTENSIONS_MAX}"))?;
        for (name, value) in &self.extensions {
            let shown = name.chars().take(EXTENSION_NAME_BYTES_MAX).collect::<String>();
            let fits = (1..=EXTENSION_NAME_BYTES_MAX).contains(&name.len());
            let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            must(&shown, fits && letters, "a name has lower-case letters and digits only")?;
            must(&shown, !RESERVED.contains(&name.as_str()), "not a name for an extension")?;
            check_value(&shown, value)?;
        }
        let empty = |name: &str| self.extensions.get(name).is_some_and(String::is_empty);
        must("partitionkey", !empty("partitionkey"), "empty")?;
        must("sequence", !empty("sequence"), "empty")
    }
}

fn check_text(attribute: &str, value: &str) -> Result<(), Invalid> {
    must(attribute, !value.is_empty(), "missing or empty")?;
    check_value(attribute, value)
}

fn check_value(attribute: &str, value: &str) -> Result<(), Invalid> {
    let short = value.len() <= ATTRIBUTE_BYTES_MAX;
    must(attribute, short, &format!("longer than {ATTRIBUTE_BYTES_MAX} bytes"))?;
    must(attribute, value.chars().all(rules::is_allowed), "holds a control character")
}

fn must(attribute: &str, holds: bool, reason: &str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid::new(attribute, reason)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event() -> Event {
        Event {
            id: "o1.1".to_owned(),
            source: "/shop/orders".to_owned(),
            kind: "com.shop.orders.order.placed.v1".to_owned(),
            subject: Some("o1".to_owned()),
            time: Some("2026-01-31T12:00:00.000Z".to_owned()),
            data_content_type: Some("application/json".to_owned()),
            data_schema: None,
            extensions: BTreeMap::from([("sequence".to_owned(), "1".to_owned())]),
            data: "{}".to_owned(),
        }
    }

    fn fault(change: impl FnOnce(&mut Event)) -> String {
        let mut event = event();
        change(&mut event);
        event.check().unwrap_err().attribute
    }

    #[test]
    fn a_good_event_passes_and_so_do_the_shortest_and_the_longest() {
        assert_eq!(event().check(), Ok(()));
        let bare = Event {
            subject: None,
            time: None,
            data_content_type: None,
            extensions: BTreeMap::new(),
            data: String::new(),
            ..event()
        };
        assert_eq!(bare.check(), Ok(()));
        let long = Event {
            id: "x".repeat(ATTRIBUTE_BYTES_MAX),
            data: "x".repeat(DATA_BYTES_MAX),
            ..event()
        };
        assert_eq!(long.check(), Ok(()));
    }

    #[test]
    fn every_fault_names_its_attribute() {
        assert_eq!(fault(|e| e.id.clear()), "id");
        assert_eq!(fault(|e| e.id = "a\nb".into()), "id");
        assert_eq!(fault(|e| e.id = "a\u{85}b".into()), "id");
        assert_eq!(fault(|e| e.id = "a\u{fffe}".into()), "id");
        assert_eq!(fault(|e| e.id = "x".repeat(ATTRIBUTE_BYTES_MAX + 1)), "id");
        assert_eq!(fault(|e| e.source.clear()), "source");
        assert_eq!(fault(|e| e.source = "/a b".into()), "source");
        assert_eq!(fault(|e| e.source = "/a%2".into()), "source");
        assert_eq!(fault(|e| e.kind.clear()), "type");
        assert_eq!(fault(|e| e.subject = Some(String::new())), "subject");
        assert_eq!(fault(|e| e.time = Some("1769860800".into())), "time");
        assert_eq!(fault(|e| e.data_content_type = Some("json".into())), "datacontenttype");
        assert_eq!(fault(|e| e.data_schema = Some("/relative".into())), "dataschema");
        assert_eq!(fault(|e| e.data = "x".repeat(DATA_BYTES_MAX + 1)), "data");
    }

    #[test]
    fn names_of_extensions_are_lower_case_letters_and_digits() {
        for name in ["traceParent", "trace-parent", "trace_parent", "", "é", "data", "id"] {
            let named = |e: &mut Event| drop(e.extensions.insert(name.into(), "x".into()));
            assert_eq!(fault(named), name);
        }
        assert_eq!(fault(|e| drop(e.extensions.insert("a".into(), "\0".into()))), "a");
        let many = (0..=EXTENSIONS_MAX).map(|n| (format!("e{n}"), String::new()));
        assert_eq!(fault(|e| e.extensions = many.collect()), "extensions");
    }

    #[test]
    fn the_partition_key_falls_back_to_subject_and_source() {
        let mut event = event();
        assert_eq!(event.partition_key(), "o1");
        event.subject = None;
        assert_eq!(event.partition_key(), "/shop/orders");
        event.extensions.insert("partitionkey".into(), "k".into());
        assert_eq!((event.partition_key(), event.sequence()), ("k", Some(1)));
    }
}
