//! Scheduled work on hosts without schedules.
//!
//! Functions do unfinished work in `/sweep`: orders in progress, messages that are due, events that
//! were not published because of a crash. A host with schedules calls these routes itself. They
//! can't be reached from outside, so on other hosts a cron job calls this route, which calls them.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use chassis::auth::{Admin, AuthState, KeySource};
use chassis::http::Outbound;
use futures::future::join_all;
use http::Request;
use std::collections::BTreeMap;

/// The functions with a `/sweep`.
pub const SWEPT: [&str; 10] = [
    "cart",
    "catalog",
    "events",
    "identity",
    "inventory",
    "notifications",
    "order-history",
    "orders",
    "payments",
    "shipping",
];
/// The maximum wait for a sweep, in milliseconds. A longer sweep continues in its function.
pub const SWEEP_TIMEOUT_MS: u64 = 25_000;

/// The state of the route.
#[derive(Clone, Debug)]
pub struct Sweeper<O, K> {
    /// The way to the other functions.
    pub outbound: O,
    /// The keys that callers' tokens are checked with.
    pub keys: K,
}

impl<O: Outbound, K: KeySource> AuthState for Sweeper<O, K> {
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

/// `POST /api/v1/admin/sweep`.
pub fn router<O: Outbound, K: KeySource>(sweeper: Sweeper<O, K>) -> Router {
    Router::new().route("/api/v1/admin/sweep", post(sweep::<O, K>)).with_state(sweeper)
}

/// Runs all sweeps concurrently and returns their statuses; none for a function that does not
/// respond. This is not an error, because not all functions run on each host (such as `events`).
async fn sweep<O: Outbound, K: KeySource>(
    State(sweeper): State<Sweeper<O, K>>,
    _: Admin,
) -> Json<BTreeMap<&'static str, Option<u16>>> {
    let outbound = &sweeper.outbound;
    let sweeps = SWEPT.map(|name| async move { (name, sweep_one(outbound, name).await) });
    Json(join_all(sweeps).await.into_iter().collect())
}

async fn sweep_one<O: Outbound>(outbound: &O, name: &str) -> Option<u16> {
    let uri = format!("http://{name}.spin.internal/sweep");
    let request = Request::post(uri).body(Bytes::new()).ok()?;
    let answer = outbound.send(request, SWEEP_TIMEOUT_MS).await;
    let answer = answer.inspect_err(|error| eprintln!("operations: {name}: {error}")).ok()?;
    Some(answer.status().as_u16())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use chassis::http::OutboundError;
    use chassis::testing::{Client, Issuer};
    use http::Response;
    use serde_json::{Value, json};

    /// Functions that return 200, except for `events`, which does not run.
    #[derive(Clone)]
    struct Functions;

    impl Outbound for Functions {
        async fn send(
            &self,
            request: Request<Bytes>,
            _: u64,
        ) -> Result<Response<Bytes>, OutboundError> {
            assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/sweep"));
            match request.uri().host() {
                Some("events.spin.internal") => Err(OutboundError::Connect("gone".to_owned())),
                _ => Ok(Response::new(Bytes::new())),
            }
        }
    }

    async fn sweep_as(role: &str) -> (u16, Value) {
        let sweeper = Sweeper { outbound: Functions, keys: Issuer::new().key_set() };
        let client = Client::new(router(sweeper)).signed_in("usr_1", &[role]);
        client.text("POST", "/api/v1/admin/sweep", "").await.parts()
    }

    #[tokio::test]
    async fn every_function_is_swept() {
        let (status, statuses) = sweep_as("admin").await;
        assert_eq!(status, 200);
        assert_eq!(statuses.as_object().unwrap().len(), SWEPT.len());
        assert_eq!(statuses["orders"], 200);
        assert_eq!(statuses["events"], json!(null));
    }

    #[test]
    fn scheduled_functions_are_swept_and_may_be_reached() {
        let manifest = include_str!("../../../../spin.toml");
        let (mut scheduled, mut reached, mut component) = (0, Vec::new(), "");
        for line in manifest.lines() {
            if let Some(name) = line.strip_prefix("[component.") {
                component = name.split(['.', ']']).next().unwrap();
            } else if line.starts_with("schedule = [{ path = \"/sweep\"") {
                assert!(SWEPT.contains(&component), "{component}");
                scheduled += 1;
            } else if component == "operations" {
                reached.push(line.trim());
            }
        }
        assert!(scheduled > 0, "no schedule was found in the manifest");
        for name in SWEPT {
            let host = format!("\"http://{name}.spin.internal\",");
            assert!(reached.contains(&host.as_str()), "{host}");
        }
    }

    #[tokio::test]
    async fn only_administrators_start_sweeps() {
        assert_eq!(sweep_as("customer").await.0, 403);
    }
}
