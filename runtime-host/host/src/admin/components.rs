//! Components: their state, what they use, and what was counted of their calls.

use super::reply::{self, Reply};
use super::route::Call;
use super::traffic::{Calls, Reading, is_inbound};
use super::{AdminState, ComponentStatus};
use crate::calls::Limits;
use crate::problem::Code;
use crate::telemetry::Traffic;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// All components.
pub(super) fn list(call: &Call<'_>) -> Reply {
    let state = call.state;
    let Reading { at_ms, traffic, .. } = state.reading();
    let all: Vec<_> = state.components.iter().map(|one| component(state, one, &traffic)).collect();
    reply::json(&json!({ "at_ms": at_ms, "bounds_s": traffic.bounds_s, "components": all }))
}

/// One component, with its calls and operations by route.
pub(super) fn one(call: &Call<'_>) -> Reply {
    let (state, id) = (call.state, call.value(0));
    let found = state.components.iter().find(|one| *one.id == *id);
    let Some(found) = found else {
        return reply::problem(Code::NOT_FOUND, "There is no such component: see GET /components.");
    };
    let Reading { at_ms, traffic, .. } = state.reading();
    reply::json(&json!({
        "at_ms": at_ms,
        "bounds_s": traffic.bounds_s,
        "component": component(state, found, &traffic),
        "routes": routes(id, &traffic),
    }))
}

fn component(state: &AdminState, status: &ComponentStatus, traffic: &Traffic) -> Value {
    let admission = status.admission();
    let stable = state.rollouts.stable(&status.id);
    let usage = status.instances.usage();
    let instances = traffic.instances.get(&*status.id).copied().unwrap_or_default();
    let mut calls = Calls::default();
    let series = traffic.series.iter();
    series
        .filter(|series| is_inbound(series.kind) && series.component == *status.id)
        .for_each(|series| calls.add(series));
    json!({
        "id": status.id,
        "source": status.source,
        "revision": stable.as_ref().map(|(id, _)| digest(id.as_str())),
        "code": stable.as_ref().map(|(_, parts)| digest(parts.code.as_str())),
        "running": admission.running(),
        "queued": admission.queued(),
        "streaming": admission.streaming(),
        "concurrency_max": admission.limits.concurrency_max,
        "concurrency_limit": admission.limit(),
        "instances": {
            "existing": instances.existing,
            "idle": status.instances.idle(),
            "made": instances.made,
        },
        "memory_bytes": usage.memory.bytes(),
        "cpu_seconds": usage.cpu.get().as_secs_f64(),
        "calls": calls,
        "limits": limits(&admission.limits),
        "start": {
            "code_ms": milliseconds(status.loading),
            "links_ms": milliseconds(status.linking),
        },
    })
}

/// With the name of the hash function, as in registries.
fn digest(digits: &str) -> String {
    format!("sha256:{digits}")
}

/// The limits in force, with the names and units of the manifest.
fn limits(limits: &Limits) -> Value {
    json!({
        "memory_max_mib": limits.memory_max_bytes >> 20,
        "cpu_time_max_ms": limits.cpu_time_max.as_millis() as u64,
        "concurrency_max": limits.concurrency_max,
        "concurrency_min": limits.concurrency_min,
        "queue_length_max": limits.queue_length_max,
        "streams_max": limits.streams_max,
        "streams_per_client_max": limits.streams_per_client_max,
        "call_depth_max": limits.call_depth_max,
        "body_max_kib": limits.body_max_bytes >> 10,
        "deadline_ms": limits.deadline.as_millis() as u64,
        "stream_deadline_ms": limits.stream_deadline.as_millis() as u64,
        "instance_reuse_max": limits.instance_reuse_max,
        "log_max_kib": limits.log_max_bytes >> 10,
    })
}

/// Calls of a component, and its operations, by kind, route and caller.
fn routes(id: &str, traffic: &Traffic) -> Vec<Value> {
    let mut all = BTreeMap::<_, Calls>::new();
    for series in traffic.series.iter().filter(|series| series.component == id) {
        let key = (series.kind.name(), &series.route, &series.caller, is_inbound(series.kind));
        all.entry(key).or_default().add(series);
    }
    let shown = all.into_iter().map(|((kind, route, caller, inbound), calls)| {
        json!({
            "kind": kind, "route": route, "caller": caller, "inbound": inbound, "calls": calls,
        })
    });
    shown.collect()
}

/// To the microsecond.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1_000.0
}
