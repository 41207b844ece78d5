//! Language models, on a server that the operator configured.
//!
//! The host runs no models itself: a model needs gigabytes of memory and most of the machine's time,
//! which the limits of this process could not keep from the components.

mod interface;
mod open_ai;
mod remote;
mod spin_api;
mod v2;

pub(super) use interface::{Embedded, Fault, Inferred, Parameters, convert};
pub(crate) use remote::{Api, Remote};

use super::{Capability, State, bindings};
use wasmtime::component::{HasSelf, Linker};

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin/llm"],
    governed: &[("fermyon:spin/llm", "ai_models")],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    bindings::fermyon::spin::llm::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}
