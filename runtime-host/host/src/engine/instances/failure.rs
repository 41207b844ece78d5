//! Maps wasmtime's errors to those of calls.

use super::held;
use super::memory::ExceededLimit;
use super::state::State;
use crate::calls::{CallError, Kind};
use wasmtime_wasi::ResourceTableError;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;

/// Why a guest's call ended in `error`. The state knows which limit was reached.
pub(crate) fn classify<G>(error: &wasmtime::Error, state: &mut State<G>) -> CallError {
    let component = &state.component;
    if state.cpu.exceeded {
        let max = component.limits.cpu_time_max.as_millis();
        return CallError::new(Kind::CpuTime, format!("it computed for more than {max} ms"));
    }
    match state.memory.exceeded {
        Some(ExceededLimit::Instance) => {
            let max = component.limits.memory_max_bytes >> 20;
            return CallError::new(Kind::Memory, format!("it requested more than {max} MiB"));
        }
        Some(ExceededLimit::Process) => {
            let detail = "all instances together use the maximum memory: see --memory-max-mib";
            return CallError::new(Kind::MemoryShort, detail);
        }
        None => {}
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return CallError::new(Kind::Memory, held::which_is_full(&mut state.table));
    }
    if let Some(error) = error.downcast_ref::<CallError>() {
        return error.clone();
    }
    if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
        return CallError::new(Kind::Trap, format!("{trap} ({error:#})"));
    }
    if let Some(code) = error.downcast_ref::<ErrorCode>() {
        return CallError::new(Kind::NoAnswer, format!("it gave up with {code:?}"));
    }
    CallError::new(Kind::Trap, format!("{error:#}"))
}

/// Why an instance could not be created.
pub(super) fn instantiation<G>(error: &wasmtime::Error, state: &mut State<G>) -> CallError {
    if state.cpu.exceeded || state.memory.exceeded.is_some() {
        return classify(error, state);
    }
    let component = &state.component.id;
    CallError::new(Kind::Host, format!("{component} could not be instantiated: {error:#}"))
}
