//! The console of the admin listener, in a real Chromium.

mod accessibility;
mod assets;
mod changes;
mod figures;
mod pages;
mod revisions;
mod text;

use crate::support::{Application, Backend, application, event, publish};
use harness::Host;
use harness::browser::Browser;
use serde_json::json;

/// All that the console shows: a link with a policy, an HTTP request between components, requests to
/// another host, events with a subscriber that forwards them to the backend, and a schedule.
fn everything(backend: &Backend) -> Application {
    application(&format!(
        r#"
[application.tool.tessera.policies.guarded]
timeout_ms = 5000
breaker = {{ consecutive_failures = 1000 }}
[[trigger.http]]
route = "/..."
component = "caller"
[[trigger.http]]
route = "/publish"
component = "publisher"
[[trigger.http]]
route = "/outbound"
component = "guest"
[[trigger.http]]
route = "/log"
component = "guest"
[[trigger.http]]
route = {{ private = true }}
component = "subscriber"
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = {{ component = "callee-bridge" }}
"tessera-test:links/fragile@1.0.0" = {{ component = "callee-bridge" }}
[component.caller.tool.tessera]
calls = [{{ to = "callee", policy = "guarded" }}]
[component.callee]
source = "$callee"
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*", "http://subscriber.spin.internal"]
tool.tessera.schedule = [{{ path = "/log", every_ms = 600000 }}]
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
tool.tessera.subscribe = [{{ types = ["com.test.*"], path = "/forward?url={}" }}]
"#,
        backend.url("/")
    ))
}

/// A call over the link, and a request from one component to another.
async fn traffic(host: &Host) {
    host.client().get("/describe").await.expect(200);
    host.client().get("/outbound?url=http://subscriber.spin.internal/").await.expect(200);
}

/// Publishes an event with this key and id, and lets the subscriber reject it with this text.
async fn reject(host: &Host, backend: &mut Backend, (key, id): (&str, &str), text: &str) {
    publish(host, &[event(key, id)]).await;
    backend.next().await.answer(422, text);
}

/// Opens a page of the console.
async fn open(browser: &Browser, host: &Host, page: &str) {
    browser.go(&format!("http://{}/#{page}", host.admin_address())).await;
}

/// Opens a page that needs the token, and enters it.
async fn open_with_token(browser: &Browser, host: &Host, page: &str) {
    open(browser, host, page).await;
    let token = std::fs::read_to_string(host.state().join("admin-token")).expect("a token");
    browser.fill("token-input", token.trim()).await;
    browser.click("token-submit").await;
    browser.see("[data-testid=forget-token]").await;
}

/// Injects a fault by the API.
async fn inject(host: &Host, target: serde_json::Value) {
    let fault = json!({ "target": target, "effect": { "kind": "error" }, "duration_ms": 600_000 });
    host.admin().post("/faults", &fault).await.expect(201);
}
