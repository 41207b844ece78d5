//! Middleware of HTTP triggers.

use crate::support::{Backend, soon, stock_application};

fn app(guest: &str, middleware: &str, allowed: &str) -> crate::support::Application {
    stock_application(&format!(
        r#"
[[trigger.http]]
id = "wrapped"
route = "/..."
component = "guest"
dependencies.middleware = [{middleware}]
[[trigger.http]]
id = "bare"
route = "/bare/..."
component = "guest"
[component.guest]
source = "{guest}"
allowed_outbound_hosts = [{allowed}]
[component.marking]
source = "$middleware"
"#
    ))
}

#[tokio::test]
async fn requests_and_responses_pass_through_all_middleware_of_a_trigger() {
    let two = "{ component = \"marking\" }, { component = \"marking\" }";
    let host = app("$p3", two, "").host().start().await;
    let answer = host.client().get("/x?q=1").await.expect(200);
    assert_eq!(answer.header("x-passed"), "mm");
    let seen = answer.json();
    assert_eq!(seen["headers"]["x-passed"], "mm");
    assert_eq!(seen["headers"]["spin-matched-route"], "/...");
    assert!(seen["uri"].as_str().unwrap().ends_with("/x?q=1"), "{seen}");
    // Another trigger of the same component has no middleware.
    let bare = host.client().get("/bare/x").await.expect(200);
    assert!(bare.headers.get("x-passed").is_none());
}

#[tokio::test]
async fn middleware_can_answer_itself() {
    let host = app("$p3", "{ component = \"marking\" }", "").host().start().await;
    assert_eq!(host.client().get("/blocked").await.expect(403).text(), "blocked");
}

#[tokio::test]
async fn middleware_has_the_permissions_that_it_inherits() {
    let mut backend = Backend::start().await;
    let (allowed, path) =
        (format!("\"{}\"", backend.origin()), format!("/own?url={}", backend.url("/")));
    let host = app("$p3", "{ component = \"marking\" }", &allowed).host().start().await;
    host.client().get(&path).await.expect(502);
    assert_eq!(backend.connections(), 0);
    let inherits =
        "{ component = \"marking\", inherit_configuration = [\"allowed_outbound_hosts\"] }";
    let host = app("$p3", inherits, &allowed).host().start().await;
    let answer = host.client().spawn_get(path);
    backend.next().await.answer(203, "");
    soon(answer).await.unwrap().expect(203);
}

#[tokio::test]
async fn what_can_not_be_composed_does_not_start() {
    let old = app("$p2", "{ component = \"marking\" }", "");
    let missing = ["`guest", "does not export `wasi:http/handler@0.3.0`", "WASI 0.3"];
    old.host().assert_fails(&missing).await;
    let empty = app("$p3", "{ path = \"no.wasm\" }", "").with_file("no.wasm", "");
    empty.host().assert_fails(&["no.wasm", "it is empty"]).await;
}
