//! Applications that were made for stock Spin: without settings of this host, clients and
//! components get what they get there.

use crate::support::{Backend, application, assert_problem, get, http2, stock_application};
use http::Method;
use serde_json::json;

const APPLICATION: &str = r#"
[[trigger.http]]
route = "/new/..."
component = "new"
[[trigger.http]]
route = "/trap"
component = "new"
[[trigger.http]]
route = "/old/..."
component = "old"
[[trigger.http]]
route = "/length"
component = "new"
[component]
new.source = "$p3"
old.source = "$p2"
"#;

#[tokio::test]
async fn error_responses_of_the_host_have_no_body() {
    let host = stock_application(APPLICATION).host().start().await;
    for (path, status) in [("/nowhere", 404), ("/trap", 500), ("/.well-known/spin/x", 404)] {
        let answer = host.client().get(path).await.expect(status);
        let mut names: Vec<_> = answer.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!((names, &answer.body[..]), (vec!["content-length", "date"], &b""[..]), "{path}");
        let asked = host.client().with("accept", "application/problem+json, */*");
        assert_eq!(asked.get(path).await.problem(status)["status"], status, "{path}");
    }
}

#[tokio::test]
async fn an_application_with_settings_of_this_host_gets_problem_documents() {
    let host = application(APPLICATION).host().start().await;
    assert_problem(&host.client().get("/nowhere").await, 404, "not-found");
    assert_problem(&host.client().get("/trap").await, 500, "trap");
}

#[tokio::test]
async fn the_host_adds_no_header_fields() {
    let host = stock_application(APPLICATION).host().start().await;
    let answer = host.client().get("/new/x").await.expect(200);
    let mut names: Vec<_> = answer.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date"]);
    let seen = answer.json()["headers"].clone();
    assert!(seen.get("x-request-id").is_none(), "{seen}");
}

#[tokio::test]
async fn requests_of_components_have_their_own_trace_fields_and_no_others() {
    let mut backend = Backend::start().await;
    let manifest = r#"
[[trigger.http]]
route = "/..."
component = { source = "$p3", allowed_outbound_hosts = ["http://127.0.0.1:*"] }
"#;
    let host = stock_application(manifest).host().start().await;
    let path = format!("/forward?url={}", backend.url("/"));
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for sent in [None, Some(own)] {
        let client = sent.map_or(host.client(), |own| host.client().with("traceparent", own));
        let answer = client.spawn_get(path.clone());
        let received = backend.next().await;
        let field = received.request.headers().get("traceparent").cloned();
        assert_eq!(field.as_ref().and_then(|field| field.to_str().ok()), sent);
        received.answer(200, "");
        answer.await.unwrap().expect(200);
    }
}

#[tokio::test]
async fn an_allowed_host_that_is_invalid_with_its_value_allows_nothing() {
    let manifest = r#"
[variables]
upstream = { required = true }
[[trigger.http]]
route = "/..."
component = { source = "$p3", allowed_outbound_hosts = ["http://127.0.0.2", "{{ upstream }}"] }
"#;
    let host = stock_application(manifest).host().variable("upstream", "nowhere").start().await;
    let is_warning = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("`nowhere` allows nothing: it has no scheme")
    };
    assert_eq!(host.log_line(is_warning).await["level"], "WARN");
    let answer = host.client().get("/outbound?url=http://nowhere/").await.expect(502).text();
    assert!(answer.contains("HttpRequestDenied"), "{answer}");
    // With settings of this host, what has no effect is an error.
    let own = application(manifest);
    own.host().variable("upstream", "nowhere").assert_fails(&["`nowhere`", "no scheme"]).await;
}

#[tokio::test]
async fn the_host_adds_nothing_to_the_environment() {
    let manifest = "[[trigger.http]]\nroute = \"/...\"\ncomponent = { source = \"$p3\" }\n";
    for (application, status) in [(stock_application(manifest), 404), (application(manifest), 200)]
    {
        let host = application.host().start().await;
        host.client().get("/env?name=TESSERA_INCARNATION").await.expect(status);
    }
}

#[tokio::test]
async fn only_components_of_wasi_0_3_see_the_field_host() {
    let host = stock_application(APPLICATION).host().start().await;
    let seen = host.client().get("/new/x").await.expect(200).json();
    assert_eq!(seen["headers"]["host"], host.address().to_string());
    let seen = host.client().get("/old/fields").await.expect(200);
    assert!(!seen.text().split(' ').any(|name| name == "host"), "{}", seen.text());
    assert!(seen.text().contains("spin-full-url"), "{}", seen.text());
}

#[tokio::test]
async fn spins_own_paths_describe_the_application() {
    for host in [stock_application(APPLICATION), application(APPLICATION)] {
        let host = host.host().start().await;
        let health = host.client().get("/.well-known/spin/health").await.expect(200);
        assert_eq!(health.text(), "OK");
        assert!(health.headers.get("content-type").is_none());
        let info = host.client().get("/.well-known/spin/info").await.expect(200);
        assert_eq!(info.header("content-type"), "application/json");
        assert_eq!(info.json(), json!({ "name": "test", "version": "1.0.0" }));
    }
}

#[tokio::test]
async fn no_route_takes_the_paths_of_spin() {
    let host = stock_application(
        r#"
[[trigger.http]]
route = "/..."
component = "new"
[component.new]
source = "$p3"
"#,
    );
    let host = host.host().start().await;
    host.client().get("/.well-known/spin/other").await.expect(404);
    host.client().get("/.well-known/other").await.expect(200);
}

#[tokio::test]
async fn a_large_body_is_accepted() {
    let host = stock_application(APPLICATION).host().start().await;
    let body = vec![b'x'; 16 << 20];
    let answer = host.client().send(Method::POST, "/length", None, body.into()).await.expect(200);
    assert_eq!(answer.text(), (16 << 20).to_string());
}

#[tokio::test]
async fn a_request_to_another_component_has_no_host_and_no_client() {
    let host = stock_application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://*.spin.internal"]
[[trigger.http]]
route = { private = true }
component = "other"
[component.other]
source = "$p3"
"#,
    );
    let host = host.host().start().await;
    let path = "/outbound?url=http://other.spin.internal/where/ever?q=1";
    let seen = host.client().get(path).await.expect(200).json();
    assert_eq!(seen["uri"], "http://other.spin.internal/where/ever?q=1");
    let headers = &seen["headers"];
    assert!(headers.get("host").is_none(), "{headers}");
    for (name, value) in [
        ("spin-full-url", "http://localhost/where/ever?q=1"),
        ("spin-path-info", "/where/ever"),
        ("spin-matched-route", "/..."),
        ("spin-raw-component-route", "/..."),
        ("spin-component-route", ""),
        ("spin-base-path", "/"),
        ("spin-client-addr", "0.0.0.0:0"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_request_by_http_2_reaches_a_component_with_its_authority() {
    let host = stock_application(APPLICATION).host().start().await;
    let mut request = get(&format!("http://{}/new/x", host.address()));
    request.headers_mut().remove("host");
    let response = http2(host.address()).await.send_request(request).await.unwrap();
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(seen["uri"], format!("http://{}/new/x", host.address()));
}
