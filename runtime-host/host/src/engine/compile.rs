//! From bytes to code: once per component, in parallel, from the cache when nothing changed.

use super::Engine;
use anyhow::Context as _;
use std::path::Path;
use wasmtime::component::Component;

/// Compile `bytes`, which came from `path`. Takes long when the cache does not have it:
/// call it where blocking is allowed.
pub(crate) fn compile(engine: &Engine, path: &Path, bytes: &[u8]) -> anyhow::Result<Component> {
    refuse_core_module(path, bytes)?;
    let code = engine.cache.code(&engine.wasm, bytes);
    code.map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not a component that can run", path.display()))
}

/// The mistake that everybody makes once gets its own words.
fn refuse_core_module(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
    anyhow::ensure!(
        !bytes.starts_with(CORE_MODULE),
        "{} is a core WebAssembly module, not a component. Build it with \
         `--target wasm32-wasip2`, or turn it into a component with `wasm-tools component new`.",
        path.display()
    );
    Ok(())
}
