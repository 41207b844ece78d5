//! Long computations of a guest, and other components of the same host.

use crate::support::{
    Application, Backend, assert_problem, eventually, occupancy, only_streams, soon,
};
use harness::Host;

/// A guest with these limits, a neighbor without any, and a guest of WASI 0.2.
fn guest(limits: &str) -> Application {
    let p2 = r#"
[[trigger.http]]
route = "/p2/..."
component = "p2"
[component.p2]
source = "$p2"
"#;
    Application::with_neighbor(limits, p2)
}

/// The number of the guest's calls that have moved to the background.
async fn moved(host: &Host) -> u64 {
    let series = "tessera_calls_moved_to_background_total{component=\"guest\"}";
    host.metric(series).await.unwrap_or(0)
}

/// The CPU time of all threads with this name prefix, in clock ticks, and their nice values.
fn threads(host: &Host, name: &str) -> Vec<(u64, i64)> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", host.process_id())).expect("tasks");
    let stat = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
        let (front, rest) = text.rsplit_once(") ")?;
        let own = front.split_once('(')?.1;
        // From the third on: the fields after the name.
        let fields: Vec<i64> = rest.split(' ').skip(1).filter_map(|n| n.parse().ok()).collect();
        own.starts_with(name).then_some(((fields[10] + fields[11]) as u64, fields[15]))
    };
    tasks.filter_map(stat).collect()
}

#[tokio::test]
async fn long_computations_do_not_run_on_the_serving_threads() {
    for path in ["/loop", "/yield-loop"] {
        let mut backend = Backend::start().await;
        let app = guest("cpu_time_max_ms = 400, deadline_ms = 600000");
        let host = app.host().argument("--workers").argument("1").start().await;
        let client = host.client();
        let path = format!("{path}?signal={}", backend.url("/"));
        let busy: Vec<_> = (0..4).map(|_| client.spawn_get(&path)).collect();
        for held in backend.next_all(4).await {
            held.answer(200, "");
        }
        while busy.iter().any(|one| !one.is_finished()) {
            client.get("/neighbor/").await.expect(200);
        }
        for one in busy {
            assert_problem(&soon(one).await.unwrap(), 500, "cpu-time-exceeded");
        }
        assert_eq!(moved(&host).await, 4, "{path}");
        let used: u64 = threads(&host, "background").iter().map(|(ticks, _)| ticks).sum();
        // 4 × 400 ms, of which each call spends at most its first 100 ms elsewhere.
        assert!(used >= 4 * 40 / 2, "{path}: {used} hundredths of a second");
        assert!(threads(&host, "background").iter().all(|(_, nice)| *nice == 10));
        assert!(threads(&host, "serve").iter().all(|(_, nice)| *nice == 0));
    }
}

#[tokio::test]
async fn short_calls_stay_on_the_serving_threads() {
    let host = guest("").host().start().await;
    for _ in 0..50 {
        host.client().get("/").await.expect(200);
        host.client().get("/sleep?ms=1").await.expect(200);
    }
    // The time in which a busy machine runs other processes counts, so a call may move.
    let moved = moved(&host).await;
    assert!(moved <= 10, "{moved} of 100 calls");
}

#[tokio::test]
async fn a_moved_call_can_call_others_and_respond() {
    let host = guest("").host().start().await;
    let path = "/work?ms=100&url=http://neighbor.spin.internal/big?kib=200";
    let answer = host.client().get(path).await.expect(200).text();
    assert_eq!(answer.len(), 200 << 10);
    assert_eq!(moved(&host).await, 1);
    // The instance can be used again when its whole response was sent.
    only_streams(&host, "guest", 0).await;
    host.client().get("/count").await.expect(200);
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(metrics.contains("tessera_instantiations_total{component=\"guest\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_moved_call_ends_at_its_deadline() {
    let host = guest("cpu_time_max_ms = 600000, deadline_ms = 2000").host().start().await;
    assert_problem(&soon(host.client().get("/loop")).await, 504, "deadline-exceeded");
    assert_eq!(moved(&host).await, 1);
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn a_moved_call_ends_when_its_client_disconnects() {
    let app = guest("cpu_time_max_ms = 3600000, deadline_ms = 3600000");
    let host = app.host().start().await;
    let busy = host.client().spawn_get("/loop");
    eventually(async || (moved(&host).await == 1).then_some(())).await;
    busy.abort();
    occupancy(&host, "guest", 0, 0).await;
}

#[tokio::test]
async fn host_calls_of_a_guest_are_bounded() {
    let host = guest("").host().start().await;
    let client = host.client();
    for (asked, given) in [("0", "0"), ("1000", "1000"), ("262144", "262144")] {
        assert_eq!(client.get(&format!("/random?bytes={asked}")).await.text(), given);
        assert_eq!(client.get(&format!("/p2/random?bytes={asked}")).await.text(), given);
    }
    // WASI 0.3 allows returning fewer bytes than requested; WASI 0.2 does not.
    assert_eq!(client.get("/random?bytes=33554432").await.expect(200).text(), "262144");
    assert_problem(&client.get("/p2/random?bytes=33554432").await, 500, "trap");
    let line = host.log_line(|line| line["blame"] == "guest").await;
    assert!(line["message"].as_str().unwrap().contains("exceeds limit 262144"), "{line}");
}
