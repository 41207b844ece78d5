//! Twice as many calls as a component can serve.
//!
//! The time of this test is counted in requests: in each turn, the backend of the component answers
//! one request, so its capacity is one call for each turn, however fast the machine is.

use crate::support::{
    Application, Backend, Received, application, assert_problem, event, eventually, publish,
};
use harness::{Answer, Client};
use tokio::task::JoinHandle;

const TURNS: usize = 400;
/// Events that are published during the overload. More than background calls may be served.
const EVENTS: usize = 100;
/// After this number of interactive calls, a background call is served.
const TURN_OF_BACKGROUND: usize = 8;

/// A component that serves one call at a time, gets events, and is called at any path but
/// `/publish`.
fn app(backend: &Backend) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/publish"
component = "publisher"
[[trigger.http]]
route = "/..."
component = "guest"
[component.publisher]
source = "$publisher"
[component.publisher.dependencies]
"tessera:events/producer@1.0.0" = {{ component = "events-bridge" }}
"tessera:events/log@1.0.0" = {{ component = "events-bridge" }}
[component.events-bridge]
source = "$publisher"
tool.tessera.bridges = "host"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
[component.guest.tool.tessera]
limits = {{ concurrency_max = 1, queue_wait_ms = 20, queue_burst_ms = 50 }}
subscribe = [{{ types = ["com.test.*"], path = "/forward?url={}" }}]
"#,
        backend.url(DELIVERED)
    ))
}

/// The path of the backend for deliveries of events.
const DELIVERED: &str = "/delivered";

/// The calls of a test, and what the backend has answered.
struct Load {
    backend: Backend,
    client: Client,
    path: String,
    calls: Vec<JoinHandle<Answer>>,
    interactive: usize,
    background: usize,
}

impl Load {
    fn new(backend: Backend, client: Client) -> Self {
        let path = format!("/outbound?url={}", backend.url("/call"));
        Self { backend, client, path, calls: vec![], interactive: 0, background: 0 }
    }

    /// A turn in which this number of calls come. False if the component did nothing, although
    /// there were calls.
    async fn turn(&mut self, arrivals: usize) -> bool {
        for _ in 0..arrivals {
            self.calls.push(self.client.spawn_get(&self.path));
        }
        tokio::select! {
            biased;
            received = self.backend.next_or_never() => {
                self.answer(received);
                true
            }
            // Without them, nothing comes.
            () = ended(&self.calls) => false,
        }
    }

    fn answer(&mut self, received: Received) {
        match received.request.uri() == DELIVERED {
            true => self.background += 1,
            false => self.interactive += 1,
        }
        received.answer(200, "");
    }

    /// Answers what is left. Returns the responses of all calls.
    async fn finish(&mut self) -> Vec<Answer> {
        while self.turn(0).await {}
        let calls = std::mem::take(&mut self.calls);
        futures::future::join_all(calls).await.into_iter().map(|call| call.unwrap()).collect()
    }
}

/// Waits until all calls have a response.
async fn ended(calls: &[JoinHandle<Answer>]) {
    let all = async || calls.iter().all(JoinHandle::is_finished).then_some(());
    eventually(all).await;
}

#[tokio::test]
async fn a_component_with_twice_its_capacity_serves_as_much_as_it_can() {
    let backend = Backend::start().await;
    let host = app(&backend).host().start().await;
    let client = host.client();
    let mut load = Load::new(backend, client.clone());

    // At its capacity, it serves all calls.
    for _ in 0..TURNS {
        assert!(load.turn(1).await);
    }
    assert!(load.finish().await.iter().all(|answer| answer.status == 200));
    let peak = std::mem::take(&mut load.interactive);
    assert_eq!(peak, TURNS);

    for turn in 0..TURNS {
        load.turn(2).await;
        if turn == TURNS / 4 {
            let events = (0..EVENTS).map(|n| event(&format!("k{n}"), &format!("e{n}")));
            publish(&host, &events.collect::<Vec<_>>()).await;
        }
        if turn % 20 == 0 {
            client.get("/livez").await.expect(200);
        }
    }
    let goodput = load.interactive + load.background;
    assert!(10 * goodput >= 9 * peak, "{goodput} of {peak} calls");
    // Background calls have not taken the place of interactive ones.
    let share = load.interactive / TURN_OF_BACKGROUND + 1;
    assert!(load.background <= share, "{} background calls, {goodput} calls", load.background);
    let answers = load.finish().await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(!refused.is_empty(), "there was an overload");
    for answer in refused {
        assert_problem(answer, 503, "queue-timeout");
        assert_eq!(answer.header("retry-after"), "1");
    }

    // After the overload, no event is lost, and nothing is refused.
    while load.background < EVENTS {
        let received = load.backend.next().await;
        load.answer(received);
    }
    for _ in 0..TURNS {
        assert!(load.turn(1).await);
    }
    assert!(load.finish().await.iter().all(|answer| answer.status == 200));
    assert_eq!(load.background, EVENTS);
}
