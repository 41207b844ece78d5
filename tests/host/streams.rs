//! Streams are counted separately from calls, and limited in total and per client.

use crate::support::{
    Application, application, assert_problem, get, next_chunk, only_streams, soon,
};
use bytes::Bytes;
use harness::Host;
use http::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use std::net::Ipv4Addr;
use tokio::net::TcpSocket;

/// A guest with these limits at `/...`, which may call another one with the same limits.
fn guests(limits: &str) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = {{ private = true }}
component = "other"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://other.spin.internal"]
tool.tessera.limits = {{ {limits} }}
[component.other]
source = "$p3"
tool.tessera.limits = {{ {limits} }}
"#
    ))
}

const ENDLESS: &str = "/endless-stream";
/// The same, relayed from the other component.
const RELAYED: &str = "/forward?url=http://other.spin.internal/endless-stream";

type Connection = SendRequest<http_body_util::Empty<Bytes>>;

/// An open stream, with its connection.
struct Stream {
    _connection: Connection,
    _answer: Response<Incoming>,
}

/// Request a stream from this address of the loopback network.
async fn open(host: &Host, from: Ipv4Addr, path: &str) -> Result<Stream, Response<Incoming>> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let socket = socket.connect(host.address()).await.unwrap();
    let (mut connection, driver) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(driver);
    let request = get(path).map(|_| http_body_util::Empty::new());
    let mut answer = soon(connection.send_request(request)).await.unwrap();
    if answer.status() != 200 {
        return Err(answer);
    }
    assert_eq!(next_chunk(&mut answer).await.unwrap(), "data: first\n\n");
    Ok(Stream { _connection: connection, _answer: answer })
}

/// Open these streams, one after the other, until none of their calls has a permit.
async fn open_many(host: &Host, count: u64, path: &str) -> Vec<Stream> {
    let mut streams = Vec::new();
    for number in 1..=count {
        let stream = open(host, Ipv4Addr::LOCALHOST, path).await;
        streams.push(stream.unwrap_or_else(|refusal| panic!("{refusal:?}")));
        only_streams(host, "guest", number).await;
        only_streams(host, "other", if path == RELAYED { number } else { 0 }).await;
    }
    streams
}

#[tokio::test]
async fn streams_do_not_take_the_permits_of_calls() {
    for path in [ENDLESS, RELAYED] {
        let host = guests("concurrency_max = 2, queue_length_max = 0").host().start().await;
        let streams = open_many(&host, 6, path).await;
        host.client().get("/").await.expect(200);
        host.client().get("/outbound?url=http://other.spin.internal/").await.expect(200);
        let metrics = host.admin().get("/metrics").await.expect(200).text();
        assert!(metrics.contains("tessera_streams{component=\"guest\"} 6"), "{metrics}");
        drop(streams);
        for component in ["guest", "other"] {
            only_streams(&host, component, 0).await;
        }
    }
}

#[tokio::test]
async fn a_stream_over_the_limit_is_refused_and_calls_are_not() {
    let host = guests("streams_max = 2").host().start().await;
    let mut streams = open_many(&host, 2, ENDLESS).await;
    let refusal = host.client().get(ENDLESS).await;
    assert_problem(&refusal, 503, "streams-full");
    assert_eq!(refusal.header("retry-after"), "10");
    host.client().get("/").await.expect(200);
    let line = host.log_line(|line| line["blame"] == "host").await;
    assert!(line["message"].as_str().unwrap().contains("streams_max"), "{line}");
    streams.pop();
    only_streams(&host, "guest", 1).await;
    assert!(open(&host, Ipv4Addr::LOCALHOST, ENDLESS).await.is_ok());
}

#[tokio::test]
async fn a_large_answer_is_a_stream_while_it_is_sent() {
    let host = guests("streams_max = 1").host().start().await;
    for _ in 0..3 {
        assert_eq!(host.client().get("/big?kib=200").await.expect(200).text().len(), 200 << 10);
        only_streams(&host, "guest", 0).await;
    }
}

#[tokio::test]
async fn one_client_cannot_take_all_streams() {
    let host = guests("streams_per_client_max = 2").host().start().await;
    for path in [ENDLESS, RELAYED] {
        let streams = open_many(&host, 2, path).await;
        let refusal = open(&host, Ipv4Addr::LOCALHOST, path).await.err().expect("a refusal");
        assert!([502, 503].contains(&refusal.status().as_u16()), "{refusal:?}");
        // Another client has its own limit, also at the callee.
        assert!(open(&host, Ipv4Addr::new(127, 0, 0, 2), path).await.is_ok());
        drop(streams);
        only_streams(&host, "guest", 0).await;
        only_streams(&host, "other", 0).await;
    }
}
