//! Malformed requests. The host responds or disconnects, and serves the next client.

use crate::support::{Application, application, exchange, get, http2, read_to_end};
use bytes::Bytes;
use harness::frames::HEADERS;
use harness::hostile::fields;
use harness::{Host, Stranger};
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn start() -> Host {
    application(Application::GUEST).host().start().await
}

async fn assert_alive(host: &Host) {
    host.client().get("/").await.expect(200);
}

#[tokio::test]
async fn malformed_requests_get_400_and_the_connection_is_closed() {
    let host = start().await;
    for request in [
        "NO SUCH THING AT ALL\r\n\r\n",
        "GET / HTTP/9.9\r\nhost: x\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET http:// HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        "\u{16}\u{3}\u{1}\u{2}TLS on a plain port",
    ] {
        let answer = exchange(host.address(), request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{request:?} got {answer:?}");
    }
    assert_alive(&host).await;
}

#[tokio::test]
async fn a_request_without_a_usable_host_gets_a_problem() {
    let host = start().await;
    let several = "host: localhost\r\nhost: evil.example\r\n";
    let named = "host: localhost:80@evil.example\r\n";
    for head in ["", "host: a b\r\n", "host: \r\n", several, named] {
        let request = format!("GET / HTTP/1.1\r\n{head}connection: close\r\n\r\n");
        let answer = exchange(host.address(), request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?} got {answer:?}");
        assert!(answer.contains("application/problem+json"), "{head:?} got {answer:?}");
    }
    assert_alive(&host).await;
}

#[tokio::test]
async fn ten_megabytes_of_header_fields_are_not_read_to_the_end() {
    let host = start().await;
    let answer = fields::many_by_http1(&Stranger::new(host.address()), 10_000_000).await.unwrap();
    let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 431 ");
    assert!(refused, "{answer:?}");
    assert_alive(&host).await;
}

#[tokio::test]
async fn header_fields_over_the_limit_get_431() {
    let host = start().await;
    let answer = fields::one_by_http1(&Stranger::new(host.address()), 70_000).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    assert_alive(&host).await;
}

#[tokio::test]
async fn header_fields_over_the_limit_get_431_by_http_2_too() {
    let host = start().await;
    for bytes in [66_000, 70_000, 100_000] {
        let mut connection = http2(host.address()).await;
        let request = |long: usize| {
            let mut request = get(&format!("http://{}/", host.address()));
            request.headers_mut().remove("host");
            request.headers_mut().insert("x-long", "y".repeat(long).parse().unwrap());
            request
        };
        let response = connection.send_request(request(bytes)).await;
        let response = response.unwrap_or_else(|error| panic!("{bytes}: {error:?}"));
        assert_eq!(response.status(), 431, "{bytes}");
        // The connection can still be used.
        let response = connection.send_request(request(1_000)).await.expect("an answer");
        assert_eq!(response.status(), 200, "{bytes}");
    }
    assert_alive(&host).await;
}

#[tokio::test]
async fn an_uncompressed_field_over_the_limit_gets_431_by_http_2_too() {
    let host = start().await;
    for bytes in [66_000, 70_000, 100_000] {
        let stranger = Stranger::new(host.address());
        for seen in fields::one_by_http2(&stranger, bytes).await.unwrap() {
            assert_eq!(seen.first().map(|(kind, _)| *kind), Some(HEADERS), "{bytes}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_slow_request_head_is_cut_off() {
    let host = start().await;
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    // Other clients are served in the meantime.
    assert_alive(&host).await;
    let answer = read_to_end(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    let host = start().await;
    let request = "POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n";
    let answer = exchange(host.address(), request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer:?}");
    assert!(answer.contains(r#""code":"body-too-large""#), "{answer:?}");
    assert_alive(&host).await;
}

#[tokio::test]
async fn a_length_that_is_sent_twice_gets_400_by_http_2_too() {
    let host = start().await;
    let mut connection = http2(host.address()).await;
    let mut request = Request::post(format!("http://{}/length", host.address()));
    for _ in 0..2 {
        request = request.header("content-length", "2");
    }
    let body = Full::new(Bytes::from_static(b"ab")).boxed_unsync();
    let response = connection.send_request(request.body(body).unwrap()).await.expect("an answer");
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_alive(&host).await;
}
