//! The JSON format: an event as one JSON object.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>.
//! JSON data stands in `data` as a value, digit for digit as it was; other text as a string;
//! what claims to be JSON and is not, in `data_base64`.

use crate::event::{Event, Invalid};
use crate::rules;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// The event as a JSON object.
pub fn to_string(event: &Event) -> String {
    let mut members: BTreeMap<&str, Member<'_>> =
        event.extensions.iter().map(|(name, value)| (name.as_str(), Member::Text(value))).collect();
    members.insert("specversion", Member::Text("1.0"));
    members.insert("id", Member::Text(&event.id));
    members.insert("source", Member::Text(&event.source));
    members.insert("type", Member::Text(&event.kind));
    let optional = [
        ("subject", &event.subject),
        ("time", &event.time),
        ("datacontenttype", &event.data_content_type),
        ("dataschema", &event.data_schema),
    ];
    members.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| value.as_deref().map(|value| (name, Member::Text(value)))),
    );
    members.extend(payload(event));
    // Maps of text to text and JSON can always be written.
    serde_json::to_string(&members).unwrap_or_default()
}

/// The events as a JSON array: the batch format.
pub fn to_batch(events: &[Event]) -> String {
    let events: Vec<String> = events.iter().map(to_string).collect();
    format!("[{}]", events.join(","))
}

/// The event that a JSON object is. It is checked.
pub fn from_slice(json: &[u8]) -> Result<Event, Invalid> {
    read(serde_json::from_slice(json).map_err(malformed)?)
}

/// The events of a JSON array, at most `events_max`. Each is checked.
pub fn batch_from_slice(json: &[u8], events_max: usize) -> Result<Vec<Event>, Invalid> {
    let objects: Vec<Members> = serde_json::from_slice(json).map_err(malformed)?;
    if objects.len() > events_max {
        return Err(Invalid::new("batch", format!("more than {events_max} events")));
    }
    objects.into_iter().map(read).collect()
}

fn malformed(error: serde_json::Error) -> Invalid {
    Invalid::new("event", error.to_string())
}

#[derive(Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Text(&'a str),
    Owned(String),
    Json(&'a RawValue),
}

fn payload(event: &Event) -> Option<(&'static str, Member<'_>)> {
    if event.data.is_empty() {
        return None;
    }
    if !rules::is_json(event.data_content_type.as_deref()) {
        return Some(("data", Member::Text(&event.data)));
    }
    Some(match serde_json::from_str(&event.data) {
        Ok(value) => ("data", Member::Json(value)),
        Err(_) => ("data_base64", Member::Owned(STANDARD.encode(&event.data))),
    })
}

/// The members of an object, none of them twice.
struct Members(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("`{name}` stands twice")));
                    }
                    members.insert(name, value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Once)
    }
}

impl Members {
    /// An attribute that has to be a string; `null` is none.
    fn text(&mut self, name: &str) -> Result<Option<String>, Invalid> {
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        let text = serde_json::from_str(value.get());
        text.map_err(|_| Invalid::new(name, "not a string"))
    }

    fn required(&mut self, name: &str) -> Result<String, Invalid> {
        self.text(name)?.ok_or_else(|| Invalid::new(name, "missing or empty"))
    }
}

fn read(mut members: Members) -> Result<Event, Invalid> {
    if members.required("specversion")? != "1.0" {
        return Err(Invalid::new("specversion", "only 1.0 is understood"));
    }
    let data_content_type = members.text("datacontenttype")?;
    let data = data(&mut members, data_content_type.as_deref())?;
    let event = Event {
        id: members.required("id")?,
        source: members.required("source")?,
        kind: members.required("type")?,
        subject: members.text("subject")?,
        time: members.text("time")?,
        data_content_type,
        data_schema: members.text("dataschema")?,
        data,
        extensions: extensions(members)?,
    };
    event.check()?;
    Ok(event)
}

fn data(members: &mut Members, media_type: Option<&str>) -> Result<String, Invalid> {
    let encoded = members.text("data_base64")?;
    let value = members.0.remove("data");
    match (value, encoded) {
        (Some(_), Some(_)) => Err(Invalid::new("data", "`data` and `data_base64` both")),
        (None, None) => Ok(String::new()),
        (Some(value), None) if rules::is_json(media_type) => Ok(value.get().to_owned()),
        (Some(value), None) => serde_json::from_str(value.get())
            .map_err(|_| Invalid::new("data", "not a string, and its type is not JSON")),
        (None, Some(encoded)) => {
            let bytes = STANDARD.decode(encoded);
            let bytes = bytes.map_err(|_| Invalid::new("data_base64", "not Base64"))?;
            String::from_utf8(bytes).map_err(|_| Invalid::new("data", "not UTF-8"))
        }
    }
}

/// What is left are extensions: strings, booleans and integers.
fn extensions(members: Members) -> Result<BTreeMap<String, String>, Invalid> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Flag(bool),
        Integer(i64),
        None(()),
    }
    let mut extensions = BTreeMap::new();
    for (name, value) in members.0 {
        let text = match serde_json::from_str(value.get()) {
            Ok(Value::Text(text)) => text,
            Ok(Value::Flag(flag)) => flag.to_string(),
            Ok(Value::Integer(number)) => number.to_string(),
            Ok(Value::None(())) => continue,
            Err(_) => return Err(Invalid::new(&name, "not a string, boolean or integer")),
        };
        extensions.insert(name, text);
    }
    Ok(extensions)
}

#[cfg(test)]
mod tests;
