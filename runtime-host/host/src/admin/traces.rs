//! Recent traces: a list of them, and their spans.

use super::query::Query;
use super::reply::{self, Reply};
use super::{AdminState, parameter};
use crate::problem::Code;
use crate::telemetry::Search;
use percent_encoding::percent_decode_str;
use serde_json::json;
use std::time::Duration;

/// Traces in one list.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// The spans of some traces, or of all.
pub(super) fn spans(state: &AdminState, query: &str) -> Reply {
    let traces = &state.telemetry.traces;
    let decoded =
        |name| parameter(query, name).map(|text| percent_decode_str(text).decode_utf8_lossy());
    let spans = match (decoded("trace_id"), decoded("request_id")) {
        (Some(id), _) => traces.of(&id),
        (None, Some(id)) => traces.of_request(&id),
        (None, None) => traces.all(),
    };
    reply::json(&json!({ "spans": spans }))
}

/// The latest traces, one line for each.
pub(super) fn list(state: &AdminState, query: &str) -> Reply {
    match wanted(query) {
        Ok((search, limit)) => {
            reply::json(&json!({ "traces": state.telemetry.traces.latest(&search, limit) }))
        }
        Err(detail) => reply::problem(Code::BadRequest, &detail),
    }
}

fn wanted(query: &str) -> Result<(Search, usize), String> {
    let names = ["component", "operation", "failed", "requests", "duration_min_ms", "limit"];
    let mut query = Query::parse(query, &names)?;
    let search = Search {
        component: query.take("component"),
        text: query.take("operation").map(|text| text.to_lowercase()),
        failed: query.parsed("failed")?.unwrap_or(false),
        requests: query.parsed("requests")?.unwrap_or(false),
        duration_min: Duration::from_millis(query.parsed("duration_min_ms")?.unwrap_or(0)),
    };
    Ok((search, query.limit(LIMIT_DEFAULT, LIMIT_MAX)?))
}
