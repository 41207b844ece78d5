//! A clock for hosts that have none.
//!
//! Functions leave what can't be done at once to their `/sweep`: unfinished orders, messages that
//! are due, events that a crash has kept back. A host with schedules calls these by itself. On
//! one without, nobody can reach them from outside, so an outside cron calls this one.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use chassis::auth::{Admin, AuthState, KeySource};
use chassis::http::Outbound;
use futures::future::join_all;
use http::Request;
use std::collections::BTreeMap;

/// Everything that has a `/sweep`.
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
/// How long one sweep may take, in milliseconds. It works on in its function if it takes longer.
pub const SWEEP_TIMEOUT_MS: u64 = 25_000;

/// What the route works with.
#[derive(Clone, Debug)]
pub struct Clock<O, K> {
    /// The way to the other functions.
    pub outbound: O,
    /// The keys that callers' tokens are checked with.
    pub keys: K,
}

impl<O: Outbound, K: KeySource> AuthState for Clock<O, K> {
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

/// `POST /api/v1/admin/sweep`.
pub fn router<O: Outbound, K: KeySource>(clock: Clock<O, K>) -> Router {
    Router::new().route("/api/v1/admin/sweep", post(sweep::<O, K>)).with_state(clock)
}

/// All sweeps at once: the status of each, none where there was no answer. A function that does
/// not run (the broker, where the host itself keeps events) is no failure.
async fn sweep<O: Outbound, K: KeySource>(
    State(clock): State<Clock<O, K>>,
    _: Admin,
) -> Json<BTreeMap<&'static str, Option<u16>>> {
    let outbound = &clock.outbound;
    let sweeps = SWEPT.map(|name| async move { (name, ask(outbound, name).await) });
    Json(join_all(sweeps).await.into_iter().collect())
}

async fn ask<O: Outbound>(outbound: &O, name: &str) -> Option<u16> {
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
    use axum::body::Body;
    use chassis::app::router_with_problems;
    use chassis::auth::testing::Issuer;
    use chassis::http::OutboundError;
    use http::Response;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    /// Functions that answer 200, but for the broker, which does not run.
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

    async fn tick(role: &str) -> (u16, Value) {
        let issuer = Issuer::new();
        let token = issuer.token("usr_1", &[role]);
        let request = Request::post("/api/v1/admin/sweep")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        let clock = Clock { outbound: Functions, keys: issuer.key_set() };
        let answer = router_with_problems(router(clock)).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn every_function_is_told_what_time_it_is() {
        let (status, told) = tick("admin").await;
        assert_eq!(status, 200);
        assert_eq!(told.as_object().unwrap().len(), SWEPT.len());
        assert_eq!(told["orders"], 200);
        assert_eq!(told["events"], json!(null));
    }

    #[test]
    fn whatever_has_a_schedule_is_swept_and_may_be_reached() {
        let manifest = include_str!("../../../spin.toml");
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
        assert!(scheduled > 0, "the manifest is written in another way");
        for name in SWEPT {
            let host = format!("\"http://{name}.spin.internal\",");
            assert!(reached.contains(&host.as_str()), "{host}");
        }
    }

    #[tokio::test]
    async fn only_administrators_wind_the_clock() {
        assert_eq!(tick("customer").await.0, 403);
    }
}
