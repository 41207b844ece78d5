//! The framing of responses: `HEAD`, statuses without a body, lengths, and invalid responses, by
//! HTTP/1.1 and HTTP/2.

use crate::support::{Backend, application, assert_problem, exchange, get, http2, soon};
use bytes::Bytes;
use harness::frames::{DATA, END_STREAM, Frames, HEADERS, fields};
use harness::hostile::bodiless;
use harness::{Host, Stranger};
use http::{HeaderMap, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const APPLICATION: &str = r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/old/..."
component = "old"
[[trigger.http]]
route = "/static"
static_response = { body = "short and stout" }
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*", "http://old.spin.internal"]
[component.old]
source = "$p2"
"#;

/// Attempts to get a response with the expected length.
const ATTEMPTS_MAX: usize = 20;

async fn start() -> Host {
    application(APPLICATION).host().start().await
}

/// The head of a response by HTTP/1.1, and all data after it.
async fn by_http1(host: &Host, method: &str, path: &str) -> (String, String) {
    let answer = bodiless::by_http1(&Stranger::new(host.address()), method, path, "").await;
    answer.unwrap().unwrap_or_else(|| panic!("{method} {path}: no answer"))
}

/// Kind and flags of the frames of an answer by HTTP/2.
async fn frames(host: &Host, method: &str, path: &str) -> Vec<(u8, u8)> {
    bodiless::by_http2(&Stranger::new(host.address()), method, path, &[]).await.unwrap()
}

/// The fields of an answer by HTTP/2.
async fn by_http2(host: &Host, method: &str, path: &str) -> (u16, HeaderMap) {
    let mut request = get(&format!("http://{}{path}", host.address()));
    *request.method_mut() = method.parse().unwrap();
    request.headers_mut().remove("host");
    let answer = http2(host.address()).await.send_request(request).await.expect("an answer");
    (answer.status().as_u16(), answer.headers().clone())
}

/// The `content-length` of a response by HTTP/1.1 and by HTTP/2. Both have this status, and no
/// body.
async fn lengths(host: &Host, method: &str, path: &str, status: u16) -> [Option<u32>; 2] {
    let (head, rest) = by_http1(host, method, path).await;
    assert!(head.starts_with(&format!("http/1.1 {status} ")), "{method} {path}: {head}");
    assert_eq!(rest, "", "{method} {path}");
    let by_http1 = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let (seen, fields) = by_http2(host, method, path).await;
    assert_eq!(seen, status, "{method} {path}");
    let by_http2 = fields.get("content-length").map(|length| length.to_str().unwrap());
    [by_http1, by_http2].map(|length| length.map(|length| length.trim().parse().unwrap()))
}

/// Checks that a response has this status and length, and no byte or frame of a body.
async fn assert_bodiless(host: &Host, method: &str, path: &str, status: u16, length: Option<u32>) {
    // The host waits for the end of a body for a short time only, and otherwise leaves out a length
    // that the guest has not set. So a busy machine may need several attempts.
    let mut found = [None; 2];
    for _ in 0..ATTEMPTS_MAX {
        found = lengths(host, method, path, status).await;
        if found == [length; 2] {
            break;
        }
    }
    assert_eq!(found, [length; 2], "{method} {path}");

    let seen = frames(host, method, path).await;
    assert!(seen.iter().all(|(kind, _)| *kind == HEADERS), "{method} {path}: {seen:?}");
    assert!(seen.iter().any(|(_, flags)| flags & END_STREAM != 0), "{method} {path}: {seen:?}");
}

#[tokio::test]
async fn a_body_that_a_guest_of_wasi_0_2_leaves_open_ends_with_the_guest() {
    let host = start().await;
    for _ in 0..2 {
        let answer = soon(host.client().get("/old/open")).await.expect(500);
        assert_eq!(answer.text(), "so far");
    }
}

#[tokio::test]
async fn no_response_to_head_has_a_body_or_an_invented_length() {
    let host = start().await;
    for (path, status, length) in [
        ("/answer?bytes=5", 200, Some(5)),
        ("/answer", 200, None),
        ("/answer?length=7", 200, Some(7)),
        ("/answer?length=7&bytes=7", 200, Some(7)),
        ("/answer?status=404&bytes=5", 404, Some(5)),
        ("/old/answer?status=200", 200, None),
        ("/old/answer?status=200&length=7", 200, Some(7)),
        ("/old/answer?status=200&length=7&finish=yes", 200, Some(7)),
        ("/old/", 200, Some(19)),
        ("/static", 200, Some(15)),
    ] {
        assert_bodiless(&host, "HEAD", path, status, length).await;
    }
}

#[tokio::test]
async fn a_guest_that_keeps_writing_for_head_is_stopped() {
    let host = start().await;
    for path in ["/big?kib=8192", "/endless-stream"] {
        assert_bodiless(&host, "HEAD", path, 200, None).await;
    }
    crate::support::occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn responses_of_the_host_to_head_have_no_body() {
    let host = start().await;
    let (head, rest) = by_http1(&host, "HEAD", "/trap").await;
    assert!(head.starts_with("http/1.1 500 "), "{head}");
    assert_eq!(rest, "", "{head}");
    let seen = frames(&host, "HEAD", "/trap").await;
    assert!(seen.iter().all(|(kind, _)| *kind != DATA), "{seen:?}");
}

#[tokio::test]
async fn responses_with_bodiless_statuses_have_no_body() {
    let host = start().await;
    for (path, status, length) in [
        ("/answer?status=204", 204, None),
        ("/answer?status=204&length=7", 204, None),
        ("/answer?status=204&bytes=7", 204, None),
        ("/answer?status=304", 304, None),
        ("/answer?status=304&length=7", 304, Some(7)),
        ("/old/answer?status=304&length=7", 304, Some(7)),
        ("/old/answer?status=304&length=7&finish=yes", 304, Some(7)),
        ("/old/answer?status=204&length=7&finish=yes", 204, None),
    ] {
        assert_bodiless(&host, "GET", path, status, length).await;
    }
}

/// A server that answers every request with these bytes.
async fn sending(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn bodiless_responses_are_relayed_with_their_length() {
    let host = start().await;
    let not_modified = "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\
                        etag: \"x\"\r\nconnection: close\r\n\r\n";
    let to = sending(not_modified).await;
    assert_bodiless(&host, "GET", &format!("/forward?url={to}"), 304, Some(7)).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n";
    let to = sending(head).await;
    assert_bodiless(&host, "HEAD", &format!("/forward?url={to}"), 200, Some(7)).await;
    let inside = "/forward?url=http://old.spin.internal/";
    assert_bodiless(&host, "HEAD", inside, 200, Some(19)).await;
}

#[tokio::test]
async fn an_informational_status_is_a_fault_of_the_guest() {
    let host = start().await;
    for path in ["/answer?status=101", "/answer?status=103", "/old/answer?status=103"] {
        let answer = host.client().get(path).await;
        assert_problem(&answer, 500, "invalid-answer");
        let status = path.rsplit('=').next().unwrap();
        assert!(answer.text().contains(status), "{}", answer.text());
        let component = if path.starts_with("/old") { "old" } else { "guest" };
        let line = host
            .log_line(|line| {
                let message = line["message"].as_str().unwrap_or_default();
                line["component"] == component && message.contains(status)
            })
            .await;
        assert_eq!(line["blame"], "guest", "{line}");
        assert_eq!(by_http2(&host, "GET", path).await.0, 500);
    }
}

#[tokio::test]
async fn a_wrong_content_length_is_a_fault_of_the_guest() {
    let host = start().await;
    for path in ["/answer?length=5", "/answer?length=5&bytes=3", "/old/answer?status=200&length=5"]
    {
        let answer = host.client().get(path).await.expect(500);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(by_http2(&host, "GET", path).await.0, 500, "{path}");
    }
    host.client().get("/answer?length=5&bytes=5").await.expect(200);
}

#[tokio::test]
async fn a_body_of_its_announced_length_is_whole_even_if_its_guest_does_not_end_it() {
    let host = start().await;
    let answer = host.client().get("/old/open?length=6").await.expect(500);
    assert_eq!(answer.text(), "so far");
    let answer = host.client().get("/old/open?length=7").await.expect(500);
    assert_ne!(answer.text(), "so far");
}

#[tokio::test]
async fn connect_is_refused() {
    let host = start().await;
    let request = "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n";
    let answer = exchange(host.address(), request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
    assert!(answer.contains(r#""code":"not-implemented""#), "{answer}");
    let mut frames = Frames::connect(host.address(), 65_535).await;
    frames.request(1, &[(":method", "CONNECT"), (":authority", "example.com:443")]).await;
    assert_eq!(frames.stream(1).await.first().map(|(kind, _)| *kind), Some(HEADERS));
    host.client().get("/static").await.expect(200);
}

#[tokio::test]
async fn malformed_chunks_are_a_fault_of_the_client() {
    let host = start().await;
    let head = "POST /length HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    for (guest, path, before) in [
        ("guest", "/length", ""),
        ("guest", "/length", "5\r\nhello\r\n"),
        // More than the host reads before it calls the component.
        ("guest", "/length", &chunk(70_000)),
        ("old", "/old/echo", &chunk(70_000)),
    ] {
        let request = head.replace("/length", path) + before + "no number\r\n";
        let answer = exchange(host.address(), request.as_bytes()).await;
        let length = before.len();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path} after {length}: {answer}");
        assert!(answer.contains(r#""code":"body-malformed""#), "{path}: {answer}");
        if guest == "old" {
            let failed =
                |line: &serde_json::Value| line["component"] == guest && line["blame"].is_string();
            let line = host.log_line(failed).await;
            assert_eq!(line["blame"], "caller", "{line}");
        }
    }
    let blamed = host.log().iter().filter(|line| line["blame"] == "guest").count();
    assert_eq!(blamed, 0, "{:#?}", host.log());
}

fn chunk(bytes: usize) -> String {
    format!("{bytes:x}\r\n{}\r\n", "x".repeat(bytes))
}

#[tokio::test]
async fn a_half_closed_client_gets_its_response() {
    let mut backend = Backend::start().await;
    let host = start().await;
    let path = format!("/outbound?url={}", backend.url("/hold"));

    let mut stream = tokio::net::TcpStream::connect(host.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let held = backend.next().await;
    // This request is served after the end of the other one's input.
    host.client().get("/static").await.expect(200);
    held.answer(200, "still there");
    let answer = crate::support::read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("still there"), "{answer}");

    let mut frames = Frames::connect(host.address(), 65_535).await;
    frames.request(1, &fields("GET", &path)).await;
    frames.half_close().await;
    let held = backend.next().await;
    host.client().get("/static").await.expect(200);
    held.answer(200, "still there");
    let mut body = vec![];
    while let Some(frame) = frames.next().await {
        if frame.kind == DATA {
            body.extend(frame.payload);
        }
    }
    assert_eq!(String::from_utf8_lossy(&body), "still there");
}

/// Send a request with this body and close the sending side, all before the host sees any of it.
async fn sent_at_once(host: &Host, path: &str, length: &str, body: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(host.address()).await.unwrap();
    let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n{body}");
    host.pause();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    host.resume();
    crate::support::read_to_end(&mut stream).await
}

#[tokio::test]
async fn a_body_may_end_together_with_the_sending_side() {
    let host = start().await;
    for (path, length, body, expected) in [
        ("/length", "content-length: 6", "sixsix", "\r\n\r\n6"),
        ("/length", "transfer-encoding: chunked", "3\r\nsix\r\n3\r\nsix\r\n0\r\n\r\n", "\r\n\r\n6"),
        ("/old/echo", "content-length: 6", "sixsix", "sixsix"),
        ("/static", "content-length: 6", "sixsix", "short and stout"),
    ] {
        let answer = sent_at_once(&host, path, length, body).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path} {length}: {answer}");
        assert!(answer.ends_with(expected), "{path} {length}: {answer}");
    }
}

#[tokio::test]
async fn an_incomplete_body_is_a_fault_of_the_client() {
    let host = start().await;
    for length in ["content-length: 60", "content-length: 90000", "transfer-encoding: chunked"] {
        let answer = sent_at_once(&host, "/length", length, "5\r\nsix").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{length}: {answer}");
        assert!(answer.contains(r#""code":"body-malformed""#), "{length}: {answer}");
    }
    assert_eq!(host.limit_reached("half_close_timeout_ms").await, 0);
}

#[tokio::test]
async fn a_half_closed_client_gets_a_large_response() {
    let host = start().await;
    let request = "GET /big?kib=8192 HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut stream = tokio::net::TcpStream::connect(host.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = crate::support::read_to_end(&mut stream).await;
    assert!(answer.ends_with("\r\n0\r\n\r\n"), "it came to its end: {} bytes", answer.len());
}

#[tokio::test]
async fn a_disconnected_client_is_handled_like_a_half_closed_one() {
    let mut backend = Backend::start().await;
    let app = application(APPLICATION);
    let host = app.host().environment("TESSERA_HALF_CLOSE_TIMEOUT_MS", "50").start().await;
    let (client, path) = (host.client(), format!("/outbound?url={}", backend.url("/hold")));
    let request =
        tokio::spawn(async move { client.try_send(Method::GET, &path, None, Bytes::new()).await });
    let held = backend.next().await;
    request.abort();
    soon(held.abandoned()).await;
}
