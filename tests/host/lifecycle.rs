//! Disconnected clients, and signals.

use crate::support::{
    Application, Backend, body_channel, eventually, get, http1, next_chunk, occupancy, soon,
    tessera,
};
use bytes::Bytes;
use harness::{Answer, Client, Host};
use http::{Method, Request};
use http_body_util::BodyExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

fn guest() -> Application {
    // Nothing here may end because of a deadline.
    Application::with_neighbor("deadline_ms = 600000", "")
}

fn hold(client: &Client, backend: &Backend) -> JoinHandle<anyhow::Result<Answer>> {
    let (client, path) = (client.clone(), format!("/outbound?url={}", backend.url("/hold")));
    tokio::spawn(async move { client.try_send(Method::GET, &path, None, Bytes::new()).await })
}

#[tokio::test]
async fn a_guest_is_stopped_when_its_client_disconnects() {
    let mut backend = Backend::start().await;
    let host = guest().host().argument("--half-close-timeout-ms").argument("50").start().await;
    let request = hold(&host.client(), &backend);
    let held = backend.next().await;
    request.abort();
    held.abandoned().await;
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn a_streaming_guest_is_stopped_when_its_client_disconnects() {
    let mut backend = Backend::start().await;
    let host = guest().host().argument("--half-close-timeout-ms").argument("50").start().await;
    let mut connection = http1(host.address()).await;
    let path = format!("/stream?url={}", backend.url("/hold"));
    let mut response = connection.send_request(get(&path)).await.expect("a head");
    next_chunk(&mut response).await.expect("a first chunk");
    let held = backend.next().await;
    drop((response, connection));
    held.abandoned().await;
    occupancy(&host, "guest", 0, 0).await;
}

async fn assert_refused(host: &Host) {
    eventually(async || TcpStream::connect(host.address()).await.err().map(|_| ())).await;
}

async fn stopping(host: &Host) {
    host.log_line(|line| line["message"].as_str().is_some_and(|m| m.starts_with("stopping"))).await;
}

#[tokio::test]
async fn after_a_stop_signal_requests_finish_and_connections_are_refused() {
    for signal in [Host::terminate, Host::interrupt] {
        let mut backend = Backend::start().await;
        let mut host = guest().host().start().await;
        let request = hold(&host.client(), &backend);
        let held = backend.next().await;
        signal(&host);
        assert_refused(&host).await;
        held.answer(200, "finished");
        let answer = soon(request).await.unwrap().expect("its answer");
        assert_eq!(answer.expect(200).text(), "finished");
        assert_eq!(host.wait().await.code(), Some(0));
    }
}

#[tokio::test]
async fn after_a_stop_signal_the_host_is_not_ready_then_serves_nothing_new_and_then_ends() {
    let mut backend = Backend::start().await;
    let mut host = guest().host().argument("--drain-delay=1").start().await;
    let request = hold(&host.client(), &backend);
    let held = backend.next().await;
    host.terminate();
    let announced = "stopping: not ready from now on, and serving for 1 s";
    host.log_line(|line| line["message"] == announced).await;
    let readiness = host.admin().get("/readyz").await.expect(503).json();
    assert_eq!(readiness["notes"], serde_json::json!(["the host is stopping"]), "{readiness}");
    assert_refused(&host).await;
    // The operator can watch the end.
    host.admin().get("/readyz").await.expect(503);
    host.admin().get("/livez").await.expect(200);
    held.answer(200, "finished");
    assert_eq!(soon(request).await.unwrap().expect("its answer").expect(200).text(), "finished");
    assert_eq!(host.wait().await.code(), Some(0));
}

#[tokio::test]
async fn the_time_of_a_stop_has_a_limit() {
    for flag in ["--drain-delay=3601", "--drain-timeout=3601"] {
        let (code, text) = tessera(&["up", flag]).await;
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("3600") && text.contains(&flag[..13]), "{text}");
    }
}

#[tokio::test]
async fn after_a_stop_signal_a_stream_finishes() {
    let mut backend = Backend::start().await;
    let mut host = guest().host().start().await;
    let mut connection = http1(host.address()).await;
    let path = format!("/stream?url={}", backend.url("/hold"));
    let mut response = connection.send_request(get(&path)).await.expect("a head");
    next_chunk(&mut response).await.expect("a first chunk");
    let held = backend.next().await;
    host.terminate();
    assert_refused(&host).await;
    held.answer(200, "");
    assert_eq!(next_chunk(&mut response).await.expect("a second chunk"), "data: second\n\n");
    assert_eq!(next_chunk(&mut response).await, None);
    assert_eq!(host.wait().await.code(), Some(0));
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_stop() {
    let mut host = guest().host().start().await;
    let mut used = http1(host.address()).await;
    let response = used.send_request(get("/")).await.expect("an answer");
    response.into_body().collect().await.expect("its body");
    let _unused = TcpStream::connect(host.address()).await.expect("a connection");
    // This request is served after both connections were accepted.
    host.client().get("/").await.expect(200);
    host.terminate();
    assert_eq!(host.wait().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_the_host_immediately() {
    let mut backend = Backend::start().await;
    let mut host = guest().host().start().await;
    let request = hold(&host.client(), &backend);
    let _held = backend.next().await;
    host.terminate();
    stopping(&host).await;
    host.terminate();
    assert_eq!(host.wait().await.code(), Some(143));
    soon(request).await.unwrap().expect_err("the request is cut off");
}

#[tokio::test]
async fn requests_are_cut_off_after_the_drain_timeout() {
    let mut backend = Backend::start().await;
    let mut host = guest().host().argument("--drain-timeout").argument("1").start().await;
    let request = hold(&host.client(), &backend);
    let held = backend.next().await;
    host.terminate();
    assert_eq!(host.wait().await.code(), Some(1));
    soon(request).await.unwrap().expect_err("the request is cut off");
    held.abandoned().await;
}

#[tokio::test]
async fn after_a_stop_signal_a_request_body_finishes() {
    let mut host = guest().host().start().await;
    let mut connection = http1(host.address()).await;
    let (chunks, body) = body_channel();
    let request = Request::post("/echo").header("host", "test.example").body(body).unwrap();
    chunks.send(Bytes::from_static(b"before, ")).await.unwrap();
    let mut response = connection.send_request(request).await.expect("a head");
    assert_eq!(next_chunk(&mut response).await.unwrap(), "before, ");
    host.terminate();
    assert_refused(&host).await;
    chunks.send(Bytes::from_static(b"after")).await.unwrap();
    drop(chunks);
    let body = response.into_body().collect().await.expect("the whole body").to_bytes();
    assert_eq!(body, "after");
    assert_eq!(host.wait().await.code(), Some(0));
}
