//! Routes, and the header fields about a request that components get.

use crate::support::{Application, application, assert_problem, exchange};
use harness::{Client, Host};
use serde_json::Value;

const ROUTES: &str = r#"
[[trigger.http]]
route = "/exact"
component = "exact"
[[trigger.http]]
route = "/wild/..."
component = "wild"
[[trigger.http]]
route = "/version.*"
component = "wild"
[[trigger.http]]
route = "/users/:user/orders/:order"
component = "parameters"
[[trigger.http]]
route = "/parts/:path_segment/..."
component = "parameters"
[[trigger.http]]
route = "/slash/"
component = "exact"
[[trigger.http]]
route = "endeløst/:x"
component = "exact"
[[trigger.http]]
route = { private = true }
component = "hidden"
[[trigger.http]]
route = "/static"
static_response = { status_code = 418, headers = { "x-static" = "yes" }, body = "short and stout" }
[component]
exact.source = "$p3"
wild.source = "$p3"
parameters.source = "$p3"
hidden.source = "$p3"
"#;

async fn start() -> (Host, Client) {
    let host = application(ROUTES).host().start().await;
    let client = host.client();
    (host, client)
}

async fn seen(client: &Client, path: &str) -> Value {
    client.get(path).await.expect(200).json()["headers"].clone()
}

#[tokio::test]
async fn an_exact_route_matches_only_its_path() {
    let (_host, client) = start().await;
    assert_eq!(seen(&client, "/exact").await["spin-matched-route"], "/exact");
    assert_problem(&client.get("/exact/below").await, 404, "not-found");
    assert_problem(&client.get("/exactly").await, 404, "not-found");
}

#[tokio::test]
async fn a_wildcard_route_passes_on_the_rest_of_the_path() {
    let (_host, client) = start().await;
    for (path, rest) in [("/wild", ""), ("/wild/a", "/a"), ("/wild/a/b?q=1", "/a/b")] {
        let headers = seen(&client, path).await;
        assert_eq!(headers["spin-path-info"], rest, "{path}");
        assert_eq!(headers["spin-raw-component-route"], "/wild/...", "{path}");
        assert_eq!(headers["spin-component-route"], "/wild", "{path}");
    }
}

#[tokio::test]
async fn a_wildcard_after_a_dot_passes_on_the_rest_with_a_slash() {
    let (_host, client) = start().await;
    let headers = seen(&client, "/version.2/b.c").await;
    assert_eq!(headers["spin-path-info"], "/2/b.c");
    assert_eq!(headers["spin-matched-route"], "/version.*");
    assert_problem(&client.get("/version").await, 404, "not-found");
}

#[tokio::test]
async fn the_target_of_a_request_may_be_a_url_or_the_whole_server() {
    let host = application(Application::GUEST).host().start().await;
    let send = async |target: &str, field: &str| {
        let head = format!("{target} HTTP/1.1\r\nhost: {field}\r\nconnection: close\r\n\r\n");
        exchange(host.address(), head.as_bytes()).await
    };
    let url = send("GET https://shop.test/a?b", "shop.test").await;
    assert!(url.starts_with("HTTP/1.1 200"), "{url}");
    assert!(url.contains("\"spin-full-url\":\"http://shop.test/a?b\""), "{url}");
    let other = send("GET http://shop.test/a", "other.test").await;
    assert!(other.starts_with("HTTP/1.1 400") && other.contains("different hosts"), "{other}");
    let server = send("OPTIONS *", "shop.test").await;
    assert!(server.starts_with("HTTP/1.1 200"), "{server}");
    assert!(server.contains("\"spin-path-info\":\"/*\""), "{server}");
}

#[tokio::test]
async fn route_parameters_are_header_fields() {
    let (_host, client) = start().await;
    let headers = seen(&client, "/users/ann/orders/7").await;
    assert_eq!(headers["spin-path-match-user"], "ann");
    assert_eq!(headers["spin-path-match-order"], "7");
    assert_problem(&client.get("/users/ann/orders").await, 404, "not-found");
}

#[tokio::test]
async fn routes_and_parameters_are_named_as_in_stock_spin() {
    let (_host, client) = start().await;
    let parts = seen(&client, "/parts/one/two//three/").await;
    for (name, value) in [
        ("spin-path-match-path-segment", "one"),
        ("spin-path-info", "/two//three/"),
        ("spin-matched-route", "/parts/:path_segment/..."),
        ("spin-component-route", "/parts/:path_segment"),
    ] {
        assert_eq!(parts[name], value, "{name}");
    }
    let slash = seen(&client, "/slash").await;
    assert_eq!(slash["spin-matched-route"], "/slash");
    assert_eq!(slash["spin-raw-component-route"], "/slash/");
    assert_eq!(slash["spin-component-route"], "/slash/");
    assert_eq!(slash["spin-path-info"], "");
}

#[tokio::test]
async fn a_route_outside_of_ascii_matches_what_browsers_send() {
    let (_host, client) = start().await;
    let headers = seen(&client, "/endel%C3%B8st/1").await;
    assert_eq!(headers["spin-path-match-x"], "1");
    assert_eq!(headers["spin-matched-route"], "/endeløst/:x");
    assert_eq!(headers["spin-raw-component-route"], "endeløst/:x");
    assert_problem(&client.get("/endelost/1").await, 404, "not-found");
}

#[tokio::test]
async fn a_private_component_has_no_public_route() {
    let (_host, client) = start().await;
    for path in ["/hidden", "/hidden.spin.internal", "/"] {
        assert_problem(&client.get(path).await, 404, "not-found");
    }
    let disguised = client.with("host", "hidden.spin.internal").get("/").await;
    assert_problem(&disguised, 404, "not-found");
}

#[tokio::test]
async fn a_static_response_needs_no_component() {
    let (_host, client) = start().await;
    let answer = client.get("/static").await.expect(418);
    assert_eq!(answer.header("x-static"), "yes");
    assert_eq!(answer.text(), "short and stout");
}

#[tokio::test]
async fn the_full_url_and_the_client_are_header_fields() {
    let (host, client) = start().await;
    let headers = seen(&client, "/wild/a?q=1").await;
    let url = format!("http://{}/wild/a?q=1", host.address());
    assert_eq!(headers["spin-full-url"], url);
    assert_eq!(headers["spin-base-path"], "/");
    let client_address = headers["spin-client-addr"].as_str().unwrap();
    assert!(client_address.starts_with("127.0.0.1:"), "{client_address}");
}

#[tokio::test]
async fn header_fields_of_the_host_cannot_be_forged() {
    let (_host, client) = start().await;
    let forger = client
        .with("spin-client-addr", "10.0.0.1:1")
        .with("spin-path-match-user", "admin")
        .with("spin-made-up", "1")
        .with("x-mine", "kept");
    let headers = seen(&forger, "/exact").await;
    assert_ne!(headers["spin-client-addr"], "10.0.0.1:1");
    assert!(headers.get("spin-path-match-user").is_none(), "{headers}");
    assert!(headers.get("spin-made-up").is_none(), "{headers}");
    assert_eq!(headers["x-mine"], "kept");
}
