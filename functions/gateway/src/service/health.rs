//! Am I alive? Can I serve?
//!
//! Two questions, because they have different consequences: whoever is not alive is
//! restarted, whoever can't serve is given no requests. Were liveness to ask others, one
//! that is down would get all the rest restarted.

use super::Gateway;
use crate::domain::table::{IMPORTER, MAILBOX, routes};
use crate::ports::{Environment, Ports, Upstream};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use chassis::clock::rfc3339;
use futures::future::join_all;
use http::{HeaderValue, Request, StatusCode, header};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// How long each function has to say that it is ready. Milliseconds.
const TIMEOUT_MS: u64 = 2_000;

/// The answer to `GET /livez`.
pub(super) fn alive() -> Response {
    health(true, &json!({"status": "pass"}))
}

impl<P: Ports> Gateway<P> {
    /// The answer to `GET /readyz`: asks every function that the shop can't do without, all
    /// at once.
    pub(super) async fn readiness(&self) -> Response {
        let needed: BTreeSet<&str> = routes()
            .iter()
            .filter_map(|route| route.target.component())
            .filter(|name| ![MAILBOX, IMPORTER].contains(name))
            .collect();
        let results = join_all(needed.iter().map(|name| self.is_ready(name))).await;
        let time = rfc3339(self.ports.environment().now_ms());
        let check = |ready: bool| {
            json!([{
                "componentType": "component",
                "status": if ready { "pass" } else { "fail" },
                "time": time,
            }])
        };
        let checks: Map<String, Value> = needed
            .iter()
            .zip(&results)
            .map(|(name, ready)| (format!("{name}:readiness"), check(*ready)))
            .collect();
        let ready = results.iter().all(|ready| *ready);
        let status = if ready { "pass" } else { "fail" };
        health(ready, &json!({"status": status, "checks": checks}))
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

fn health(passes: bool, body: &Value) -> Response {
    let status = if passes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/health+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
