//! What the host's tests share: small applications of the guests, servers that a test controls, and
//! connections below the level of a client.

mod application;
mod backend;
mod connection;
mod databases;
mod events;
mod load;
pub(crate) mod oci;
mod process;
pub(crate) mod sql;

pub(crate) use application::{
    Application, application, certified, stock_application, tessera, unwrapped,
};
pub(crate) use backend::{Backend, Received};
pub(crate) use connection::{
    body_channel, exchange, exchange_from, get, http1, http2, http2_from, next_chunk, read_until,
};
pub(crate) use databases::{mariadb, own, postgres};
pub(crate) use events::{admin_post, event, publish, subscribed};
pub(crate) use harness::{read_to_end, soon};
pub(crate) use load::{count, load};
pub(crate) use process::Process;

use harness::{Answer, Host};
use serde_json::Value;
use std::time::Duration;

/// Longer than any expected event takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Repeats `ask` until the answer is as wanted.
pub(crate) async fn eventually(ask: impl AsyncFnMut() -> Option<()>) {
    harness::eventually("the expected state", PATIENCE, ask).await;
}

/// Waits until a component has these numbers of running and queued calls.
pub(crate) async fn occupancy(host: &Host, component: &str, running: u64, queued: u64) {
    eventually(async || {
        let found = state_of(host, component).await;
        (found["running"] == running && found["queued"] == queued).then_some(())
    })
    .await;
}

/// Waits until a component has no running calls and this number of streams.
pub(crate) async fn only_streams(host: &Host, component: &str, streams: u64) {
    eventually(async || {
        let found = state_of(host, component).await;
        (found["running"] == 0 && found["streaming"] == streams).then_some(())
    })
    .await;
}

/// What the operator sees of a component.
async fn state_of(host: &Host, component: &str) -> Value {
    let all = host.admin().get("/components").await.expect(200).json();
    let all = all["components"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["id"] == component).expect("the component")
}

/// The spans of a trace, once one of this kind has ended.
pub(crate) async fn spans(host: &Host, trace_id: &str, last: &str) -> Vec<Value> {
    let mut spans = vec![];
    eventually(async || {
        let path = format!("/traces?trace_id={trace_id}");
        let answer = host.admin().get(&path).await.expect(200).json();
        spans = answer["spans"].as_array().cloned().unwrap_or_default();
        spans.iter().any(|span| span["kind"] == last).then_some(())
    })
    .await;
    spans
}

/// The host's own problem with this code.
pub(crate) fn assert_problem(answer: &Answer, status: u16, code: &str) {
    let problem = answer.problem(status);
    assert_eq!(problem["type"], "about:blank", "{problem}");
    assert_eq!(problem["code"], code, "{problem}");
    assert!(problem["detail"].is_string(), "{problem}");
}
