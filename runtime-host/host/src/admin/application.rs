//! The application and the process as a whole, and the policies in effect.

use super::reply::{self, Reply};
use super::route::Call;
use super::traffic::Reading;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

/// What the application is called, and where its state is.
#[derive(Debug, Clone)]
pub(crate) struct ApplicationName {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) state_dir: PathBuf,
}

/// The policy of the calls of one caller to one callee, as the manifest sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct EffectivePolicy {
    /// A component, or `outside`.
    pub(crate) caller: String,
    /// A component, a host pattern, or `other requests`.
    pub(crate) callee: String,
    /// Those that it applies to; empty for all.
    pub(crate) functions: Vec<String>,
    /// Its name.
    pub(crate) policy: String,
    /// What it does, in words.
    pub(crate) rules: Vec<String>,
}

pub(super) fn application(call: &Call<'_>) -> Reply {
    let state = call.state;
    let Reading { at_ms, traffic, .. } = state.reading();
    let (application, process) = (&state.application, &traffic.process);
    let memory = &state.budget.memory;
    reply::json(&json!({
        "name": application.name,
        "version": application.version,
        "host_version": env!("CARGO_PKG_VERSION"),
        "state_dir": application.state_dir,
        "has_events": state.events.is_some(),
        "has_chaos": state.faults.is_some(),
        "at_ms": at_ms,
        "started_at_ms": (process.started_at_s * 1e3) as u64,
        "cpu_seconds": process.cpu_seconds,
        "resident_memory_bytes": process.resident_bytes,
        "instance_memory_bytes": memory.used_bytes(),
        "instance_memory_max_bytes": memory.max_bytes(),
        "threads": process.threads,
        "open_files": process.open_files,
        "http_connections": process.connections,
    }))
}

pub(super) fn policies(call: &Call<'_>) -> Reply {
    let state = call.state;
    reply::json(&json!({ "policies": (state.policies)() }))
}
