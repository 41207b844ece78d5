//! Metrics, readiness, and the calls to which policies apply.

use super::AdminState;
use super::reply::{self, Reply};
use super::route::Call;
use crate::problem::Code;
use crate::telemetry::plain_text;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;

const OPEN_METRICS_TYPE: &str = "application/openmetrics-text";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn readiness(call: &Call<'_>) -> Reply {
    let reasons = call.state.readiness.reasons();
    let (status, word) = match reasons.as_slice() {
        [] => (StatusCode::OK, "pass"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "fail"),
    };
    reply::health(status, &json!({ "status": word, "notes": reasons }))
}

pub(super) async fn metrics(call: Call<'_>) -> Reply {
    match call.state.read_metrics().await {
        Ok(metrics) if reads_open_metrics(&call.fields) => reply::text(OPEN_METRICS, metrics),
        Ok(metrics) => reply::text(PLAIN, plain_text(&metrics)),
        Err(error) => reply::problem(Code::Internal, &error.to_string()),
    }
}

/// Whether a client reads OpenMetrics: it does, unless it asks for text and does not name it.
fn reads_open_metrics(fields: &HeaderMap) -> bool {
    let accepted = fields.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let types = accepted.flat_map(|all| all.split(',')).filter_map(|one| one.split(';').next());
    let types: Vec<_> = types.map(str::trim).collect();
    types.contains(&OPEN_METRICS_TYPE) || !types.iter().any(|one| one.starts_with("text/"))
}

impl AdminState {
    /// All metrics, as OpenMetrics.
    pub(crate) async fn read_metrics(&self) -> Result<String, fmt::Error> {
        update(self).await;
        self.telemetry.metrics.encode()
    }
}

/// Sets the metrics that are not counted when something happens.
async fn update(state: &AdminState) {
    let metrics = &state.telemetry.metrics;
    metrics.exports(&state.telemetry.export);
    let readiness = &state.readiness;
    metrics.ready(readiness.reasons().is_empty(), readiness.stores(), readiness.log_is_usable());
    let budget = &state.budget.memory;
    metrics.memory(budget.used_bytes(), budget.max_bytes());
    for component in &*state.components {
        let admission = component.admission();
        metrics.streaming(&admission.component, admission.streaming());
        metrics.occupied(
            &admission.component,
            admission.running(),
            admission.queued(),
            admission.limit(),
        );
    }
    let mut worst = BTreeMap::new();
    for edge in state.edges.views() {
        let Some(breaker) = edge.breaker else { continue };
        let known = worst.entry((edge.caller, edge.callee)).or_insert(breaker);
        if openness(breaker) > openness(known) {
            *known = breaker;
        }
    }
    for ((caller, callee), breaker) in &worst {
        metrics.breaker(caller, callee, breaker);
    }
    if let Some(log) = &state.events {
        metrics.log(&log.statistics());
        match log.subscriptions().await {
            Ok(all) => metrics.subscriptions(&all),
            // The other metrics are not affected.
            Err(error) => tracing::warn!("the lag of subscriptions is not known: {error}"),
        }
    }
}

/// Several breakers of two components have one series: that of the one that lets fewer calls pass.
fn openness(breaker: &str) -> u8 {
    match breaker {
        "open" | "forced-open" => 2,
        "half-open" => 1,
        _ => 0,
    }
}

pub(super) fn edges(call: &Call<'_>) -> Reply {
    reply::json(&json!({ "edges": call.state.edges.views() }))
}
