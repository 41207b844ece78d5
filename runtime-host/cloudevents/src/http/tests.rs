#![allow(clippy::unwrap_used)]
use super::*;
use ::http::HeaderMap;
use proptest::prelude::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let value = |value: &str| HeaderValue::from_bytes(value.as_bytes()).unwrap();
    lines.iter().map(|(name, line)| (HeaderName::from_static(name), value(line))).collect()
}

/// The binary example of the HTTP binding's specification, section 3.1.4.
const SPEC: [(&str, &str); 7] = [
    ("ce-specversion", "1.0"),
    ("ce-type", "com.example.someevent"),
    ("ce-time", "2018-04-05T03:56:24Z"),
    ("ce-id", "1234-1234-1234"),
    ("ce-source", "/mycontext/subcontext"),
    ("ce-comexampleextension", "value"),
    ("content-type", "application/json; charset=utf-8"),
];

fn event() -> Event {
    from_request(&headers(&SPEC), b"{\"much\":\"wow\"}").unwrap().remove(0)
}

#[test]
fn the_binary_example_of_the_specification_reads() {
    let event = event();
    assert_eq!(event.id, "1234-1234-1234");
    assert_eq!(event.data_content_type.as_deref(), Some("application/json; charset=utf-8"));
    assert_eq!(event.extensions["comexampleextension"], "value");
    assert_eq!(event.data, "{\"much\":\"wow\"}");
    let (headers, body) = to_binary(&event);
    assert_eq!(headers["ce-time"], "2018-04-05T03:56:24Z");
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(from_request(&headers, body.as_bytes()), Ok(vec![event]));
}

#[test]
fn header_values_are_encoded_as_the_specification_says() {
    let with = |subject: &str| Event { subject: Some(subject.to_owned()), ..event() };
    let encoded = |subject: &str| to_binary(&with(subject)).0["ce-subject"].clone();
    // The example of section 3.1.3.2.
    assert_eq!(encoded("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
    assert_eq!(encoded("100% \"q\""), "100%25%20%22q%22");
    assert_eq!(encoded("a!~'/"), "a!~'/");
}

#[test]
fn header_values_are_decoded_once_and_out_of_their_quotes() {
    let subject = |value: &str| {
        let mut lines = headers(&SPEC);
        lines.insert("ce-subject", HeaderValue::from_bytes(value.as_bytes()).unwrap());
        let events = from_request(&lines, b"")?;
        Ok::<_, Invalid>(events[0].subject.clone().unwrap_or_default())
    };
    assert_eq!(subject("Euro%20%e2%82%ac").unwrap(), "Euro €");
    assert_eq!(subject("a%2520b").unwrap(), "a%20b");
    assert_eq!(subject("\"a \\\"b\\\" %C3%A9\"").unwrap(), "a \"b\" é");
    assert_eq!(subject("50%zz").unwrap(), "50%zz");
    assert_eq!(subject("%C0%A0").unwrap_err().attribute, "subject", "overlong UTF-8");
    assert_eq!(subject("%0D%0Ax").unwrap_err().attribute, "subject", "smuggled line");
    assert_eq!(subject("").unwrap_err().attribute, "subject");
}

#[test]
fn the_content_type_tells_the_mode() {
    let event = event();
    for name in [STRUCTURED, "Application/CloudEvents+JSON; charset=UTF-8"] {
        let (_, body) = to_structured(&event);
        let read = from_request(&headers(&[("content-type", name)]), body.as_bytes());
        assert_eq!(read, Ok(vec![event.clone()]), "{name}");
    }
    let (lines, body) = to_batch(&[event.clone(), event.clone()]);
    assert_eq!(lines["content-type"], BATCH);
    assert_eq!(from_request(&lines, body.as_bytes()), Ok(vec![event.clone(), event.clone()]));
    for name in [
        "application/cloudevents+avro",
        "application/cloudevents+json; charset=utf-16",
        "application/cloudevents",
        "application/json",
        "",
    ] {
        let (_, body) = to_structured(&event);
        let read = from_request(&headers(&[("content-type", name)]), body.as_bytes());
        assert!(read.unwrap_err().is_unsupported(), "{name}");
    }
}

#[test]
fn hostile_headers_are_refused() {
    let mut twice = headers(&SPEC);
    twice.append("ce-id", HeaderValue::from_static("other"));
    assert_eq!(from_request(&twice, b"").unwrap_err().reason, "stands twice");
    for (name, value, fault) in [
        ("ce-specversion", "0.3", "specversion"),
        ("ce-id", "", "id"),
        ("ce-source", "a b", "source"),
        ("ce-some-name", "x", "some-name"),
        ("ce-data", "x", "data"),
        ("ce-time", "yesterday", "time"),
    ] {
        let mut lines = headers(&SPEC);
        lines.insert(name, HeaderValue::from_static(value));
        let error = from_request(&lines, b"").unwrap_err();
        assert_eq!((error.attribute.as_str(), error.is_unsupported()), (fault, false), "{name}");
    }
    for name in ["ce-id", "ce-source", "ce-type"] {
        let mut lines = headers(&SPEC);
        lines.remove(name);
        assert_eq!(from_request(&lines, b"").unwrap_err().attribute, name[3..]);
    }
    assert_eq!(from_request(&headers(&SPEC), b"\xff").unwrap_err().attribute, "data");
}

#[test]
fn a_batch_stays_within_its_bytes() {
    let mut long = event();
    long.data = format!("\"{}\"", "x".repeat(crate::DATA_BYTES_MAX - 2));
    let many = vec![long; 9];
    let fitting = batch_prefix(&many);
    assert_eq!(fitting, 7);
    assert!(to_batch(&many[..fitting]).1.len() <= BODY_BYTES_MAX);
    assert!(to_batch(&many[..fitting + 1]).1.len() > BODY_BYTES_MAX);
    let mut escaped = event();
    escaped.data_content_type = Some("text/plain".to_owned());
    escaped.data = "\u{1}".repeat(crate::DATA_BYTES_MAX);
    assert!(to_batch(&[escaped]).1.len() <= BODY_BYTES_MAX, "the longest event fits");
    assert_eq!(batch_prefix(&[]), 0);
    assert_eq!(batch_prefix(&vec![event(); 2_000]), BATCH_EVENTS_MAX);
}

prop_compose! {
    fn any_event()(
        id in "\\PC{1,40}",
        subject in proptest::option::of("\\PC{1,40}"),
        extensions in proptest::collection::btree_map(
            "x[a-z0-9]{0,10}", "\\PC{0,20}", 0..4),
        media_type in proptest::option::of(
            proptest::sample::select(vec!["application/json", "text/plain; charset=utf-8"])),
        data in prop_oneof!["\\PC{0,40}", Just("{\"a\": [1, 2.50]}".to_owned()), Just("null".to_owned())],
    ) -> Event {
        let data_content_type = media_type.map(str::to_owned);
        // White space around a JSON value is not part of it.
        let data = data.trim().to_owned();
        Event { id, subject, extensions, data_content_type, data, ..event() }
    }
}

proptest! {
    #[test]
    fn every_event_survives_every_mode(event in any_event()) {
        prop_assert_eq!(event.check(), Ok(()));
        for (headers, body) in
            [to_binary(&event), to_structured(&event), to_batch(std::slice::from_ref(&event))]
        {
            prop_assert_eq!(from_request(&headers, body.as_bytes()), Ok(vec![event.clone()]));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(value in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut lines = headers(&SPEC);
        if let Ok(line) = HeaderValue::from_bytes(&value) {
            lines.insert("ce-subject", line);
        }
        let _ = from_request(&lines, &value);
        let _ = from_request(&content_type(STRUCTURED), &value);
    }
}
