//! From wasmtime's errors to ours, in one place.

use super::State;
use crate::calls::{CallError, Kind};

/// Why a guest's call ended in `error`. The state knows which limit was hit.
pub(super) fn classify(error: &wasmtime::Error, state: &State) -> CallError {
    let component = &state.component;
    if state.cpu.exceeded {
        let max = component.limits.cpu_time_max.as_millis();
        return CallError::new(Kind::CpuTime, format!("it computed for more than {max} ms"));
    }
    if state.memory.exceeded {
        let max = component.limits.memory_max_bytes >> 20;
        return CallError::new(Kind::Memory, format!("it asked for more than {max} MiB"));
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        return CallError::new(Kind::Trap, format!("{trap} ({error:#})"));
    }
    if let Some(code) = error.downcast_ref::<super::http_call::GuestErrorCode>() {
        return CallError::new(Kind::NoAnswer, format!("it gave up with {code:?}"));
    }
    if let Some(broken) = error.downcast_ref::<super::http_call::Broken>() {
        return CallError::new(broken.kind(), broken.to_string());
    }
    CallError::new(Kind::Trap, format!("{error:#}"))
}

/// An instance could not be made.
pub(super) fn instantiation(error: &wasmtime::Error, component: &str) -> CallError {
    CallError::new(Kind::Host, format!("{component} could not be instantiated: {error:#}"))
}
