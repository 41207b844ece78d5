//! The trace of an operation whose store or event log has a fault.
//!
//! A store does not know who uses it. So the operation says in whose trace the faults of what it
//! uses are shown.

use super::Faults;
use super::faults::Injection;
use crate::telemetry::TraceContext;
use std::sync::Arc;

struct Traced {
    component: Arc<str>,
    trace: TraceContext,
}

tokio::task_local! {
    static TRACED: Traced;
}

/// Does the work of an operation of a component, so that faults are shown in its trace.
pub(crate) async fn traced<T>(
    faults: Option<&Arc<Faults>>,
    component: &Arc<str>,
    trace: &TraceContext,
    work: impl Future<Output = T>,
) -> T {
    if faults.is_none() {
        return work.await;
    }
    let traced = Traced { component: component.clone(), trace: trace.clone() };
    TRACED.scope(traced, work).await
}

/// Shows an injection in the trace of the operation that is in progress, if it has one.
pub(super) fn mark(faults: &Faults, injection: Injection) {
    let _ = TRACED.try_with(|traced| faults.mark(injection, &traced.component, &traced.trace));
}
