//! What guests may import: one file per interface.
//!
//! A capability never decides by itself what a guest may reach. It asks the component's
//! context, which was made from the manifest, and refuses what is not in it.

mod bindings;
mod config;
mod events;
pub(crate) mod key_value;
mod limits;
pub(crate) mod outbound_http;
pub(crate) mod platform;
pub(crate) mod variables;

use crate::engine::State;
use wasmtime::component::Linker;

/// Everything that the host offers to every component.
///
/// Both generations of WASI stand side by side: their interfaces differ in version, so a
/// component takes the ones that it was built for.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> anyhow::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    key_value::add_to_linker(linker)?;
    variables::add_to_linker(linker)?;
    config::add_to_linker(linker)?;
    Ok(())
}
