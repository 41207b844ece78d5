//! Requests that guests send.

use crate::support::{Application, Backend, application, body_channel, http1, next_chunk, soon};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;

fn guest(allowed: &str) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = {{ private = true }}
component = "other"
[[trigger.http]]
route = "/old/..."
component = "old"
[[trigger.http]]
route = "/static"
static_response = {{ body = "the front door" }}
[component.guest]
source = "$p3"
allowed_outbound_hosts = [{allowed}]
[component.old]
source = "$p2"
allowed_outbound_hosts = [{allowed}]
[component.other]
source = "$p3"
[component.other.tool.tessera]
limits = {{ deadline_ms = 60000 }}
"#
    ))
}

#[tokio::test]
async fn guests_of_both_wasi_versions_reach_allowed_hosts() {
    let mut backend = Backend::start().await;
    let host = guest(&format!("\"{}\"", backend.origin())).host().start().await;
    let authority = backend.origin().replace("http://", "");
    for path in [
        format!("/outbound?url={}", backend.url("/there")),
        format!("/old/outbound?authority={authority}&path=/there"),
    ] {
        let answer = host.client().spawn_get(path);
        let received = backend.next().await;
        assert_eq!(received.request.uri().path(), "/there");
        assert_eq!(received.header("host"), authority);
        received.answer(203, "hello");
        let answer = soon(answer).await.unwrap().expect(203);
        assert_eq!(answer.text(), "hello");
    }
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_denied_and_the_log_says_what_to_add() {
    let backend = Backend::start().await;
    let host = guest("\"http://elsewhere.example\"").host().start().await;
    let origin = backend.origin();
    let authority = origin.replace("http://", "");
    let answer = host.client().get(&format!("/outbound?url={}", backend.url("/"))).await;
    assert!(answer.expect(502).text().contains("HttpRequestDenied"));
    let line = host.log_line(|line| line["component"] == "guest" && line["level"] == "WARN").await;
    let message = line["message"].as_str().unwrap();
    assert!(message.contains(&format!("add \"{origin}\" to allowed_outbound_hosts")), "{message}");
    assert!(message.contains("[component.guest]"), "{message}");
    let old = format!("/old/outbound?authority={authority}&path=/");
    assert!(host.client().get(&old).await.expect(502).text().contains("HttpRequestDenied"));
    assert_eq!(backend.connections(), 0, "no connection was made");
}

#[tokio::test]
async fn connections_are_reused() {
    let mut backend = Backend::start().await;
    let host = guest(&format!("\"{}\"", backend.origin())).host().start().await;
    for n in 0..10 {
        let answer = host.client().spawn_get(format!("/outbound?url={}", backend.url("/")));
        backend.next().await.answer(200, &n.to_string());
        assert_eq!(soon(answer).await.unwrap().expect(200).text(), n.to_string());
    }
    // A connection may be too late for the next request, but not each time.
    assert!(backend.connections() < 5, "{} connections", backend.connections());
}

#[tokio::test]
async fn a_refused_connection_is_an_error_in_the_guest() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let host = guest("\"http://127.0.0.1:*\"").host().start().await;
    let answer = host.client().get(&format!("/outbound?url=http://{address}/")).await.expect(502);
    assert!(answer.text().contains("ConnectionRefused"), "{}", answer.text());
}

#[tokio::test]
async fn a_component_reaches_another_one_by_its_id() {
    let host = guest("\"http://*.spin.internal\"").host().start().await;
    let path = "/outbound?url=http://other.spin.internal/where/ever";
    let seen = host.client().get(path).await.expect(200).json();
    assert_eq!(seen["uri"], "http://other.spin.internal/where/ever");
    assert_eq!(seen["headers"]["spin-path-info"], "/where/ever");
    let unknown = "/outbound?url=http://unknown.spin.internal/";
    assert!(host.client().get(unknown).await.expect(502).text().contains("DestinationNotFound"));
}

#[tokio::test]
async fn a_component_without_allowed_hosts_reaches_no_other_component() {
    let host = guest("").host().start().await;
    let answer = host.client().get("/outbound?url=http://other.spin.internal/").await;
    assert!(answer.expect(502).text().contains("HttpRequestDenied"));
}

#[tokio::test]
async fn a_trap_of_a_callee_is_an_error_in_its_caller() {
    let host = guest("\"http://other.spin.internal\"").host().start().await;
    let answer = host.client().get("/outbound?url=http://other.spin.internal/trap").await;
    assert!(answer.expect(502).text().contains("ConnectionTerminated"));
    host.client().get("/outbound?url=http://other.spin.internal/").await.expect(200);
}

#[tokio::test]
async fn self_is_the_address_of_the_application() {
    let host = guest("\"http://self\"").host().start().await;
    let answer = host.client().get("/outbound?url=http://self/static").await.expect(200);
    assert_eq!(answer.text(), "the front door");
}

#[tokio::test]
async fn bodies_stream_through_two_components() {
    let host = guest("\"http://other.spin.internal\"").host().start().await;
    let mut connection = http1(host.address()).await;
    let (chunks, body) = body_channel();
    let request = Request::post("/forward?url=http://other.spin.internal/echo")
        .header("host", "test.example")
        .body(body)
        .unwrap();
    let exchange = tokio::spawn(async move { connection.send_request(request).await });
    chunks.send(Bytes::from_static(b"first")).await.unwrap();
    let mut response = soon(exchange).await.unwrap().expect("the head comes before the end");
    assert_eq!(next_chunk(&mut response).await.unwrap(), "first");
    chunks.send(Bytes::from_static(b"second")).await.unwrap();
    assert_eq!(next_chunk(&mut response).await.unwrap(), "second");
    drop(chunks);
    assert_eq!(next_chunk(&mut response).await, None);
}

#[tokio::test]
async fn large_bodies_pass_between_components() {
    let host = guest("\"http://other.spin.internal\"").host().start().await;
    let body = vec![b'x'; 900 * 1024];
    let path = "/forward?url=http://other.spin.internal/echo";
    let answer = host.client().send(Method::POST, path, None, body.into()).await.expect(200);
    assert_eq!(answer.body.len(), 900 * 1024);
}

#[tokio::test]
async fn a_server_of_http_2_without_tls_is_reached_if_the_operator_names_it() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let answer = service_fn(|request: Request<Incoming>| async move {
                let version = format!("{:?}", request.version());
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from(version))))
            });
            let server = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(socket), answer));
        }
    });
    let app = guest("\"http://127.0.0.1:*\"");
    let host = app
        .host()
        .environment("SPIN_OUTBOUND_H2C_PRIOR_KNOWLEDGE", &address.to_string())
        .start()
        .await;
    let answer = host.client().get(&format!("/outbound?url=http://{address}/")).await.expect(200);
    assert_eq!(answer.text(), "HTTP/2.0");
}
