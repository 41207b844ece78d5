//! What one client can take of the host: bounded and counted, and not at the cost of others.

use crate::support::frames::{Frames, GOAWAY, PING, fields};
use crate::support::{
    Application, Backend, application, assert_problem, eventually, exchange_from, get, http1,
    http2, occupancy, read_to_end, read_until, soon,
};
use bytes::Bytes;
use harness::{Host, HostBuilder};
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

/// How often a limit was reached.
async fn reached(host: &Host, limit: &str) -> u64 {
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    let line = format!("tessera_http_limits_reached_total{{limit=\"{limit}\"}} ");
    let count = metrics.lines().find_map(|found| found.strip_prefix(&line));
    count.map_or(0, |count| count.parse().expect("a count"))
}

/// A request with a body that is still to come, and that the host waits for.
async fn begin_body(host: &Host, length: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    let head =
        format!("POST /length HTTP/1.1\r\nhost: x\r\n{length}\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream
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
        stream.write_all(b"two").await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
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
    let body = vec![b'x'; 100_000];
    third.write_all(&body).await.unwrap();
    slow[0].write_all(&body).await.unwrap();
    for stream in [&mut slow[0], &mut third] {
        let head = read_until(stream, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
}

/// Send a byte again and again until the host answers.
async fn drip(host: &Host, length: &str, piece: &[u8]) -> String {
    let mut stream = begin_body(host, length).await;
    for _ in 0..10_000 {
        if stream.write_all(piece).await.is_err() {
            break;
        }
        let pause = tokio::time::sleep(std::time::Duration::from_millis(5));
        tokio::select! {
            _ = stream.readable() => break,
            () = pause => {}
        }
    }
    read_to_end(&mut stream).await
}

#[tokio::test]
async fn a_body_has_a_time_in_which_it_has_to_come() {
    let app = guest("");
    let host = with(app.host(), &[("body_timeout_ms", 300)]).start().await;
    for (length, piece) in [
        ("content-length: 60000", "x"),
        ("content-length: 90000", "x"),
        ("transfer-encoding: chunked", "1\r\nx\r\n"),
    ] {
        let answer = drip(&host, length, piece.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{length}: {answer}");
        assert!(answer.contains("urn:tessera:problem:body-incomplete"), "{length}: {answer}");
    }
    assert_eq!(reached(&host, "body_timeout_ms").await, 3);
    let blamed = host.log().iter().filter(|line| line["blame"] == "guest").count();
    assert_eq!(blamed, 0, "{:#?}", host.log());
}

#[tokio::test]
async fn a_body_has_a_least_rate() {
    let app = guest("");
    let flags = [("body_grace_ms", 200), ("body_rate_min", 1_000_000)];
    let host = with(app.host(), &flags).start().await;
    for length in ["content-length: 60000", "content-length: 90000"] {
        let answer = drip(&host, length, b"x").await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{length}: {answer}");
    }
    let body = Bytes::from(vec![b'x'; 900_000]);
    let answer = host.client().send(Method::POST, "/length", None, body).await;
    assert_eq!(answer.expect(200).text(), "900000");
}

#[tokio::test]
async fn half_prefaces_of_http_2_are_cut_off_and_keep_no_others_out() {
    let app = guest("");
    let flags = [("connections_per_address_max", 50), ("head_timeout_ms", 2000)];
    let host = with(app.host(), &flags).start().await;
    let mut half = vec![];
    for _ in 0..200 {
        let mut stream = TcpStream::connect(host.address()).await.unwrap();
        // Over the limit the host has closed already.
        let _ = stream.write_all(b"PRI").await;
        half.push(stream);
    }
    assert_others_are_served(&host).await;
    for mut stream in half {
        assert_eq!(read_to_end(&mut stream).await, "");
    }
    let refused = reached(&host, "connections_per_address_max").await;
    assert!(refused > 0, "none was refused");
    assert_eq!(reached(&host, "head_timeout_ms").await, 200 - refused);
    // As many as before may come again.
    eventually(async || {
        host.client().try_send(Method::GET, "/", None, Bytes::new()).await.ok().map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn a_connection_of_http_2_without_requests_is_closed() {
    let app = guest("");
    let host = with(app.host(), &[("idle_timeout_ms", 300)]).start().await;
    for asks in [false, true] {
        let mut frames = Frames::connect(host.address(), 65_535).await;
        if asks {
            frames.request(1, &fields("GET", "/answer")).await;
        }
        let mut last = None;
        while let Some(frame) = frames.next().await {
            // That it answers is not enough.
            if frame.kind == PING && frame.flags == 0 {
                frames.send(PING, 1, 0, &frame.payload).await;
            }
            last = Some(frame);
        }
        assert_eq!(last.map(|frame| frame.kind), Some(GOAWAY));
    }
    assert_eq!(reached(&host, "idle_timeout_ms").await, 2);
}

#[tokio::test]
async fn a_client_has_so_many_requests_in_flight_and_others_theirs() {
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
    let third = host.client().get("/answer").await;
    assert_problem(&third, 429, "too-many-requests");
    assert_eq!(third.header("retry-after"), "1");
    assert_others_are_served(&host).await;
    assert_eq!(reached(&host, "requests_per_address_max").await, 1);
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
async fn a_client_has_so_many_streams_and_others_theirs() {
    let app = guest("");
    let host = with(app.host(), &[("streams_per_address_max", 1)]).start().await;
    let mut connection = http1(host.address()).await;
    let stream = connection.send_request(get("/endless-stream")).await.expect("a head");
    assert_eq!(stream.status(), 200);
    assert_problem(&host.client().get("/endless-stream").await, 429, "too-many-streams");
    host.client().get("/answer?bytes=9").await.expect(200);
    let request = b"GET /big?kib=100 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = exchange_from("127.0.0.2", host.address(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    occupancy(&host, "guest", 1, 0).await;
    drop((stream, connection));
    eventually(async || (host.client().get("/big?kib=100").await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let app = guest("");
    let host = with(app.host(), &[("write_timeout_ms", 300)]).start().await;
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    // More than all buffers on the way take.
    stream.write_all(b"GET /big?kib=65536 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    eventually(async || (reached(&host, "write_timeout_ms").await == 1).then_some(())).await;
    occupancy(&host, "guest", 0, 0).await;

    for path in ["/answer?bytes=60000", "/big?kib=65536"] {
        // Streams that are given no window, on a connection that is alive otherwise.
        let mut frames = Frames::connect(host.address(), 0).await;
        frames.request(1, &fields("GET", path)).await;
        let mut pings = 0;
        frames.send(PING, 0, 0, &[0; 8]).await;
        while let Some(frame) = frames.next().await {
            if frame.kind == PING && pings < 100_000 {
                pings += 1;
                frames.send(PING, 0, 0, &[0; 8]).await;
            }
        }
        assert!(pings > 0, "{path}");
    }
    assert_eq!(reached(&host, "write_timeout_ms").await, 3);
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn methods_make_no_metrics() {
    let mut backend = Backend::start().await;
    let host = guest("").host().start().await;
    for n in 0..100 {
        let method = format!("M{n}{}", "X".repeat(20_000));
        let request = format!("{method} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = crate::support::exchange(host.address(), request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    // Guests are clients, too.
    let (client, path) = (host.client(), format!("/forward?url={}", backend.url("/")));
    let method = Method::from_bytes(b"MADE-UP").unwrap();
    let forwarded =
        tokio::spawn(async move { client.send(method, &path, None, Bytes::new()).await });
    backend.next().await.answer(200, "");
    soon(forwarded).await.unwrap().expect(200);
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(metrics.len() < 100_000, "{} bytes", metrics.len());
    assert!(!metrics.contains("M0X") && !metrics.contains("MADE-UP"), "{metrics}");
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
