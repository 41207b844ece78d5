//! From wasmtime's errors to ours, in one place.

use crate::calls::{CallError, Kind};
use crate::engine::instances::{Refused, State, which_is_full};
use crate::message::InvalidAnswer;
use wasmtime_wasi::ResourceTableError;

/// Why a guest's call ended in `error`. The state knows which limit was hit.
pub(crate) fn classify(error: &wasmtime::Error, state: &mut State) -> CallError {
    let component = &state.component;
    if state.cpu.exceeded {
        let max = component.limits.cpu_time_max.as_millis();
        return CallError::new(Kind::CpuTime, format!("it computed for more than {max} ms"));
    }
    match state.memory.refused {
        Some(Refused::Instance) => {
            let max = component.limits.memory_max_bytes >> 20;
            return CallError::new(Kind::Memory, format!("it requested more than {max} MiB"));
        }
        Some(Refused::Process) => {
            let detail = "all instances together use the maximum memory: see --memory-max-mib";
            return CallError::new(Kind::MemoryShort, detail);
        }
        None => {}
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return CallError::new(Kind::Memory, which_is_full(&mut state.table));
    }
    if let Some(refused) = error.downcast_ref::<CallError>() {
        return refused.clone();
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        return CallError::new(Kind::Trap, format!("{trap} ({error:#})"));
    }
    if let Some(code) = error.downcast_ref::<super::http::GuestErrorCode>() {
        return CallError::new(Kind::NoAnswer, format!("it gave up with {code:?}"));
    }
    if let Some(broken) = error.downcast_ref::<super::http::Broken>() {
        return CallError::new(broken.kind(), broken.to_string());
    }
    if let Some(invalid) = error.downcast_ref::<InvalidAnswer>() {
        return CallError::new(Kind::InvalidAnswer, invalid.to_string());
    }
    CallError::new(Kind::Trap, format!("{error:#}"))
}

/// Why an instance could not be made.
pub(crate) fn instantiation(error: &wasmtime::Error, state: &mut State) -> CallError {
    if state.cpu.exceeded || state.memory.refused.is_some() {
        return classify(error, state);
    }
    let component = &state.component.id;
    CallError::new(Kind::Host, format!("{component} could not be instantiated: {error:#}"))
}
