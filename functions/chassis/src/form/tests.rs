#![allow(clippy::unwrap_used)]
use super::*;
use http::StatusCode;
use serde_json::json;

fn faults(problem: Problem) -> Vec<(String, String)> {
    problem.errors().iter().map(|f| (f.pointer.clone(), f.detail.clone())).collect()
}

#[test]
fn a_sound_body_is_read() {
    let body = JsonBody(json!({"sku": "A", "quantity": 3, "gift": null, "to": {"city": "Ulm"}}));
    let mut fields = body.fields();
    let sku = fields.string("sku", 1..=64);
    let quantity = fields.integer("quantity", 1..=1000u32);
    let gift = fields.optional_boolean("gift");
    let city = fields.object("to", |f| f.string("city", 1..=10));
    fields.finish().unwrap();
    assert_eq!((sku.as_deref(), quantity, gift), (Some("A"), Some(3), None));
    assert_eq!(city.as_deref(), Some("Ulm"));
}

#[test]
fn every_fault_is_reported_at_once_with_its_pointer() {
    let body = JsonBody(json!({
        "sku": "", "quantity": 4294967296u64, "note": 7, "color/size": 1,
        "items": [{"sku": "A"}, 5, {"sku": "B", "x": 1}],
    }));
    let mut fields = body.fields();
    fields.string("sku", 1..=64);
    fields.integer("quantity", 1..=1000u32);
    fields.optional_string("note", 0..=10);
    fields.string("email", 3..=100);
    fields.array("items", 1..=10, |f| f.string("sku", 1..=64));
    let problem = fields.finish().unwrap_err();
    assert_eq!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let expected = [
        ("/sku", "must have 1 to 64 characters"),
        ("/quantity", "must be a whole number from 1 to 1000"),
        ("/note", "must be a string"),
        ("/email", "is required"),
        ("/items/1", "must be a JSON object"),
        ("/items/2/x", "is not known here"),
        ("/color~1size", "is not known here"),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(p, d)| ((*p).to_owned(), (*d).to_owned())).collect();
    assert_eq!(faults(problem), expected);
}

#[test]
fn fractions_negatives_and_strings_are_not_quantities() {
    for value in [json!(1.5), json!(-1), json!("3"), json!(0), json!([1]), json!(true)] {
        let body = JsonBody(json!({ "n": value }));
        let mut fields = body.fields();
        assert_eq!(fields.integer("n", 1..=1000u32), None, "{value}");
        assert_eq!(faults(fields.finish().unwrap_err()).len(), 1, "{value}");
    }
}

#[test]
fn a_body_that_is_no_object_is_one_fault() {
    let body = JsonBody(json!([]));
    let mut fields = body.fields();
    fields.string("sku", 1..=64);
    let expected = vec![(String::new(), "must be a JSON object".to_owned())];
    assert_eq!(faults(fields.finish().unwrap_err()), expected);
}

#[test]
fn thousands_of_faults_are_cut_off() {
    let members: serde_json::Map<_, _> = (0..5_000).map(|n| (n.to_string(), json!(1))).collect();
    let body = JsonBody(Value::Object(members));
    assert_eq!(faults(body.fields().finish().unwrap_err()).len(), fields::FAULTS_MAX);
}

async fn extract(content_type: Option<&str>, body: impl Into<Body>) -> Result<JsonBody, Problem> {
    let mut request = Request::post("/");
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    JsonBody::from_request(request.body(body.into()).unwrap(), &()).await
}

#[tokio::test]
async fn bodies_that_are_not_json_are_refused_by_kind() {
    let status = |result: Result<JsonBody, Problem>| result.unwrap_err().status().as_u16();
    assert!(extract(Some("application/json; charset=utf-8"), "{}").await.is_ok());
    assert!(extract(Some("Application/JSON"), "{}").await.is_ok());
    let twice = extract(Some("application/json"), r#"{"a": 1, "a": 1}"#).await;
    assert_eq!(status(twice), 400);
    assert_eq!(status(extract(None, "{}").await), 415);
    assert_eq!(status(extract(Some("text/plain"), "{}").await), 415);
    assert_eq!(status(extract(Some("application/json"), "{\n  oops").await), 400);
    let huge = vec![b' '; BODY_BYTES_MAX + 1];
    assert_eq!(status(extract(Some("application/json"), huge).await), 413);
    let full = [vec![b' '; BODY_BYTES_MAX - 2], b"{}".to_vec()].concat();
    assert!(extract(Some("application/json"), full).await.is_ok());
}
