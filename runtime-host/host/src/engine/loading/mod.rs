//! From the bytes of a file to code: a component of any age, composition with its libraries, and
//! compilation.

mod code_cache;
mod compile;
mod compose;
mod contract;
mod deny;
mod libraries;
mod middleware;
mod modules;
mod names;
mod refusing;
mod snapshots;
mod spin_v1;
mod stubs;
mod wrap;

pub(crate) use code_cache::CodeCache;
pub(crate) use compile::{binary, compile};
pub(crate) use compose::fits;
pub(crate) use contract::Contracts;
pub(crate) use deny::add_to_linker as deny_what_is_not_inherited;
pub(crate) use libraries::compose;
pub(crate) use middleware::compose_middleware;
pub(crate) use modules::into_component;
pub(crate) use names::{imports, imports_and_exports};
pub(crate) use refusing::refuse_denied;
pub(crate) use snapshots::WASI_0_2;
pub(crate) use stubs::{is_of_platform, trap_unknown};
