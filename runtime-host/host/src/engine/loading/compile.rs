//! From bytes to code: once per component, in parallel, from the cache when nothing changed.

use crate::engine::Engine;
use anyhow::Context as _;
use std::path::Path;
use wasmtime::component::Component;

/// Compiles `bytes`, which came from `path`. If the cache does not have the code, this calls
/// `compiling` and takes long. Blocks.
pub(crate) fn compile(
    engine: &Engine,
    path: &Path,
    bytes: &[u8],
    compiling: impl FnOnce(),
) -> anyhow::Result<Component> {
    refuse_core_module(path, bytes)?;
    let code = engine.cache.code(&engine.wasm, bytes, compiling);
    code.map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not a component that can run", path.display()))
}

/// Refuses files that are not WebAssembly. The compiler would take it for WebAssembly text and complain
/// about its syntax; only a file with the extension of that format is meant to be text.
pub(crate) fn refuse_other_formats(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    const MAGIC: &[u8] = b"\0asm";
    let is_text = path.extension().is_some_and(|extension| extension == "wat");
    if is_text || bytes.starts_with(MAGIC) {
        return Ok(());
    }
    let found = match bytes {
        [] => "it is empty".to_owned(),
        _ => {
            let start = &bytes[..bytes.len().min(MAGIC.len())];
            format!("it begins with {:?} instead of \"\\0asm\"", String::from_utf8_lossy(start))
        }
    };
    anyhow::bail!("{} is not a WebAssembly component: {found}. Build it again.", path.display())
}

/// A frequent mistake has its own message.
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
