//! Components that use much of something: processor time, memory, the log, or streams. All requests
//! of other components succeed.

use crate::support::{
    Application, count, eventually, get, http2_from, load, next_chunk, only_streams,
};
use harness::{Client, Host};
use http::Response;
use hyper::body::Incoming;
use std::net::Ipv4Addr;
use tokio::task::JoinSet;

/// Requests of others, and those at the same time.
const REQUESTS: usize = 400;
const CONCURRENT: usize = 8;
/// Callers of the component that is noisy.
const CALLERS: usize = 4;
/// Streams from one address; it may have 256.
const STREAMS: usize = 200;
const ADDRESSES: u8 = 5;

/// A noisy guest with these limits, a neighbor, and a guest of WASI 0.2.
fn app(limits: &str) -> Application {
    let p2 = r#"
[[trigger.http]]
route = "/p2/..."
component = "p2"
[component.p2]
source = "$p2"
"#;
    Application::with_neighbor(limits, p2)
}

/// All requests of others succeed, also those that go from one component to another.
async fn assert_others_succeed(host: &Host) {
    let client = host.client();
    let (neighbor, p2) = futures::join!(
        load(&client, "/neighbor/", REQUESTS, CONCURRENT),
        load(&client, "/p2/random?bytes=1", REQUESTS, CONCURRENT),
    );
    assert_eq!((count(&neighbor, 200), count(&p2, 200)), (REQUESTS, REQUESTS));
    host.admin().get("/livez").await.expect(200);
}

/// Calls the guest again and again until it is dropped.
fn noise(client: &Client, path: &str) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (client, path) = (client.clone(), path.to_owned());
        callers.spawn(async move {
            loop {
                client.get(&path).await;
            }
        });
    }
    callers
}

/// Waits until a counter of the guest is above 0.
async fn counted(host: &Host, name: &str, more: &str) {
    let series = format!("{name}{{component=\"guest\"{more}}}");
    let above = async || host.metric(&series).await.filter(|count| *count > 0).map(|_| ());
    eventually(above).await;
}

#[tokio::test]
async fn a_component_that_computes_does_not_fail_others() {
    let host = app("cpu_time_max_ms = 1_000").host().start().await;
    let _noise = noise(&host.client(), "/loop");
    counted(&host, "tessera_calls_moved_to_background_total", "").await;
    assert_others_succeed(&host).await;
}

#[tokio::test]
async fn a_component_that_takes_memory_does_not_fail_others() {
    let host = app("memory_max_mib = 64").host().start().await;
    let _noise = noise(&host.client(), "/memory");
    let exceeded = ",route=\"GET /...\",status=\"memory-exceeded\"";
    counted(&host, "tessera_http_request_duration_seconds_count", exceeded).await;
    assert_others_succeed(&host).await;
}

#[tokio::test]
async fn a_component_that_floods_the_log_does_not_fail_others() {
    let host = app("log_max_kib = 64").host().start().await;
    let _noise = noise(&host.client(), "/log?kib=1024");
    counted(&host, "tessera_log_bytes_dropped_total", "").await;
    assert_others_succeed(&host).await;
}

#[tokio::test]
async fn a_component_that_holds_a_thousand_streams_does_not_fail_others() {
    let host = app("").host().start().await;
    let mut streams: Vec<Response<Incoming>> = Vec::new();
    for last in 2..2 + ADDRESSES {
        let mut connection = http2_from(Ipv4Addr::new(127, 0, 0, last), host.address()).await;
        for _ in 0..STREAMS {
            let request = get("http://test.example/endless-stream");
            let mut answer = connection.send_request(request).await.unwrap();
            assert_eq!(answer.status(), 200);
            next_chunk(&mut answer).await.expect("a chunk");
            streams.push(answer);
        }
    }
    let all = u64::from(ADDRESSES) * STREAMS as u64;
    only_streams(&host, "guest", all).await;
    assert_others_succeed(&host).await;
    only_streams(&host, "guest", all).await;
    drop(streams);
    only_streams(&host, "guest", 0).await;
}
