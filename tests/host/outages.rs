//! Outages of a dependency under load: it is left alone, its callers get a response, others are not
//! affected, and the first probe after its return ends it.

use crate::policies::edge;
use crate::support::{Application, Backend, application, count, eventually, load};
use harness::{Answer, Host, fixed_address};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

/// Calls during an outage, and those at the same time.
const CALLS: usize = 2_000;
const CONCURRENT: usize = 16;
/// Calls before and after it.
const FEW: usize = 100;
/// How a component sees that the circuit breaker is open.
const REFUSED: &str = "DestinationUnavailable";

/// A component that calls other hosts, with retries and a circuit breaker, and a neighbor.
fn callers() -> Application {
    application(
        r#"
[application.tool.tessera.policies.default]
retry = { backoff_ms = 1 }
breaker = { open_max_ms = 2_000 }
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/neighbor/..."
component = "neighbor"
[component.guest]
source = "$p3"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
[component.neighbor]
source = "$p3"
"#,
    )
}

/// A server whose status the test sets, and which counts its requests.
struct Dependency {
    path: String,
    status: Arc<AtomicU16>,
    requests: Arc<AtomicUsize>,
}

impl Dependency {
    async fn start() -> Self {
        let mut backend = Backend::start().await;
        let path = format!("/outbound?url={}", backend.url("/"));
        let (status, requests) = (Arc::new(AtomicU16::new(200)), Arc::<AtomicUsize>::default());
        let own = Self { path, status: status.clone(), requests: requests.clone() };
        tokio::spawn(async move {
            loop {
                let received = backend.next_or_never().await;
                requests.fetch_add(1, Ordering::SeqCst);
                received.answer(status.load(Ordering::SeqCst), "");
            }
        });
        own
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// The responses that the circuit breaker gave.
fn refused(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.text().contains(REFUSED)).count()
}

/// Checks that an outage was not made worse, by the attempts that were made.
fn assert_left_alone(answers: &[Answer], attempts: usize) {
    assert!(10 * attempts <= 11 * CALLS, "{attempts} attempts of {CALLS} calls");
    let refused = refused(answers);
    // A call that the breaker did not refuse was attempted.
    assert!(refused + attempts >= CALLS, "{refused} refused, {attempts} attempts");
    assert!(2 * refused >= CALLS, "{refused} of {CALLS} calls refused");
}

async fn breaker(host: &Host) -> serde_json::Value {
    edge(host, "guest", "127.0.0.1:*").await["breaker"].clone()
}

/// The number of calls that circuit breakers refused.
async fn refusals(host: &Host) -> usize {
    let labels = r#"caller="guest",callee="127.0.0.1:*",reason="circuit-open""#;
    let series = format!("tessera_policy_refusals_total{{{labels}}}");
    host.metric(&series).await.unwrap_or(0) as usize
}

#[tokio::test]
async fn a_dependency_that_fails_is_left_alone_until_the_first_probe_succeeds() {
    let (fails, works) = (Dependency::start().await, Dependency::start().await);
    let host = callers().host().start().await;
    let client = host.client();
    assert_eq!(count(&load(&client, &fails.path, FEW, CONCURRENT).await, 200), FEW);

    fails.answers(502);
    let before = fails.requests();
    let (answers, neighbors, others) = futures::join!(
        load(&client, &fails.path, CALLS, CONCURRENT),
        load(&client, "/neighbor/", FEW, 2),
        load(&client, &works.path, FEW, 2),
    );
    assert_left_alone(&answers, fails.requests() - before);
    assert!(refusals(&host).await >= refused(&answers));
    // Other components, and other calls of the same component, are not affected.
    assert_eq!((count(&neighbors, 200), count(&others, 200)), (FEW, FEW));

    fails.answers(200);
    let before = fails.requests();
    eventually(async || (client.get(&fails.path).await.status == 200).then_some(())).await;
    assert_eq!(fails.requests() - before, 1, "the first probe is the first success");
    assert_eq!(breaker(&host).await, "closed");
    assert_eq!(count(&load(&client, &fails.path, FEW, CONCURRENT).await, 200), FEW);
    assert_eq!(fails.requests() - before, 1 + FEW);
}

#[tokio::test]
async fn a_dependency_that_was_killed_is_called_again_after_its_restart() {
    let (app, address) = (application(Application::GUEST), fixed_address());
    let mut dependency = app.host().listen(address).start().await;
    let host = callers().host().start().await;
    let (client, path) = (host.client(), format!("/outbound?url=http://{address}/"));
    assert_eq!(count(&load(&client, &path, FEW, CONCURRENT).await, 200), FEW);

    dependency.kill().await;
    let attempts = async || edge(&host, "guest", "127.0.0.1:*").await["attempts"].as_u64().unwrap();
    let before = attempts().await;
    let (answers, neighbors) = futures::join!(
        load(&client, &path, CALLS, CONCURRENT),
        load(&client, "/neighbor/", FEW, 2),
    );
    assert_eq!(count(&answers, 502), CALLS);
    assert_left_alone(&answers, (attempts().await - before) as usize);
    assert_eq!(count(&neighbors, 200), FEW);

    let dependency = app.host().listen(address).start().await;
    eventually(async || (client.get(&path).await.status == 200).then_some(())).await;
    let labels = r#"component="guest",route="GET /...",status="200""#;
    let served = format!("tessera_http_request_duration_seconds_count{{{labels}}}");
    assert_eq!(dependency.metric(&served).await, Some(1), "it has got one probe");
    assert_eq!(breaker(&host).await, "closed");
    assert_eq!(count(&load(&client, &path, FEW, CONCURRENT).await, 200), FEW);
}
