//! The resources of one client are limited and counted, and other clients are not affected.

use crate::support::{
    Application, Backend, application, assert_problem, eventually, exchange_from, get, http1,
    http2, occupancy, only_streams, read_to_end, read_until, soon,
};
use bytes::Bytes;
use harness::frames::GOAWAY;
use harness::hostile::{bodies, idle, methods, prefaces, unread};
use harness::{Host, HostBuilder, Stranger};
use http::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// A guest with these limits.
fn guest(limits: &str) -> Application {
    application(&format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"$p3\"\nallowed_outbound_hosts = [\"http://127.0.0.1:*\"]\n\
         [component.guest.tool.tessera]\nlimits = {{ {limits} }}\n"
    ))
}

/// A host with these limits of its front, by their names.
fn with(host: HostBuilder, limits: &[(&str, u64)]) -> HostBuilder {
    limits.iter().fold(host, |host, (name, value)| {
        host.environment(&format!("TESSERA_{}", name.to_uppercase()), &value.to_string())
    })
}

/// That a client at another address is served.
async fn assert_others_are_served(host: &Host) {
    let request = b"GET /answer HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = exchange_from("127.0.0.2", host.address(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// A client at 127.0.0.1.
fn client(host: &Host) -> Stranger {
    Stranger::new(host.address())
}

/// A request whose body has not arrived and that the host waits for.
async fn begin_body(host: &Host, length: &str) -> TcpStream {
    bodies::begin(&client(host), "/length", length).await.expect("the host waits for the body")
}

#[tokio::test]
async fn clients_that_send_small_bodies_slowly_hold_no_permit() {
    let host = guest("concurrency_max = 1, queue_length_max = 0").host().start().await;
    let mut slow = vec![];
    for _ in 0..20 {
        let mut stream = begin_body(&host, "content-length: 6").await;
        stream.write_all(b"one").await.unwrap();
        slow.push(stream);
    }
    host.client().get("/").await.expect(200);
    for mut stream in slow {
        // A call keeps its permit until its guest ends, which may be after its response was read.
        occupancy(&host, "guest", 0, 0).await;
        stream.write_all(b"two").await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
}

#[tokio::test]
async fn clients_that_pause_in_json_of_unknown_length_hold_no_permit() {
    let host = guest("concurrency_max = 2, queue_length_max = 0").host().start().await;
    let mut slow = vec![];
    for media_type in ["application/json", "application/x-www-form-urlencoded"].repeat(5) {
        let length = format!("content-type: {media_type}\r\ntransfer-encoding: chunked");
        let mut stream = begin_body(&host, &length).await;
        stream.write_all(b"3\r\none\r\n").await.unwrap();
        slow.push(stream);
    }
    // Its call begins after a pause. By then the others have paused for as long.
    let _other = begin_body(&host, "transfer-encoding: chunked").await;
    occupancy(&host, "guest", 1, 0).await;
    host.client().get("/").await.expect(200);
    for mut stream in slow {
        occupancy(&host, "guest", 1, 0).await;
        stream.write_all(b"3\r\ntwo\r\n0\r\n\r\n").await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
}

#[tokio::test]
async fn bodies_take_no_memory_before_they_arrive() {
    let host = with(guest("").host(), &[("body_buffers_max_mib", 1)]).start().await;
    let mut slow = vec![];
    for _ in 0..40 {
        slow.push(begin_body(&host, "content-length: 60000").await);
    }
    let body = Bytes::from(vec![b'x'; 60_000]);
    host.client().send(Method::POST, "/length", None, body).await.expect(200);
    // What has arrived counts, without the last byte of each body.
    for stream in &mut slow {
        // Refused ones may be closed already.
        let _ = stream.write_all(&[b'x'; 59_999]).await;
    }
    let is_reached = async || host.limit_reached("body_buffers_max_mib").await >= 1;
    eventually(async || is_reached().await.then_some(())).await;
}

#[tokio::test]
async fn clients_that_send_large_bodies_slowly_hold_few_permits() {
    let app = guest("concurrency_max = 3, queue_length_max = 0");
    let host = with(app.host(), &[("uploads_per_address_max", 2)]).start().await;
    let mut slow = vec![];
    for _ in 0..2 {
        slow.push(begin_body(&host, "content-length: 100000").await);
    }
    let mut third = TcpStream::connect(host.address()).await.unwrap();
    let head = "POST /length HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n";
    third.write_all(head.as_bytes()).await.unwrap();
    occupancy(&host, "guest", 2, 0).await;
    host.client().get("/").await.expect(200);
    occupancy(&host, "guest", 2, 0).await;
    let body = vec![b'x'; 100_000];
    third.write_all(&body).await.unwrap();
    slow[0].write_all(&body).await.unwrap();
    for stream in [&mut slow[0], &mut third] {
        let head = read_until(stream, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
}

/// Send a byte repeatedly until the host responds.
async fn drip(host: &Host, length: &str, piece: &[u8]) -> String {
    bodies::drip(&mut begin_body(host, length).await, piece).await
}

#[tokio::test]
async fn the_total_time_of_a_body_is_limited() {
    let app = guest("");
    let host = with(app.host(), &[("body_timeout_ms", 300)]).start().await;
    for (length, piece) in [
        ("content-length: 60000", "x"),
        ("content-length: 90000", "x"),
        ("transfer-encoding: chunked", "1\r\nx\r\n"),
    ] {
        let answer = drip(&host, length, piece.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{length}: {answer}");
        assert!(answer.contains(r#""code":"body-incomplete""#), "{length}: {answer}");
    }
    assert_eq!(host.limit_reached("body_timeout_ms").await, 3);
    let blamed = host.log().iter().filter(|line| line["blame"] == "guest").count();
    assert_eq!(blamed, 0, "{:#?}", host.log());
}

#[tokio::test]
async fn a_body_has_a_minimum_rate() {
    let app = guest("");
    let flags = [("body_grace_ms", 1_000), ("body_rate_min", 200_000)];
    let host = with(app.host(), &flags).start().await;
    for length in ["content-length: 60000", "content-length: 90000"] {
        let answer = drip(&host, length, b"x").await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{length}: {answer}");
    }
    assert_eq!(host.limit_reached("body_rate_min").await, 2);
    let body = Bytes::from(vec![b'x'; 900_000]);
    let answer = host.client().send(Method::POST, "/length", None, body).await;
    assert_eq!(answer.expect(200).text(), "900000");
}

#[tokio::test]
async fn a_pause_in_a_body_is_limited() {
    let app = guest("");
    let host = with(app.host(), &[("body_grace_ms", 200)]).start().await;
    let answer = read_to_end(&mut begin_body(&host, "content-length: 6").await).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(host.limit_reached("body_grace_ms").await, 1);
    assert_eq!(host.limit_reached("body_timeout_ms").await, 0);
}

#[tokio::test]
async fn an_idle_http_1_connection_is_closed_and_only_a_slow_head_is_counted() {
    let app = guest("");
    let host = with(app.host(), &[("head_timeout_ms", 300)]).start().await;
    for (begins, counted) in [("", 0), ("GET / HTTP", 1)] {
        let mut stream = TcpStream::connect(host.address()).await.unwrap();
        stream.write_all(b"GET /answer HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        stream.write_all(begins.as_bytes()).await.unwrap();
        assert_eq!(read_to_end(&mut stream).await, "", "{begins}");
        assert_eq!(host.limit_reached("head_timeout_ms").await, counted, "{begins}");
    }
}

#[tokio::test]
async fn partial_http_2_prefaces_are_closed_and_do_not_block_others() {
    let app = guest("");
    let flags = [("connections_per_address_max", 50), ("head_timeout_ms", 2000)];
    let host = with(app.host(), &flags).start().await;
    let half = prefaces::begin(&client(&host), 200).await.unwrap();
    assert_others_are_served(&host).await;
    for mut stream in half {
        assert_eq!(read_to_end(&mut stream).await, "");
    }
    let refused = host.limit_reached("connections_per_address_max").await;
    assert!(refused > 0, "none was refused");
    assert_eq!(host.limit_reached("head_timeout_ms").await, 200 - refused);
    // The same number of connections is possible again.
    eventually(async || {
        host.client().try_send(Method::GET, "/", None, Bytes::new()).await.ok().map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn an_http_2_connection_without_requests_is_closed() {
    let app = guest("");
    let host = with(app.host(), &[("idle_timeout_ms", 300)]).start().await;
    for path in [None, Some("/answer")] {
        let last = idle::stay(&client(&host), path).await.unwrap();
        assert_eq!(last, Some(GOAWAY), "{path:?}");
    }
    assert_eq!(host.limit_reached("idle_timeout_ms").await, 2);
}

#[tokio::test]
async fn requests_in_flight_are_limited_per_client() {
    let mut backend = Backend::start().await;
    let app = guest("");
    let host = with(app.host(), &[("requests_per_address_max", 2)]).start().await;
    let path = format!("/outbound?url={}", backend.url("/hold"));
    let mut connection = http2(host.address()).await;
    let url = format!("http://{}{path}", host.address());
    let request = |url: &str| {
        let mut request = get(url);
        request.headers_mut().remove("host");
        request
    };
    let first = connection.send_request(request(&url));
    let second = connection.send_request(request(&url));
    let held = backend.next_all(2).await;
    let third = host.client().with("x-request-id", "mine").get("/answer").await;
    assert_problem(&third, 429, "too-many-requests");
    assert_eq!(third.header("x-request-id"), "mine");
    assert_eq!(third.header("retry-after"), "1");
    assert_others_are_served(&host).await;
    assert_eq!(host.limit_reached("requests_per_address_max").await, 1);
    for one in held {
        one.answer(200, "");
    }
    for answer in [first, second] {
        let mut answer = soon(answer).await.expect("an answer");
        assert_eq!(crate::support::next_chunk(&mut answer).await, None);
    }
    eventually(async || (host.client().get("/answer").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn streams_are_limited_per_client() {
    let app = guest("");
    let host = with(app.host(), &[("streams_per_address_max", 1)]).start().await;
    let mut connection = http1(host.address()).await;
    let stream = connection.send_request(get("/endless-stream")).await.expect("a head");
    assert_eq!(stream.status(), 200);
    let second = host.client().with("x-request-id", "mine").get("/endless-stream").await;
    assert_problem(&second, 429, "too-many-streams");
    assert_eq!(second.header("x-request-id"), "mine");
    host.client().get("/answer?bytes=9").await.expect(200);
    let request = b"GET /big?kib=100 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = exchange_from("127.0.0.2", host.address(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    only_streams(&host, "guest", 1).await;
    drop((stream, connection));
    eventually(async || (host.client().get("/big?kib=100").await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected() {
    let app = guest("");
    let host = with(app.host(), &[("write_timeout_ms", 300)]).start().await;
    // More than all buffers in between can hold.
    unread::by_http1(&client(&host), "/big?kib=65536").await.unwrap();
    assert_eq!(host.limit_reached("write_timeout_ms").await, 1);
    occupancy(&host, "guest", 0, 0).await;

    for path in ["/answer?bytes=60000", "/big?kib=65536"] {
        let pings = unread::by_http2(&client(&host), path).await.unwrap();
        assert!(pings > 0, "{path}");
    }
    assert_eq!(host.limit_reached("write_timeout_ms").await, 3);
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn unknown_methods_create_no_metrics() {
    let mut backend = Backend::start().await;
    let host = guest("").host().start().await;
    for n in 0..100 {
        let answer = methods::ask(&client(&host), "/", n).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    // Guests are clients, too.
    let (client, path) = (host.client(), format!("/forward?url={}", backend.url("/")));
    let method = Method::from_bytes(b"MADE-UP").unwrap();
    let forwarded =
        tokio::spawn(async move { client.send(method, &path, None, Bytes::new()).await });
    backend.next().await.answer(200, "");
    soon(forwarded).await.unwrap().expect(200);
    occupancy(&host, "guest", 0, 0).await;
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(metrics.len() < 100_000, "{} bytes", metrics.len());
    assert!(!methods::are_in(&metrics) && !metrics.contains("MADE-UP"), "{metrics}");
    for (name, route, count) in
        [("http", "_OTHER /...", 101), ("outbound", "_OTHER 127.0.0.1:*", 1)]
    {
        let start = format!("tessera_{name}_request_duration_seconds_count{{");
        let mut lines = metrics.lines().filter(|line| line.starts_with(&start));
        let line = lines.find(|line| line.contains(&format!("route=\"{route}\"")));
        assert!(
            line.is_some_and(|line| line.ends_with(&format!(" {count}"))),
            "{route}: {metrics}"
        );
    }
}
