#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The document against the table, and against itself.

use super::*;
use std::collections::BTreeSet;

/// Every operation: path, method, and what the document says of it.
fn operations() -> Vec<(String, String, Value)> {
    let document = document().unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let methods = |(path, item): (String, Value)| {
        let item = item.as_object().unwrap().clone();
        item.into_iter()
            .filter(|(method, _)| method != "parameters")
            .map(move |(method, operation)| (path.clone(), method, operation))
            .collect::<Vec<_>>()
    };
    paths.into_iter().flat_map(methods).collect()
}

#[test]
fn every_route_of_the_api_is_described_and_nothing_else_is() {
    let table: BTreeSet<_> = routes().iter().filter_map(|route| route.operation).collect();
    let part = Part::all().unwrap();
    let files: BTreeSet<_> = part.operations.keys().map(String::as_str).collect();
    assert_eq!(table, files);
    assert_eq!(operations().len(), table.len());
}

/// Two components must not mean different things by one name.
#[test]
fn every_name_is_defined_once() {
    let mut seen = BTreeSet::new();
    for text in PARTS {
        let part: Part = serde_json::from_str(text).unwrap();
        for (kind, members) in
            [("operation", part.operations), ("schema", part.schemas), ("response", part.responses)]
        {
            for name in members.into_iter().map(|(name, _)| name) {
                assert!(seen.insert((kind, name.clone())), "{kind} {name}");
            }
        }
    }
}

#[test]
fn bodies_are_those_of_the_table() {
    let described = Part::all().unwrap().operations;
    for route in routes().iter().filter(|route| route.method != http::Method::GET) {
        let Some(name) = route.operation else { continue };
        let has_body = described[name].get("requestBody").is_some();
        assert_eq!(route.refuses_content(), !has_body, "{name}");
    }
}

#[test]
fn security_is_that_of_the_table() {
    for route in routes() {
        let Some(name) = route.operation else { continue };
        let operations = operations();
        let (path, method, operation) = operations
            .iter()
            .find(|(_, _, operation)| operation["operationId"] == name)
            .expect(name);
        assert_eq!(
            (path.as_str(), method.to_ascii_uppercase().as_str()),
            (route.path, route.method.as_str())
        );
        let security = &operation["security"];
        match route.access {
            Access::Public => assert_eq!(security, &json!([])),
            Access::Client => assert_eq!(security, &json!([{}, {"client": []}])),
            Access::Optional => assert_eq!(security, &json!([{}, {"bearer": []}])),
            Access::User => assert_eq!(security, &json!([{"bearer": []}])),
            Access::Admin | Access::Local => {
                assert_eq!(security, &json!([{"bearer": ["admin"]}]));
            }
        }
    }
}

#[test]
fn every_operation_says_what_a_reader_needs() {
    for (path, method, operation) in operations() {
        let place = format!("{method} {path}");
        for member in ["summary", "description"] {
            assert!(
                operation[member].as_str().is_some_and(|text| text.len() > 4),
                "{place} {member}"
            );
        }
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{place}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with(['2', '3'])), "{place}");
        assert!(responses.contains_key("default"), "{place}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document().unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("references are local");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                references.push(reference.to_owned());
            }
            members.values().for_each(|member| collect(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[test]
fn every_component_is_used() {
    let document = document().unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    let used: BTreeSet<_> = references.into_iter().collect();
    for kind in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{kind}/{name}")), "{kind}/{name}");
        }
    }
}

#[test]
fn every_example_fits_its_schema() {
    let document = document().unwrap();
    let mut checked = 0;
    for media in media_types(&document) {
        let mut schema = media["schema"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        for example in media["examples"].as_object().into_iter().flat_map(|map| map.values()) {
            let faults: Vec<_> =
                validator.iter_errors(&example["value"]).map(|fault| fault.to_string()).collect();
            assert_eq!(faults, Vec::<String>::new(), "{}", example["value"]);
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked} examples");
}

/// Readers compare the examples with real responses.
#[test]
fn every_problem_in_an_example_matches_its_type() {
    let mut checked = 0;
    for media in media_types(&document().unwrap()) {
        for example in media["examples"].as_object().into_iter().flat_map(|map| map.values()) {
            let problem = &example["value"];
            let path = problem["type"].as_str().filter(|path| path.starts_with("/problems/"));
            let Some(path) = path else { continue };
            let kind = chassis::ProblemType::ALL.iter().find(|kind| kind.path() == path);
            let kind = kind.expect(path);
            assert_eq!(problem["title"], kind.title(), "{path}");
            assert_eq!(problem["status"], kind.status().expect(path).as_u16(), "{path}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} examples");
}

/// Everything in the document that has a schema and examples.
fn media_types(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(members) => {
            let own = members.contains_key("schema") && members.contains_key("examples");
            let inner = members.values().flat_map(media_types);
            own.then(|| value.clone()).into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(media_types).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_response_is_the_document() {
    let response = response();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(document().unwrap()["openapi"], "3.1.0");
}
