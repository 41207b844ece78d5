//! Scheduled work on hosts without schedules.
//!
//! Functions do unfinished work in `/sweep`: orders in progress, messages that are due, events that
//! were not published because of a crash. A host with schedules calls these routes itself. They
//! can't be reached from outside, so on other hosts a cron job calls this route, which calls them.

use super::Api;
use crate::ports::Ports;
use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use chassis::auth::Admin;
use chassis::http::Outbound;
use futures::future::join_all;
use http::Request;
use std::collections::BTreeMap;

/// The functions with a `/sweep`. This function is one of them.
pub const SWEPT: [&str; 11] = [
    "cart",
    "catalog",
    "events",
    "identity",
    "inventory",
    "notifications",
    "operations",
    "order-history",
    "orders",
    "payments",
    "shipping",
];
/// The maximum wait for a sweep, in milliseconds. A longer sweep continues in its function.
pub const SWEEP_TIMEOUT_MS: u64 = 25_000;

/// Runs all sweeps concurrently and returns their statuses; none for a function that does not
/// respond. This is not an error, because not all functions run on each host (such as `events`).
pub(super) async fn sweep_all<P: Ports>(
    State(Api(ports)): State<Api<P>>,
    _: Admin,
) -> Json<BTreeMap<&'static str, Option<u16>>> {
    let sweeps = SWEPT.map(|name| {
        let ports = &ports;
        async move { (name, sweep_one(ports, name).await) }
    });
    Json(join_all(sweeps).await.into_iter().collect())
}

async fn sweep_one<O: Outbound>(outbound: &O, name: &str) -> Option<u16> {
    let uri = format!("http://{name}.spin.internal/sweep");
    let request = Request::post(uri).body(Bytes::new()).ok()?;
    let response = outbound.send(request, SWEEP_TIMEOUT_MS).await;
    let response = response.inspect_err(|error| eprintln!("operations: {name}: {error}")).ok()?;
    Some(response.status().as_u16())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::service::tests::Shop;
    use serde_json::json;

    #[tokio::test]
    async fn every_function_is_swept() {
        let (status, statuses) = Shop::sound().call("POST", "/sweep", "admin", "").await;
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
}
