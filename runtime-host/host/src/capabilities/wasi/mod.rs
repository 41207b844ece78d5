//! WASI 0.2 and 0.3, except HTTP and the permissions of sockets.

mod clock;
mod http_of_october;
mod snapshots;

pub(super) use clock::WallClock;

use super::{Capability, State};
use wasmtime::component::Linker;

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random"],
    governed: &[("wasi:cli/environment", "environment"), ("wasi:filesystem/preopens", "files")],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    wasmtime_wasi::p3::add_to_linker(linker)?;
    snapshots::add_to_linker(linker)
}
