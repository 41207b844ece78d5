//! Applications with a publisher and subscribers, which forward their events to a server of the
//! test.

use super::{Application, Backend, application};
use harness::Host;
use http::Method;
use serde_json::{Value, json};

/// The components `publisher`, with a public route, and `subscriber`, with this `subscribe`.
/// `$backend` stands for a path that forwards to the backend.
pub(crate) fn subscribed(backend: &Backend, subscribe: &str) -> Application {
    let subscribe = subscribe.replace("$backend", &format!("/forward?url={}", backend.url("/")));
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "publisher"
[[trigger.http]]
route = {{ private = true }}
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
tool.tessera.subscribe = [{subscribe}]
"#
    ))
}

/// An event of the type `com.test.thing.happened.v1` with this key and id.
pub(crate) fn event(key: &str, id: &str) -> Value {
    json!({
        "id": id,
        "source": "/test/publisher",
        "type": "com.test.thing.happened.v1",
        "subject": key,
        "time": "2026-01-02T03:04:05Z",
        "partition_key": key,
        "data": { "key": key, "id": id },
    })
}

/// Publish events through the component. They are durable when this returns.
pub(crate) async fn publish(host: &Host, events: &[Value]) {
    host.client().post("/publish", &json!(events)).await.expect(204);
}

/// `POST` without a body at the admin listener, with the admin token.
pub(crate) async fn admin_post(host: &Host, path: &str) -> harness::Answer {
    host.admin().send(Method::POST, path, None, bytes::Bytes::new()).await
}
