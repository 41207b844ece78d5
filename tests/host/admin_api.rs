//! The admin API is as its OpenAPI document describes it.

use crate::support::{Application, Backend, application, event, eventually, exchange, publish};
use bytes::Bytes;
use harness::openapi::{faults, schema_faults, structure_faults};
use harness::{Answer, Client, Host};
use http::Method;
use serde_json::{Value, json};

const DOCUMENT: &str = "/openapi.json";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// A publisher, and a subscriber whose events go to the backend, with policies for calls.
fn app(backend: &Backend) -> Application {
    application(&format!(
        r#"
[variables]
greeting = {{ default = "hello" }}
[application.tool.tessera.policies.default]
retry = {{}}
breaker = {{}}
bulkhead = {{ concurrency_max = 100 }}
cache = {{}}
[[trigger.http]]
route = "/..."
component = "publisher"
[[trigger.http]]
route = "/subscriber/..."
component = "subscriber"
[component.publisher]
source = "$publisher"
[component.publisher.dependencies]
"tessera:events/producer@1.0.0" = {{ component = "events-bridge" }}
"tessera:events/log@1.0.0" = {{ component = "events-bridge" }}
[component.events-bridge]
source = "$publisher"
tool.tessera.bridges = "host"
[component.subscriber]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
[component.subscriber.tool.tessera]
subscribe = [{{ types = ["com.test.*"], path = "/forward?url={}" }}]
schedule = [{{ path = "/", every_ms = 3600000 }}]
"#,
        backend.url("/")
    ))
}

/// A host with something to show at each path: a dead letter, an edge, spans and a fault.
async fn busy_host() -> Host {
    let mut backend = Backend::start().await;
    let host = app(&backend).host().argument("--chaos").start().await;
    publish(&host, &[event("a", "a1")]).await;
    backend.next().await.answer(422, "no such thing");
    eventually(async || {
        let letters = host.admin().get("/dead-letters").await.expect(200).json();
        (letters["dead_letters"] != json!([])).then_some(())
    })
    .await;
    let fault = json!({
        "target": { "kind": "store", "label": "none" },
        "effect": { "kind": "error" },
        "duration_ms": 600_000,
    });
    host.admin().post("/faults", &fault).await.expect(201);
    let flag = json!({
        "type": "boolean", "variants": { "on": true }, "default_variant": "on",
        "rules": [{ "split": [{ "variant": "on", "weight": 1 }] }],
    });
    host.admin().put("/flags/a", &flag).await.expect(200);
    host
}

async fn document(host: &Host) -> Value {
    host.admin().get(DOCUMENT).await.expect(200).json()
}

/// An operation of the document.
struct Operation {
    method: Method,
    path: String,
    described: Value,
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("paths").iter();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().expect("operations").iter();
        methods.map(move |(method, described)| Operation {
            method: method.to_uppercase().parse().expect("a method"),
            path: path.clone(),
            described: described.clone(),
        })
    });
    all.collect()
}

impl Operation {
    fn needs_token(&self) -> bool {
        self.described["security"].is_array()
    }

    /// The path with values of its parameters.
    fn concrete_path(&self) -> String {
        self.path.replace("{id}", "1").replace("{name}", "subscriber").replace("{key}", "a")
    }

    /// The example of its body, if it has one.
    fn body(&self, document: &Value) -> Option<Value> {
        let content = &self.described["requestBody"]["content"]["application/json"];
        let name = content["schema"]["$ref"].as_str()?.rsplit_once('/')?.1;
        Some(document["components"]["schemas"][name]["examples"][0].clone())
    }

    async fn send(&self, client: &Client, document: &Value) -> Answer {
        let body = self.body(document).map_or(Bytes::new(), |body| body.to_string().into());
        client
            .send(self.method.clone(), &self.concrete_path(), Some("application/json"), body)
            .await
    }

    /// Fails if the response is not one that is described.
    fn check(&self, document: &Value, answer: &Answer) {
        let place = format!("{} {}: {answer:?}", self.method, self.path);
        let response = &self.described["responses"][answer.status.as_str()];
        assert!(response.is_object(), "undescribed status: {place}");
        let Some(content) = response["content"].as_object() else {
            assert!(answer.body.is_empty(), "a body that is not described: {place}");
            return;
        };
        let media_type = answer.header("content-type").split(';').next().unwrap_or_default();
        let schema = content.get(media_type).map(|content| &content["schema"]);
        let schema = schema.unwrap_or_else(|| panic!("undescribed media type: {place}"));
        if media_type.ends_with("json") {
            let found = faults(&closed(schema, document), &answer.json());
            assert_eq!(found, Vec::<String>::new(), "{place}");
        }
    }
}

/// A schema with those that it refers to. Unlike for clients, members that it does not name are
/// faults: the document would be incomplete.
fn closed(schema: &Value, document: &Value) -> Value {
    let mut components = document["components"].clone();
    for schema in components["schemas"].as_object_mut().expect("schemas").values_mut() {
        if schema["properties"].is_object() {
            schema["additionalProperties"] = false.into();
        }
    }
    let mut whole = schema.clone();
    whole["components"] = components;
    whole
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_describes_itself() {
    let host = busy_host().await;
    let document = document(&host).await;
    assert_eq!(structure_faults(&document), Vec::<String>::new());
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        assert_eq!(schema_faults(schema), Vec::<String>::new(), "{name}");
    }
    assert!(document["paths"][DOCUMENT]["get"].is_object(), "{document}");
}

#[tokio::test]
async fn each_operation_answers_as_described() {
    let host = busy_host().await;
    let document = document(&host).await;
    let mut operations = operations(&document);
    assert!(operations.len() > 15, "{document}");
    // Reads come first, while there is something to read.
    operations.sort_by_key(|operation| operation.method != Method::GET);
    for operation in &operations {
        let answer = operation.send(&host.admin(), &document).await;
        operation.check(&document, &answer);
        let is_list =
            operation.method == Method::GET && answer.header("content-type").ends_with("/json");
        if is_list {
            assert_eq!(answer.status, 200, "{}", operation.path);
            let members = answer.json().as_object().expect("an object").clone();
            let is_empty = members.values().any(|value| value == &json!([]));
            assert!(!is_empty, "nothing to check at {}: {answer:?}", operation.path);
        }
    }
}

#[tokio::test]
async fn each_operation_needs_the_token_if_it_is_described_so() {
    let host = busy_host().await;
    let document = document(&host).await;
    let stranger = Client::new(&format!("http://{}", host.admin_address()));
    for operation in operations(&document) {
        let answer = operation.send(&stranger, &document).await;
        let place = format!("{} {}", operation.method, operation.path);
        assert_eq!(answer.status == 401, operation.needs_token(), "{place}: {answer:?}");
        operation.check(&document, &answer);
    }
    // Nothing has changed.
    let faults = host.admin().get("/faults").await.expect(200).json();
    assert_eq!(faults["faults"].as_array().map(Vec::len), Some(1), "{faults}");
}

#[tokio::test]
async fn each_path_has_the_described_methods_and_no_other() {
    let host = busy_host().await;
    let document = document(&host).await;
    let operations = operations(&document);
    for path in document["paths"].as_object().expect("paths").keys() {
        let of_path: Vec<_> = operations.iter().filter(|one| one.path == *path).collect();
        let known = |method: &str| of_path.iter().any(|one| one.method == method);
        for other in METHODS.into_iter().filter(|method| !known(method)) {
            let method: Method = other.parse().expect("a method");
            let concrete = of_path[0].concrete_path();
            let refused = host.admin().send(method, &concrete, None, Bytes::new()).await;
            assert_eq!(refused.status, 405, "{other} {path}");
            let allowed: Vec<_> = refused.header("allow").split(", ").collect();
            assert_eq!(allowed.contains(&"HEAD"), known("GET"), "{path}: {allowed:?}");
            let allowed = allowed.into_iter().filter(|method| *method != "HEAD");
            assert!(allowed.clone().all(known), "{path}: {refused:?}");
            assert_eq!(allowed.count(), of_path.len(), "{path}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn each_path_is_served_under_every_host_name_if_it_is_described_so() {
    let host = busy_host().await;
    let document = document(&host).await;
    for operation in operations(&document) {
        let (method, path) = (&operation.method, operation.concrete_path());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: rebound.example\r\ncontent-length: 0\r\n\
             connection: close\r\n\r\n"
        );
        let answer = exchange(host.admin_address(), request.as_bytes()).await;
        let is_refused = answer.starts_with("HTTP/1.1 403 ");
        let is_described = operation.described["responses"]["403"].is_object();
        assert_eq!(is_refused, is_described, "{method} {path}: {answer}");
    }
}
