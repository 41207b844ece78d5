//! The HTTP binding: binary, structured and batch messages.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>.

use crate::event::{Event, Invalid};
use crate::json;
use ::http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};
use std::collections::BTreeMap;

/// Media type of a structured message.
pub const STRUCTURED: &str = "application/cloudevents+json";
/// Media type of a batch.
pub const BATCH: &str = "application/cloudevents-batch+json";
/// Most events of a batch.
pub const BATCH_EVENTS_MAX: usize = 1_000;
/// Longest body that is sent or has to be read, in bytes. The longest event fits in every mode.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

const PREFIX: &str = "ce-";

/// What a header can't carry: space, quote, percent and all that is not printable ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// A message whose headers are the attributes and whose body is the data. For an event that
/// passes [`Event::check`]; an attribute that no header can carry is left out.
pub fn to_binary(event: &Event) -> (HeaderMap, String) {
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        let encoded = utf8_percent_encode(value, ENCODED).to_string();
        let name = HeaderName::try_from(format!("{PREFIX}{name}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(encoded)) {
            headers.insert(name, value);
        }
    };
    for (name, value) in &event.extensions {
        set(name, value);
    }
    set("specversion", "1.0");
    set("id", &event.id);
    set("source", &event.source);
    set("type", &event.kind);
    for (name, value) in
        [("subject", &event.subject), ("time", &event.time), ("dataschema", &event.data_schema)]
    {
        value.iter().for_each(|value| set(name, value));
    }
    let media_type = event.data_content_type.as_deref().map(HeaderValue::try_from);
    if let Some(Ok(media_type)) = media_type {
        headers.insert(CONTENT_TYPE, media_type);
    }
    (headers, event.data.clone())
}

/// A message whose body is the event in the JSON format.
pub fn to_structured(event: &Event) -> (HeaderMap, String) {
    (content_type(STRUCTURED), json::to_string(event))
}

/// A message whose body is a JSON array of events; see [`batch_prefix`].
pub fn to_batch(events: &[Event]) -> (HeaderMap, String) {
    (content_type(BATCH), json::to_batch(events))
}

/// How many of the first events make a batch within [`BATCH_EVENTS_MAX`] and
/// [`BODY_BYTES_MAX`]: at least one, if there is one.
pub fn batch_prefix(events: &[Event]) -> usize {
    let mut bytes = 2;
    let fits = |event: &&Event| {
        bytes += json::to_string(event).len() + 1;
        bytes <= BODY_BYTES_MAX
    };
    let fitting = events.iter().take(BATCH_EVENTS_MAX).take_while(fits).count();
    fitting.max(1).min(events.len())
}

fn content_type(media_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))])
}

/// The events of a message in any of the three modes, which follows from its content type. Each is
/// checked. [`Invalid::is_unsupported`] if the message is no CloudEvent, or one in a format
/// that is not JSON.
pub fn from_request(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Event>, Invalid> {
    let media_type = media_type(headers)?;
    let (essence, parameters) = match media_type.split_once(';') {
        Some((essence, parameters)) => (essence.trim().to_ascii_lowercase(), parameters),
        None => (media_type.trim().to_ascii_lowercase(), ""),
    };
    if !essence.starts_with("application/cloudevents") {
        return binary(headers, media_type, body).map(|event| vec![event]);
    }
    if !is_utf8(parameters) {
        return Err(unsupported("only UTF-8 is read"));
    }
    match essence.as_str() {
        STRUCTURED => json::from_slice(body).map(|event| vec![event]),
        BATCH => json::batch_from_slice(body, BATCH_EVENTS_MAX),
        _ => Err(unsupported("only the JSON format is read")),
    }
}

fn media_type(headers: &HeaderMap) -> Result<&str, Invalid> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok("") };
    value.to_str().map_err(|_| unsupported("not a media type"))
}

fn unsupported(reason: &str) -> Invalid {
    Invalid::new("content-type", reason)
}

/// JSON is UTF-8, whether the parameters say so or nothing.
fn is_utf8(parameters: &str) -> bool {
    parameters.split(';').filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

fn binary(headers: &HeaderMap, media_type: &str, body: &[u8]) -> Result<Event, Invalid> {
    let mut attributes = attributes(headers)?;
    match attributes.remove("specversion").as_deref() {
        Some("1.0") => {}
        Some(_) => return Err(Invalid::new("specversion", "only 1.0 is understood")),
        None => return Err(unsupported("neither ce-specversion nor a media type of CloudEvents")),
    }
    let data = std::str::from_utf8(body).map_err(|_| Invalid::new("data", "not UTF-8"))?;
    let mut required =
        |name: &str| attributes.remove(name).ok_or_else(|| Invalid::new(name, "missing or empty"));
    let event = Event {
        id: required("id")?,
        source: required("source")?,
        kind: required("type")?,
        subject: attributes.remove("subject"),
        time: attributes.remove("time"),
        data_content_type: (!media_type.is_empty()).then(|| media_type.to_owned()),
        data_schema: attributes.remove("dataschema"),
        extensions: attributes,
        data: data.to_owned(),
    };
    event.check()?;
    Ok(event)
}

fn attributes(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Invalid> {
    let mut attributes = BTreeMap::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else { continue };
        if attributes.insert(name.to_owned(), decode(name, value)?).is_some() {
            return Err(Invalid::new(name, "stands twice"));
        }
    }
    Ok(attributes)
}

/// A header's value: out of its quotes, if it has any, then percent-decoded once.
fn decode(name: &str, value: &HeaderValue) -> Result<String, Invalid> {
    let quoted = value.as_bytes().strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let plain = match quoted {
        Some(quoted) => unescape(quoted),
        None => value.as_bytes().to_vec(),
    };
    let text = percent_decode(&plain).decode_utf8();
    text.map(String::from).map_err(|_| Invalid::new(name, "not UTF-8"))
}

/// A quoted string of RFC 9110 without its backslashes.
fn unescape(quoted: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        let escaped = if *byte == b'\\' { bytes.next() } else { None };
        plain.push(*escaped.unwrap_or(byte));
    }
    plain
}

#[cfg(test)]
mod tests;
