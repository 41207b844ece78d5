//! Bodies: streaming in both directions, limits and deadlines.

use crate::support::{
    Application, Backend, application, assert_problem, body_channel, eventually, get, http1,
    next_chunk, occupancy, soon, stock_application,
};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;

fn guest(limits: &str) -> Application {
    Application::with_neighbor(limits, "")
}

#[tokio::test]
async fn a_body_is_streamed_through_a_guest() {
    let host = guest("").host().start().await;
    let mut connection = http1(host.address()).await;
    let (chunks, body) = body_channel();
    let request = Request::post("/echo").header("host", "test.example").body(body).unwrap();
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
async fn a_body_of_256_mib_is_echoed_in_constant_memory() {
    const CHUNK_BYTES: usize = 64 * 1024;
    const CHUNKS: usize = 4 * 1024;
    const GROWTH_MAX_MIB: u64 = 64;
    let host = stock_application(Application::GUEST).host().start().await;
    host.client().send(Method::POST, "/echo", None, Bytes::from_static(b"warm")).await.expect(200);
    let before = host.peak_memory_mib();
    let mut connection = http1(host.address()).await;
    let (chunks, body) = body_channel();
    let request = Request::post("/echo").header("host", "test.example").body(body).unwrap();
    let exchange = tokio::spawn(async move { connection.send_request(request).await });
    let upload = tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'x'; CHUNK_BYTES]);
        for _ in 0..CHUNKS {
            chunks.send(chunk.clone()).await.unwrap();
        }
    });
    let mut response = soon(exchange).await.unwrap().expect("a head");
    let mut length = 0;
    while let Some(chunk) = next_chunk(&mut response).await {
        length += chunk.len();
    }
    upload.await.unwrap();
    assert_eq!(length, CHUNKS * CHUNK_BYTES);
    let growth = host.peak_memory_mib() - before;
    assert!(growth <= GROWTH_MAX_MIB, "{growth} MiB");
}

#[tokio::test]
async fn a_stream_arrives_while_the_guest_still_writes_it() {
    let mut backend = Backend::start().await;
    let host = guest("").host().start().await;
    let path = format!("/stream?url={}", backend.url("/hold"));
    let mut response =
        soon(host.client().stream(Method::GET, &path, None, Bytes::new())).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(next_chunk(&mut response).await.unwrap(), "data: first\n\n");
    backend.next().await.answer(200, "");
    assert_eq!(next_chunk(&mut response).await.unwrap(), "data: second\n\n");
    assert_eq!(next_chunk(&mut response).await, None);
}

#[tokio::test]
async fn a_large_response_is_complete() {
    let host = guest("").host().start().await;
    let answer = host.client().get("/big?kib=8192").await.expect(200);
    assert_eq!(answer.body.len(), 8192 * 1024);
    assert!(answer.body.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn a_small_response_has_a_content_length() {
    let host = guest("").host().start().await;
    // On a busy machine, the host may stream a response because it does not end soon enough.
    eventually(async || {
        let answer = host.client().get("/count").await.expect(200);
        (answer.header("content-length") == answer.body.len().to_string()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_content_length() {
    let host = guest("body_max_kib = 64").host().start().await;
    let client = host.client();
    let post = async |bytes: usize| {
        client.send(Method::POST, "/length", None, vec![b'x'; bytes].into()).await
    };
    assert_eq!(post(64 * 1024).await.expect(200).text(), "65536");
    assert_problem(&post(64 * 1024 + 1).await, 413, "body-too-large");
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused() {
    let host = guest("body_max_kib = 64").host().start().await;
    let mut connection = http1(host.address()).await;
    let (chunks, body) = body_channel();
    let request = Request::post("/length").header("host", "test.example").body(body).unwrap();
    let exchange = tokio::spawn(async move { connection.send_request(request).await });
    // Only one chunk too many: a client that still writes when the connection closes may lose the
    // response.
    for _ in 0..5 {
        chunks.send(Bytes::from_static(&[b'x'; 16 * 1024])).await.unwrap();
    }
    let response = soon(exchange).await.unwrap().expect("an answer");
    assert_eq!(response.status(), 413);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

/// A guest that responds with the request's body without reading it.
const FORWARD: &str = r#"
[[trigger.http]]
route = "/..."
component = "forward"
[component.forward]
source = "$forward"
tool.tessera.limits = { body_max_kib = 256 }
"#;

#[tokio::test]
async fn a_forwarded_body_is_complete() {
    let host = application(FORWARD).host().start().await;
    for bytes in [0, 1, 60_000, 256 * 1024] {
        let body: Bytes = (0..bytes).map(|at| (at % 251) as u8).collect();
        let answer = host.client().send(Method::POST, "/", None, body.clone()).await.expect(200);
        assert!(answer.body == body, "{bytes} bytes");
    }
}

#[tokio::test]
async fn a_forwarded_body_over_the_limit_is_a_fault_of_the_caller() {
    let host = application(FORWARD).host().start().await;
    let mut connection = http1(host.address()).await;
    let (chunks, body) = body_channel();
    let request = Request::post("/").header("host", "test.example").body(body).unwrap();
    let exchange = tokio::spawn(async move { connection.send_request(request).await });
    for _ in 0..17 {
        chunks.send(Bytes::from_static(&[b'x'; 16 * 1024])).await.unwrap();
    }
    let response = soon(exchange).await.unwrap().expect("a head");
    assert_eq!(response.status(), 200, "the limit was not reached yet");
    soon(response.into_body().collect()).await.expect_err("the body is incomplete");
    let line =
        host.log_line(|line| line["component"] == "forward" && line["level"] == "WARN").await;
    assert_eq!(line["blame"], "caller", "{line}");
    assert!(line["message"].as_str().unwrap().starts_with("body-too-large"), "{line}");
}

#[tokio::test]
async fn a_call_whose_request_body_stalls_ends_at_its_deadline() {
    let host = guest("deadline_ms = 300").host().start().await;
    let mut connection = http1(host.address()).await;
    let (chunks, body) = body_channel();
    let request = Request::post("/length").header("host", "test.example").body(body).unwrap();
    let exchange = tokio::spawn(async move { connection.send_request(request).await });
    chunks.send(Bytes::from_static(b"and then")).await.unwrap();
    let response = soon(exchange).await.unwrap().expect("an answer");
    assert_eq!(response.status(), 504);
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn a_trap_while_a_response_is_sent_is_an_error_for_the_client() {
    let mut backend = Backend::start().await;
    let host = guest("").host().start().await;
    let path = format!("/abort-body?url={}", backend.url("/hold"));
    let mut connection = http1(host.address()).await;
    let response = connection.send_request(get(&path)).await.expect("a head");
    assert_eq!(response.status(), 200);
    backend.next().await.answer(200, "");
    soon(response.into_body().collect()).await.expect_err("the body is not whole");
    host.log_line(|line| line["blame"] == "guest").await;
}

#[tokio::test]
async fn an_endless_stream_ends_at_the_stream_deadline() {
    let limits = "deadline_ms = 2000, stream_deadline_ms = 400";
    let host = guest(limits).host().start().await;
    let mut connection = http1(host.address()).await;
    let mut response = connection.send_request(get("/endless-stream")).await.expect("a head");
    assert_eq!(next_chunk(&mut response).await.unwrap(), "data: first\n\n");
    soon(response.into_body().collect()).await.expect_err("the stream is cut");
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn the_deadline_does_not_apply_once_a_stream_has_begun() {
    let mut backend = Backend::start().await;
    let host = guest("deadline_ms = 2000").host().start().await;
    let path = format!("/stream?url={}", backend.url("/hold"));
    let mut connection = http1(host.address()).await;
    let mut response = connection.send_request(get(&path)).await.expect("a head");
    assert_eq!(next_chunk(&mut response).await.unwrap(), "data: first\n\n");
    let held = backend.next().await;
    // A call that began later reaches its deadline, so the deadline of the stream's call is over.
    host.client().get("/sleep?ms=600000").await.expect(504);
    held.answer(200, "");
    assert_eq!(next_chunk(&mut response).await.unwrap(), "data: second\n\n");
    assert_eq!(next_chunk(&mut response).await, None);
}

#[tokio::test]
async fn a_response_arrives_although_the_guest_does_not_read_the_body() {
    let host = guest("").host().start().await;
    // Larger than the buffers of the kernel.
    let body = Bytes::from(vec![b'x'; 900 * 1024]);
    for _ in 0..30 {
        let post = host.client().send(Method::POST, "/count", None, body.clone()).await;
        post.expect(200);
    }
}

#[tokio::test]
async fn responses_of_the_host_arrive_although_it_does_not_read_the_body() {
    let app = application(
        "[[trigger.http]]\nroute = \"/static\"\nstatic_response = { body = \"short\" }\n",
    );
    let host = app.host().start().await;
    let body = Bytes::from(vec![b'x'; 900 * 1024]);
    for _ in 0..30 {
        for (path, status) in [("/static", 200), ("/nothing", 404)] {
            let post = host.client().send(Method::POST, path, None, body.clone()).await;
            post.expect(status);
        }
    }
}
