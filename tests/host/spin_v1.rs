//! Requests that components of Spin 1 send, as on stock Spin.

use crate::support::{Backend, Received, stock_application};
use flate2::Compression;
use flate2::write::GzEncoder;
use harness::Host;
use http::{Method, Response};
use std::io::Write as _;

async fn host(allowed: &str) -> Host {
    let manifest = format!(
        "[[trigger.http]]\nroute = \"/...\"\n\
         component = {{ source = \"$spin_v1\", allowed_outbound_hosts = [\"{allowed}\"] }}\n"
    );
    stock_application(&manifest).host().start().await
}

fn answer_in_gzip(received: Received, body: &[u8]) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    let response = Response::builder().header("content-encoding", "gzip");
    received.answer_with(response.body(encoder.finish().unwrap().into()).unwrap());
}

#[tokio::test]
async fn a_response_in_gzip_is_asked_for_and_decoded() {
    let mut backend = Backend::start().await;
    let host = host(&backend.origin()).await;
    let answer = host.client().with("x-to", &backend.url("/")).spawn_get("/");
    let received = backend.next().await;
    assert_eq!(received.header("accept-encoding"), "gzip");
    assert_eq!(received.header("accept"), "*/*");
    answer_in_gzip(received, b"hello");
    let answer = answer.await.unwrap().expect(200);
    assert_eq!(answer.text(), "hello");
    assert!(answer.headers.get("content-encoding").is_none());
}

#[tokio::test]
async fn a_component_may_name_another_encoding_and_another_host_than_the_url() {
    let mut backend = Backend::start().await;
    let host = host(&backend.origin()).await;
    let client = host.client().with("x-to", &backend.url("/"));
    let client = client.with("to-accept-encoding", "br").with("to-host", "other.test");
    let answer = client.spawn_get("/");
    let received = backend.next().await;
    assert_eq!(received.header("accept-encoding"), "br");
    assert_eq!(received.header("host"), "other.test");
    received.answer(200, "");
    answer.await.unwrap().expect(200);
}

#[tokio::test]
async fn a_redirect_is_followed_with_a_referer() {
    let mut backend = Backend::start().await;
    let host = host(&backend.origin()).await;
    let answer = host.client().with("x-to", &backend.url("/old")).spawn_get("/");
    let redirect = Response::builder().status(302).header("location", "/new");
    backend.next().await.answer_with(redirect.body(Default::default()).unwrap());
    let received = backend.next().await;
    assert_eq!(received.request.uri().path(), "/new");
    assert_eq!(received.header("referer"), backend.url("/old"));
    received.answer(203, "");
    answer.await.unwrap().expect(203);
}

#[tokio::test]
async fn fields_outside_of_ascii_are_left_out() {
    let mut backend = Backend::start().await;
    let host = host(&backend.origin()).await;
    let answer = host.client().with("x-to", &backend.url("/")).spawn_get("/");
    let response =
        Response::builder().header("x-name", "Müller".as_bytes()).header("x-plain", "yes");
    backend.next().await.answer_with(response.body(Default::default()).unwrap());
    let answer = answer.await.unwrap().expect(200);
    assert!(answer.headers.get("x-name").is_none());
    assert_eq!(answer.header("x-plain"), "yes");
}

#[tokio::test]
async fn a_text_that_is_no_url_is_a_destination_that_is_not_allowed() {
    let host = host("http://*:*").await;
    for (to, error) in [("not a url", "destination-not-allowed"), ("/ /", "invalid-url")] {
        let answer = host.client().with("x-to", to).get("/").await.expect(502);
        assert_eq!(answer.text(), error, "{to}");
    }
}

#[tokio::test]
async fn the_field_connection_is_not_shown() {
    let host = host("http://*:*").await;
    let client = host.client().with("connection", "close").with("x-to", "not a url");
    let answer = client.send(Method::GET, "/", None, Default::default()).await.expect(502);
    let seen: Vec<_> = answer.header("x-saw").split(' ').collect();
    assert!(seen.contains(&"host") && !seen.contains(&"connection"), "{seen:?}");
}
