//! What is shown of a component.

use crate::rollouts::{ComponentView, CopiesView, RolloutView};

/// The revision in service, and the rollout in progress.
pub(super) fn lines(component: &ComponentView) -> Vec<String> {
    let ComponentView { id, stable, rollout, .. } = component;
    let mut lines = vec![format!("{id}  {stable}")];
    lines.extend(rollout.iter().flat_map(of_rollout));
    lines
}

fn of_rollout(rollout: &RolloutView) -> Vec<String> {
    let RolloutView { candidate, share_percent, .. } = rollout;
    let state = match (rollout.is_ready, rollout.waits) {
        (false, _) => "being compiled".to_owned(),
        (true, false) => format!("{share_percent} % of the calls"),
        (true, true) => format!("{share_percent} % of the calls, waits for `tessera promote`"),
    };
    let mut lines = vec![format!("  candidate {candidate}: {state}")];
    for (number, step) in rollout.plan.iter().enumerate() {
        let mark = if number == rollout.step { '>' } else { ' ' };
        lines.push(format!("  {mark} {step}"));
    }
    for (name, measured) in
        [("stable", &rollout.measured.stable), ("candidate", &rollout.measured.candidate)]
    {
        let ms = |latency: Option<f64>| latency.map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
        lines.push(format!(
            "    {name:9}  {} calls, {} failures, p50 {}, p95 {}, {} MiB",
            measured.calls,
            measured.failures,
            ms(measured.latency_p50_ms),
            ms(measured.latency_p95_ms),
            measured.memory_bytes >> 20,
        ));
    }
    if let Some(CopiesView { counts, examples }) = &rollout.copies {
        lines.push(format!(
            "    copies     {} equal answers, {} different, {} dropped, {} not compared",
            counts.same, counts.different, counts.dropped, counts.not_compared,
        ));
        lines.extend(examples.iter().map(|one| {
            format!("      {}: {} (trace {})", one.operation, one.mismatch, one.trace_id)
        }));
    }
    lines
}
