//! How pages, scripts and styles are served.

use super::everything;
use crate::support::{Backend, assert_problem};
use harness::{Client, Host};

fn stranger(host: &Host) -> Client {
    Client::new(&format!("http://{}", host.admin_address()))
}

#[tokio::test]
async fn the_console_is_served_without_a_token_and_runs_nothing_from_elsewhere() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let page = stranger(&host).get("/").await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let html = page.text();
    let script = html.split("src=\"").find_map(|part| part.strip_prefix("/console/"));
    let script = script.and_then(|rest| rest.split('"').next()).expect("a script");
    let script = stranger(&host).get(&format!("/console/{script}")).await.expect(200);
    assert!(script.header("cache-control").contains("immutable"), "{:?}", script.headers);
    for answer in [page, script] {
        let policy = answer.header("content-security-policy");
        for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn a_known_page_is_not_sent_again() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let tag = stranger(&host).get("/").await.expect(200).header("etag").to_owned();
    let again = stranger(&host).with("if-none-match", &tag).get("/").await;
    assert!(again.expect(304).body.is_empty());
}

#[tokio::test]
async fn what_is_not_part_of_the_console_is_not_found() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    for path in ["/console", "/console/0/js/app.js", "/console/../admin-token", "/index.html"] {
        let answer = stranger(&host).get(path).await.expect(404);
        assert!(answer.text().contains("GET /components"), "{path}");
    }
}

#[tokio::test]
async fn pages_are_refused_under_names_of_others() {
    let backend = Backend::start().await;
    let host = everything(&backend).host().start().await;
    let refused = stranger(&host).with("host", "evil.example").get("/").await;
    assert_problem(&refused, 403, "named-host");
}
