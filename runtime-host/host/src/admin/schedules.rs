//! Schedules and cron triggers, and their last runs.

use super::reply::{self, Reply};
use super::route::Call;
use crate::triggers::runs::{Repeated, Run, Timing};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn schedules(call: &Call<'_>) -> Reply {
    let state = call.state;
    let all: Vec<_> = state.runs.iter().map(|one| schedule(one)).collect();
    reply::json(&json!({ "schedules": all }))
}

/// Why a run failed is in the log: it may contain what the component returned.
fn schedule(repeated: &Repeated) -> Value {
    let runs = repeated.runs();
    let mut shown = json!({
        "component": repeated.component,
        "running": runs.running,
        "succeeded": runs.succeeded,
        "failed": runs.failed,
        "next_at_ms": runs.next.map(milliseconds),
        "last": runs.last.map(|run| last(&run)),
    });
    match &repeated.timing {
        Timing::Every { path, pause } => {
            shown["path"] = json!(path);
            shown["every_ms"] = json!(pause.as_millis() as u64);
        }
        Timing::Cron { id, schedule } => {
            shown["trigger"] = json!(id);
            shown["cron"] = json!(schedule.as_str());
        }
    }
    shown
}

fn last(run: &Run) -> Value {
    json!({
        "started_at_ms": milliseconds(run.started),
        "duration_us": run.duration.as_micros() as u64,
        "outcome": if run.has_failed { "failed" } else { "ok" },
    })
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
