//! Metrics, readiness, and the calls to which policies apply.

use super::AdminState;
use super::reply::{self, Reply};
use crate::problem::Code;
use http::StatusCode;
use serde_json::json;
use std::fmt;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn readiness(state: &AdminState) -> Reply {
    let reasons = state.readiness.reasons();
    let (status, word) = match reasons.as_slice() {
        [] => (StatusCode::OK, "pass"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "fail"),
    };
    reply::health(status, &json!({ "status": word, "notes": reasons }))
}

pub(super) async fn metrics(state: &AdminState) -> Reply {
    match state.read_metrics().await {
        Ok(metrics) => reply::text(OPEN_METRICS, metrics),
        Err(error) => reply::problem(Code::Internal, &error.to_string()),
    }
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
    let budget = &state.budget.memory;
    metrics.memory(budget.used_bytes(), budget.max_bytes());
    for component in &*state.components {
        let admission = &component.admission;
        metrics.streaming(&admission.component, admission.streaming());
        metrics.occupied(
            &admission.component,
            admission.running(),
            admission.queued(),
            admission.limit(),
        );
    }
    for edge in state.edges.views() {
        if let Some(breaker) = edge.breaker {
            metrics.breaker(&edge.caller, &edge.callee, breaker);
        }
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

pub(super) fn edges(state: &AdminState) -> Reply {
    reply::json(&json!({ "edges": state.edges.views() }))
}
