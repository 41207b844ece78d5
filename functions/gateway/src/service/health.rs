//! Am I alive? Can I serve?
//!
//! Two questions, because they have different consequences: whoever is not alive is
//! restarted, whoever can't serve is given no requests. Were liveness to ask others, one
//! that is down would get all the rest restarted.
//!
//! Readiness asks a dozen functions, and each of them writes to its store. So the answer is kept
//! in the gateway's own store, where all its instances find it, and is good for [`FRESH_MS`]; when
//! it is older, one request asks again, and those beside it get the last answer meanwhile. However
//! many ask, the functions are asked once in that time.

use super::Gateway;
use crate::domain::table::{IMPORTER, MAILBOX, STOREFRONT, routes};
use crate::ports::{Environment, Ports, Upstream};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use chassis::clock::rfc3339;
use chassis::store::{Store, StoreError};
use futures::future::join_all;
use http::{HeaderValue, Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How long each function has to say that it is ready. Milliseconds.
const TIMEOUT_MS: u64 = 2_000;
/// How long an answer is good. Milliseconds.
pub(super) const FRESH_MS: u64 = 5_000;
/// How long an answer stands in while somebody asks again. Milliseconds.
pub(super) const STALE_MAX_MS: u64 = 15_000;
/// How long who asks is waited for before another one does. Milliseconds.
pub(super) const ASKING_MAX_MS: u64 = 2 * TIMEOUT_MS;

/// Where the answer is kept.
const SEEN: &str = "readiness";

/// What was last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Seen {
    /// Whether each function was ready.
    ready: BTreeMap<String, bool>,
    /// When. Milliseconds since the Unix epoch.
    at_ms: u64,
    /// Until when somebody asks again. Milliseconds since the Unix epoch.
    asking_until_ms: u64,
}

/// What a request for readiness has to do.
enum Task {
    Answer(Seen),
    Ask,
    /// Nobody knows yet: somebody asks for the first time, or has asked for too long.
    Unknown,
}

impl Seen {
    fn age_ms(&self, now_ms: u64) -> u64 {
        // After the clock was set back nobody knows the age.
        now_ms.checked_sub(self.at_ms).unwrap_or(u64::MAX)
    }

    /// What to do now, and what to keep for those who come after.
    fn task(mut self, now_ms: u64) -> (Self, Task) {
        let is_asked = now_ms < self.asking_until_ms
            && self.asking_until_ms <= now_ms.saturating_add(ASKING_MAX_MS);
        let task = match (self.age_ms(now_ms), is_asked) {
            (0..FRESH_MS, _) | (FRESH_MS..STALE_MAX_MS, true) => Task::Answer(self.clone()),
            (_, true) => Task::Unknown,
            (_, false) => {
                self.asking_until_ms = now_ms.saturating_add(ASKING_MAX_MS);
                Task::Ask
            }
        };
        (self, task)
    }
}

/// The answer to `GET /livez`.
pub(super) fn alive() -> Response {
    health(true, &json!({"status": "pass"}))
}

impl<P: Ports> Gateway<P> {
    /// The answer to `GET /readyz`.
    pub(super) async fn readiness(&self) -> Response {
        match self.seen().await {
            Ok(Some(seen)) => answer(&seen),
            Ok(None) => health(false, &json!({"status": "fail", "output": "not known yet"})),
            Err(error) => {
                eprintln!("not ready: {error}");
                health(false, &json!({"status": "fail", "output": "the gateway's store fails"}))
            }
        }
    }

    async fn seen(&self) -> Result<Option<Seen>, StoreError> {
        let (store, now_ms) = (self.ports.store()?, self.ports.environment().now_ms());
        let task = store
            .update(SEEN, |seen: Option<Seen>| {
                Ok::<_, StoreError>(seen.unwrap_or_default().task(now_ms))
            })
            .await?;
        match task {
            Task::Answer(seen) => Ok(Some(seen)),
            Task::Unknown => Ok(None),
            Task::Ask => {
                let ready = self.ask().await;
                let at_ms = self.ports.environment().now_ms();
                let seen = Seen { ready, at_ms, asking_until_ms: 0 };
                store.write(SEEN, &seen).await?;
                Ok(Some(seen))
            }
        }
    }

    /// Asks every function that the shop can't do without, all at once.
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

fn answer(seen: &Seen) -> Response {
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
