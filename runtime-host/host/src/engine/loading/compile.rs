//! From bytes to code: once per component, in parallel, from the cache when nothing changed.

use super::snapshots;
use crate::engine::Engine;
use anyhow::{Context as _, anyhow};
use std::borrow::Cow;
use std::path::Path;
use wasmtime::component::Component;

/// Compiles `bytes`, which came from `path`. If the cache does not have the code, this calls
/// `compiling` and takes long. Blocks.
pub(crate) fn compile(
    engine: &Engine,
    path: &Path,
    bytes: Vec<u8>,
    compiling: impl FnOnce(),
) -> anyhow::Result<Component> {
    let bytes = snapshots::modernize(bytes)
        .map_err(|reason| anyhow!("{} is not a component: {reason}", path.display()))?;
    let code = match &engine.cache {
        Some(cache) => cache.code(&engine.wasm, &bytes, compiling),
        None => {
            compiling();
            Component::new(&engine.wasm, &bytes)
        }
    };
    code.map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not a component that can run", path.display()))
}

/// The binary of a WebAssembly file. Only a file with the extension of the text format is text: the
/// compiler would take any other file for it, too, and complain about its syntax.
pub(crate) fn binary(path: &Path, bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    const MAGIC: &[u8] = b"\0asm";
    if bytes.starts_with(MAGIC) {
        return Ok(bytes);
    }
    if path.extension().is_some_and(|extension| extension == "wat") {
        let parsed = wat::parse_bytes(&bytes).map(Cow::into_owned);
        return parsed.with_context(|| format!("{} is not WebAssembly text", path.display()));
    }
    let found = match &*bytes {
        [] => "it is empty".to_owned(),
        bytes => {
            let start = &bytes[..bytes.len().min(MAGIC.len())];
            format!("it begins with {:?} instead of \"\\0asm\"", String::from_utf8_lossy(start))
        }
    };
    anyhow::bail!("{} is not a WebAssembly component: {found}. Build it again.", path.display())
}
