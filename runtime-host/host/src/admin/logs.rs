//! The latest log lines.

use super::query::Query;
use super::reply::{self, Reply};
use super::route::Call;
use crate::problem::Code;
use crate::telemetry::LogFilter;
use serde_json::json;

/// Lines in one response.
const LIMIT_DEFAULT: usize = 200;
const LIMIT_MAX: usize = 1_000;

pub(super) fn logs(call: &Call<'_>) -> Reply {
    let (state, query) = (call.state, call.query.as_str());
    match wanted(query) {
        Ok((filter, limit)) => {
            reply::json(&json!({ "lines": state.telemetry.logs.find(&filter, limit) }))
        }
        Err(detail) => reply::problem(Code::BadRequest, &detail),
    }
}

fn wanted(query: &str) -> Result<(LogFilter, usize), String> {
    let names = ["component", "trace_id", "request_id", "text", "after", "limit"];
    let mut query = Query::parse(query, &names)?;
    let trace_id = query.take("trace_id").map(|text| {
        u128::from_str_radix(&text, 16)
            .map_err(|_| format!("`trace_id` can't be `{text}`: 32 hexadecimal digits"))
    });
    let filter = LogFilter {
        component: query.take("component"),
        trace_id: trace_id.transpose()?,
        request_id: query.take("request_id"),
        text: query.take("text").map(|text| text.to_lowercase()),
        after: query.parsed("after")?.unwrap_or(0),
    };
    Ok((filter, query.limit(LIMIT_DEFAULT, LIMIT_MAX)?))
}
