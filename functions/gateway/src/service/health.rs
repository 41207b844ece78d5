//! Liveness and readiness.
//!
//! They have different consequences: a component that is not alive is restarted, and one that is
//! not ready gets no requests. Liveness does not depend on other functions, because one that is
//! down would then cause a restart of all others.
//!
//! A readiness check calls a dozen functions, and each of them writes to its store. So the result
//! is cached in the gateway's own store, which all its instances share, for [`FRESH_MS`]. When it
//! is older, one request checks again, and concurrent requests get the last result, or wait for
//! the next one if that is too old. The functions are called once in that time, regardless of the
//! number of requests.

use super::Gateway;
use crate::domain::table::{IMPORTER, MAILBOX, STOREFRONT, routes};
use crate::ports::{Ports, Upstream};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use chassis::clock::{Clock as _, Timer as _, rfc3339};
use chassis::store::{Store, StoreError};
use futures::future::join_all;
use http::{HeaderValue, Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The timeout for the readiness check of a function. Milliseconds.
const TIMEOUT_MS: u64 = 2_000;
/// How long a result is fresh. Milliseconds.
pub(super) const FRESH_MS: u64 = 5_000;
/// How long a stale result is used while another request checks again. Milliseconds.
pub(super) const STALE_MAX_MS: u64 = 15_000;
/// How long a check may take before another request starts one. Milliseconds.
pub(super) const ASKING_MAX_MS: u64 = 2 * TIMEOUT_MS;
/// How long a request waits for the results of others: for a check that never finishes, and for the
/// one that replaces it. Milliseconds.
const WAIT_MAX_MS: u64 = ASKING_MAX_MS + TIMEOUT_MS;
/// How often a waiting request looks for a result. Milliseconds.
const POLL_MS: u64 = 50;

/// The key of the result.
const SEEN: &str = "readiness";

/// The last result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// The readiness of each function.
    ready: BTreeMap<String, bool>,
    /// When it was checked. Milliseconds since the Unix epoch.
    at_ms: u64,
    /// Until when a running check is waited for. Milliseconds since the Unix epoch.
    asking_until_ms: u64,
}

/// What a request for readiness has to do.
enum Task {
    Respond(Seen),
    Ask,
    /// There is no result that can be used, but a check is running.
    Wait,
}

impl Seen {
    fn age_ms(&self, now_ms: u64) -> u64 {
        // The age is unknown after the clock was set back.
        now_ms.checked_sub(self.at_ms).unwrap_or(u64::MAX)
    }

    /// What to do now, and the state to store.
    fn task(mut self, now_ms: u64) -> (Self, Task) {
        let is_asked = now_ms < self.asking_until_ms
            && self.asking_until_ms <= now_ms.saturating_add(ASKING_MAX_MS);
        let task = match (self.age_ms(now_ms), is_asked) {
            (0..FRESH_MS, _) | (FRESH_MS..STALE_MAX_MS, true) => Task::Respond(self.clone()),
            (_, true) => Task::Wait,
            (_, false) => {
                self.asking_until_ms = now_ms.saturating_add(ASKING_MAX_MS);
                Task::Ask
            }
        };
        (self, task)
    }
}

/// The response to `GET /livez`.
pub(super) fn alive() -> Response {
    health(true, &json!({"status": "pass"}))
}

impl<P: Ports> Gateway<P> {
    /// The response to `GET /readyz`.
    pub(super) async fn readiness(&self) -> Response {
        match self.seen().await {
            Ok(Some(seen)) => respond(&seen),
            Ok(None) => health(false, &json!({"status": "fail", "output": "not known yet"})),
            Err(error) => {
                eprintln!("not ready: {error}");
                health(false, &json!({"status": "fail", "output": "the gateway's store fails"}))
            }
        }
    }

    async fn seen(&self) -> Result<Option<Seen>, StoreError> {
        let (store, clock) = (self.ports.store()?, self.ports.clock());
        for _ in 0..=WAIT_MAX_MS / POLL_MS {
            match task(&store, clock.now_ms()).await? {
                Task::Respond(seen) => return Ok(Some(seen)),
                Task::Ask => {
                    let ready = self.ask().await;
                    let seen = Seen { ready, at_ms: clock.now_ms(), asking_until_ms: 0 };
                    store.write(SEEN, &seen).await?;
                    return Ok(Some(seen));
                }
                Task::Wait => clock.sleep(POLL_MS).await,
            }
        }
        Ok(None)
    }

    /// Checks all required functions concurrently.
    async fn ask(&self) -> BTreeMap<String, bool> {
        let needed: BTreeSet<&str> = routes()
            .iter()
            .filter_map(|route| route.target.component())
            .filter(|name| ![MAILBOX, IMPORTER].contains(name))
            .chain([STOREFRONT])
            .collect();
        let results = join_all(needed.iter().map(|name| self.is_ready(name))).await;
        needed.iter().map(|name| (*name).to_owned()).zip(results).collect()
    }

    async fn is_ready(&self, component: &str) -> bool {
        let uri = format!("http://{component}.spin.internal/readyz");
        let Ok(request) = Request::get(uri).body(Body::empty()) else { return false };
        match self.ports.upstream().forward(request, TIMEOUT_MS).await {
            Ok(response) => response.status().is_success(),
            Err(error) => {
                eprintln!("{component} is not ready: {error}");
                false
            }
        }
    }
}

/// What a request has to do now. Only a request that has to check writes to the store.
async fn task<S: Store>(store: &S, now_ms: u64) -> Result<Task, StoreError> {
    let last: Option<Seen> = store.read(SEEN).await?;
    match last.unwrap_or_default().task(now_ms).1 {
        Task::Ask => {
            let claim =
                |seen: Option<Seen>| Ok::<_, StoreError>(seen.unwrap_or_default().task(now_ms));
            store.update(SEEN, claim).await
        }
        other => Ok(other),
    }
}

fn respond(seen: &Seen) -> Response {
    let time = rfc3339(seen.at_ms);
    let word = |ready: bool| if ready { "pass" } else { "fail" };
    let check = |(name, ready): (&String, &bool)| {
        let check = json!([{"componentType": "component", "status": word(*ready), "time": time}]);
        (format!("{name}:readiness"), check)
    };
    let checks: Map<String, Value> = seen.ready.iter().map(check).collect();
    let ready = seen.ready.values().all(|ready| *ready);
    health(ready, &json!({"status": word(ready), "checks": checks}))
}

fn health(passes: bool, body: &Value) -> Response {
    let status = if passes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/health+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
