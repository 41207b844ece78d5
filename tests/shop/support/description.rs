//! Checks every response against the OpenAPI description.
//!
//! An unchecked description becomes outdated. Here each response is looked up by method, path and
//! status; a status that the operation does not name, another media type, a body off its schema, a
//! field off its schema, a problem with an undocumented type: all of them fail the scenario.

use harness::{Answer, Client};
use http::{HeaderMap, Method};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

const PATH: &str = "/api/v1/openapi.json";
/// The path of the list of problem types.
const PROBLEMS: &str = "/problems";
/// The media type of problems.
const PROBLEM: &str = "application/problem+json";
/// The prefixes of the API: each path below them is described, or does not exist.
const PREFIXES: [&str; 7] =
    ["/api", "/oauth2", "/.well-known", "/webhooks", "/livez", "/readyz", PROBLEMS];

/// The description, and the validators of the schemas that were used so far.
pub(crate) struct Description {
    document: Value,
    /// The documented problem types.
    types: BTreeSet<String>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Description {
    pub(crate) async fn fetch(client: &Client) -> Arc<Self> {
        let answer = client.get(PATH).await.expect(200);
        let list = client.with("accept", "application/json").get(PROBLEMS).await.expect(200);
        let items = list.json()["items"].as_array().expect("a list").clone();
        let types = items.iter().filter_map(|item| item["type"].as_str().map(str::to_owned));
        let (document, types) = (answer.json(), types.collect());
        let description = Self { document, types, validators: Mutex::default() };
        description.check(&Method::GET, PATH, &answer);
        description.check(&Method::GET, PROBLEMS, &list);
        Arc::new(description)
    }

    /// The whole document.
    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    /// Checks that the description allows a response.
    ///
    /// # Panics
    /// If it does not.
    pub(crate) fn check(&self, method: &Method, path: &str, answer: &Answer) {
        let path = path.split('?').next().unwrap_or_default();
        let place = format!("{method} {path} → {}: {}", answer.status, answer.text());
        let is_below = |place: &str| {
            path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !PREFIXES.into_iter().any(is_below) {
            return;
        }
        assert!(!answer.header("x-request-id").is_empty(), "no X-Request-Id: {place}");
        match self.operations(path) {
            None => self.check_nothing(answer, &place),
            Some(item) => self.check_operation(item, method, answer, &place),
        }
    }

    /// Checks the response for a path without operations.
    fn check_nothing(&self, answer: &Answer, place: &str) {
        assert!([400, 404].contains(&answer.status.as_u16()), "{place}");
        self.check_problem(answer, place);
    }

    fn check_problem(&self, answer: &Answer, place: &str) {
        assert_eq!(answer.header("content-type"), PROBLEM, "{place}");
        self.check_schema(&json!({"$ref": "#/components/schemas/Problem"}), &answer.json(), place);
        self.check_type(&answer.json(), place);
    }

    /// Checks that the type of a problem is documented. Problems of the host have no type of the
    /// shop.
    fn check_type(&self, problem: &Value, place: &str) {
        let kind = problem["type"].as_str().unwrap_or_default();
        assert!(kind == "about:blank" || self.types.contains(kind), "`{kind}`: {place}");
    }

    fn check_operation(&self, item: &Value, method: &Method, answer: &Answer, place: &str) {
        let name = if method == Method::HEAD { "get" } else { &method.as_str().to_lowercase() };
        let Some(operation) = item.get(name) else {
            let allow = answer.header("allow");
            let named = item.as_object().expect("a path item").keys();
            for known in named.filter(|name| *name != "parameters") {
                let known = known.to_uppercase();
                assert!(allow.split(", ").any(|one| one == known), "{known} in Allow: {place}");
            }
            if method != Method::OPTIONS {
                assert_eq!(answer.status, 405, "{place}");
                self.check_problem(answer, place);
            }
            return;
        };
        let status = answer.status.as_str();
        let response = operation["responses"].get(status);
        let response = response.unwrap_or_else(|| panic!("undocumented status: {place}"));
        let response = self.followed(response);
        self.check_fields(response, &answer.headers, place);
        if method != Method::HEAD {
            self.check_body(response, answer, place);
        }
    }

    fn check_fields(&self, response: &Value, fields: &HeaderMap, place: &str) {
        let described = response["headers"].as_object().into_iter().flatten();
        for (name, header) in described {
            let header = self.followed(header);
            let Some(value) = fields.get(name) else {
                assert_ne!(header["required"], true, "{name} is missing: {place}");
                continue;
            };
            let value = value.to_str().expect("a field of text");
            let value = match header["schema"]["type"].as_str() {
                Some("integer") => serde_json::from_str(value).expect("a number"),
                _ => json!(value),
            };
            self.check_schema(&header["schema"], &value, &format!("{name} of {place}"));
        }
    }

    fn check_body(&self, response: &Value, answer: &Answer, place: &str) {
        let Some(content) = response["content"].as_object() else {
            assert!(answer.body.is_empty(), "a body that is not described: {place}");
            return;
        };
        let media_type = answer.header("content-type").split(';').next().unwrap_or_default();
        let described = content.get(media_type);
        let described = described.unwrap_or_else(|| panic!("`{media_type}`: {place}"));
        if media_type.ends_with("json") {
            self.check_schema(&described["schema"], &answer.json(), place);
        }
        if media_type == PROBLEM {
            self.check_type(&answer.json(), place);
        }
    }

    fn check_schema(&self, schema: &Value, instance: &Value, place: &str) {
        let validator = self.validator(schema);
        let faults: Vec<String> = validator
            .iter_errors(instance)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?} in {place}");
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("the validators");
        let build = || {
            // References are within the document: its components come along.
            let mut whole = schema.clone();
            whole["components"] = self.document["components"].clone();
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            Arc::new(options.build(&whole).expect("a schema"))
        };
        validators.entry(schema.to_string()).or_insert_with(build).clone()
    }

    /// The target of a reference, or the value itself.
    fn followed<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        let pointer = reference.strip_prefix('#').expect("references are local");
        self.document.pointer(pointer).expect("references lead somewhere")
    }

    /// The operations of a path. Of several templates that match, the one with the fewest
    /// parameters.
    fn operations(&self, path: &str) -> Option<&Value> {
        let paths = self.document["paths"].as_object()?.iter();
        let fitting = paths.filter(|(template, _)| fits(template, path));
        let parameters = |template: &str| template.matches('{').count();
        fitting.min_by_key(|(template, _)| parameters(template)).map(|(_, item)| item)
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(expected, part)| {
            expected == part || (expected.starts_with('{') && !part.is_empty())
        })
}
