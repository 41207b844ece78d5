#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::{Value, json};

/// The first example of the JSON format's specification, section 3.2.
const SPEC: &str = r#"{
    "specversion" : "1.0",
    "type" : "com.example.someevent",
    "source" : "/mycontext",
    "subject": null,
    "id" : "C234-1234-1234",
    "time" : "2018-04-05T17:31:00Z",
    "comexampleextension1" : "value",
    "comexampleothervalue" : 5,
    "datacontenttype" : "application/json",
    "data" : {
        "appinfoA" : "abc",
        "appinfoB" : 123,
        "appinfoC" : true
    }
}"#;

fn with(member: &str, value: Value) -> Result<Event, Invalid> {
    let mut event: Value = serde_json::from_str(SPEC).unwrap();
    event[member] = value;
    from_slice(event.to_string().as_bytes())
}

#[test]
fn the_example_of_the_specification_reads_and_writes() {
    let event = from_slice(SPEC.as_bytes()).unwrap();
    assert_eq!((event.id.as_str(), event.subject.as_deref()), ("C234-1234-1234", None));
    assert_eq!(event.extensions["comexampleothervalue"], "5");
    let data: Value = serde_json::from_str(&event.data).unwrap();
    assert_eq!(data, json!({"appinfoA":"abc","appinfoB":123,"appinfoC":true}));
    let written: Value = serde_json::from_str(&to_string(&event)).unwrap();
    assert_eq!(written["data"], data, "data is a value, not a string of JSON");
    assert_eq!(written["comexampleextension1"], "value");
    assert!(!written.as_object().unwrap().contains_key("subject"));
    assert_eq!(from_slice(to_string(&event).as_bytes()), Ok(event));
}

#[test]
fn data_keeps_its_digits() {
    let json = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":1.000000000000000000001}}"#;
    let event = from_slice(json.as_bytes()).unwrap();
    assert_eq!(event.data, r#"{"n":1.000000000000000000001}"#);
    assert!(to_string(&event).contains("1.000000000000000000001"));
}

#[test]
fn text_is_a_string_and_broken_json_is_base64() {
    let text = Event {
        data_content_type: Some("text/plain".into()),
        data: "a \"quoted\"\nline".into(),
        ..from_slice(SPEC.as_bytes()).unwrap()
    };
    assert_eq!(from_slice(to_string(&text).as_bytes()), Ok(text.clone()));
    let broken = Event { data_content_type: Some("application/json".into()), ..text };
    let written: Value = serde_json::from_str(&to_string(&broken)).unwrap();
    assert_eq!(written["data_base64"], STANDARD.encode(&broken.data));
    assert_eq!(from_slice(to_string(&broken).as_bytes()), Ok(broken));
}

#[test]
fn base64_is_decoded_and_what_is_not_text_refused() {
    let mut event: Value = serde_json::from_str(SPEC).unwrap();
    event.as_object_mut().unwrap().remove("data");
    event["datacontenttype"] = "text/xml".into();
    let mut read = |encoded: &str| {
        event["data_base64"] = encoded.into();
        from_slice(event.to_string().as_bytes())
    };
    assert_eq!(read("PG11Y2ggd293PSJ4bWwiLz4=").unwrap().data, "<much wow=\"xml\"/>");
    assert_eq!(read("?").unwrap_err().attribute, "data_base64");
    assert_eq!(read("/w==").unwrap_err().attribute, "data");
    assert_eq!(with("data_base64", "".into()).unwrap_err().attribute, "data");
}

#[test]
fn hostile_objects_are_refused_with_the_member() {
    for (member, value) in [
        ("specversion", json!("0.3")),
        ("specversion", json!(1.0)),
        ("specversion", Value::Null),
        ("id", json!("")),
        ("id", json!(5)),
        ("source", Value::Null),
        ("type", json!(["t"])),
        ("time", json!(1_522_949_460)),
        ("Extension", json!("x")),
        ("nested", json!({"a": 1})),
        ("fraction", json!(1.5)),
    ] {
        assert_eq!(with(member, value.clone()).unwrap_err().attribute, member, "{value}");
    }
    let twice = SPEC.replacen('{', r#"{"id":"other","#, 1);
    assert!(from_slice(twice.as_bytes()).unwrap_err().reason.contains("stands twice"));
    for broken in ["", "[]", "null", "\"x\"", "{", &SPEC[1..]] {
        assert_eq!(from_slice(broken.as_bytes()).unwrap_err().attribute, "event", "{broken}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        from_slice(SPEC.replace(": 5", &format!(": {deep}")).as_bytes()).unwrap_err().attribute,
        "comexampleothervalue"
    );
    let data = from_slice(SPEC.replace("true", &deep).as_bytes()).unwrap().data;
    assert!(data.contains(&deep), "data is not looked into");
}

#[test]
fn a_batch_is_all_or_nothing_and_bounded() {
    let event = from_slice(SPEC.as_bytes()).unwrap();
    let batch = to_batch(&[event.clone(), event.clone()]);
    assert_eq!(batch_from_slice(batch.as_bytes(), 2), Ok(vec![event.clone(), event]));
    assert_eq!(batch_from_slice(batch.as_bytes(), 1).unwrap_err().attribute, "batch");
    assert_eq!(batch_from_slice(b"[]", 1), Ok(Vec::new()));
    assert!(batch_from_slice(format!("[{SPEC},{{}}]").as_bytes(), 9).is_err());
}
