//! From the bytes of a component to code: composition with its libraries, and compilation.

mod code_cache;
mod compile;
mod compose;
mod deny;
mod libraries;

pub(crate) use code_cache::CodeCache;
pub(crate) use compile::{compile, refuse_other_formats};
pub(crate) use compose::fits;
pub(crate) use deny::add_to_linker as deny_what_is_not_inherited;
pub(crate) use libraries::compose;
