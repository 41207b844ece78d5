//! Commands that are called by the rules of CGI: Spin's Wagi.

use crate::support::stock_application;
use harness::Host;
use http::Method;
use std::collections::BTreeMap;

async fn start(executor: &str) -> Host {
    let app = stock_application(&format!(
        r#"
[[trigger.http]]
route = "/cgi/:part/..."
component = "command"
executor = {{ {executor} }}
[component.command]
source = "$wagi"
environment = {{ OWN = "mine" }}
"#
    ));
    app.host().start().await
}

/// What the command has printed, line by line.
fn lines(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

#[tokio::test]
async fn a_command_gets_the_request_and_its_output_is_the_response() {
    let host = start("type = \"wagi\"").await;
    for _ in 0..2 {
        let client = host.client().with("x-kind", "any").with("authorization", "secret");
        let path = "/cgi/one/a%20b/c?x=1&y=2";
        let sent = client.send(Method::POST, path, Some("text/plain"), "the input".into()).await;
        let answer = sent.expect(200);
        assert_eq!(answer.header("content-type"), "text/plain");
        let (text, address) = (answer.text(), host.address().to_string());
        let seen = lines(&text);
        for (name, value) in [
            ("arguments", "/cgi/one/a%20b/c|x=1|y=2"),
            ("input", "the input"),
            ("OWN", "mine"),
            ("REQUEST_METHOD", "POST"),
            ("QUERY_STRING", "x=1&y=2"),
            ("CONTENT_LENGTH", "9"),
            ("CONTENT_TYPE", "text/plain"),
            ("PATH_INFO", "/a%20b/c"),
            ("PATH_TRANSLATED", "/a b/c"),
            ("SCRIPT_NAME", "/cgi/:part"),
            ("X_MATCHED_ROUTE", "/cgi/:part/..."),
            ("X_PATH_MATCH_PART", "one"),
            ("HTTP_HOST", address.as_str()),
            ("HTTP_X_KIND", "any"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("SERVER_NAME", "127.0.0.1"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
        ] {
            assert_eq!(seen.get(name), Some(&value), "{name} in {text}");
        }
        assert!(!seen.contains_key("HTTP_AUTHORIZATION"), "{text}");
    }
}

#[tokio::test]
async fn the_manifest_can_set_the_arguments() {
    let host = start("type = \"wagi\", argv = \"run ${SCRIPT_NAME} --fast\"").await;
    let text = host.client().get("/cgi/one").await.expect(200).text();
    assert_eq!(lines(&text)["arguments"], "run|/cgi/one|--fast");
}

#[tokio::test]
async fn a_command_decides_about_the_status() {
    let host = start("type = \"wagi\"").await;
    let moved = host.client().get("/cgi/one?do=move").await.expect(302);
    assert_eq!(moved.header("location"), "/elsewhere");
    let refused = host.client().get("/cgi/one?do=refuse").await.expect(418);
    assert_eq!((refused.header("x-kind"), refused.text().as_str()), ("tea", "short\n"));
    let exited = host.client().get("/cgi/one?do=exit").await.expect(200);
    assert_eq!(exited.text(), "exited\n");
}

#[tokio::test]
async fn a_command_that_says_nothing_about_the_type_is_answered_with_the_reason() {
    let host = start("type = \"wagi\"").await;
    let failed = host.client().get("/cgi/one?do=untyped").await.expect(500);
    assert!(failed.text().contains("'content-type'"), "{}", failed.text());
    host.log_line(|line| line["message"].as_str().unwrap_or_default().contains("Content-Type"))
        .await;
}

#[tokio::test]
async fn a_command_that_fails_or_prints_nothing_is_a_failure() {
    let host = start("type = \"wagi\"").await;
    for what in ["fail", "nothing"] {
        let failed = host.client().get(&format!("/cgi/one?do={what}")).await.expect(500);
        assert_eq!(failed.text(), "", "{what}");
    }
    host.log_line(|line| line["message"].as_str().unwrap_or_default().contains("output is empty"))
        .await;
    host.client().get("/cgi/one").await.expect(200);
}

#[tokio::test]
async fn a_component_that_is_no_command_does_not_start() {
    let app = stock_application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
executor = { type = "wagi" }
[component.guest]
source = "$p2"
"#,
    );
    app.host().assert_fails(&["executor is `wagi`", "wasi:cli/run@0.2"]).await;
}
