//! Turns core modules into components, as stock Spin does when it loads them.
//!
//! A module of WASI preview 1 becomes a component with the adapter of the wasmtime project. The
//! modules of the SDKs of Spin 1 also have imports and exports of Spin under older names: see
//! [`spin_v1`].

use super::spin_v1;
use anyhow::Context as _;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1,
    WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR_ADAPTER,
};
use wasmparser::{ExternalKind, KnownCustom, Parser, Payload, ProducersSectionReader};
use wit_component::ComponentEncoder;

/// What a core module starts with: the magic number and the version of its format.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// The first version of clang that comes with a `malloc` that does not overlap allocations
/// (WebAssembly/wasi-libc#377).
const SAFE_CLANG: (u32, u32, u32) = (15, 0, 7);

/// A component's bytes: those of a component as they are, those of a core module adapted.
///
/// # Errors
/// The module has imports or exports that no adapter knows, or its C library is known to be broken.
pub(crate) fn into_component(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    if !bytes.starts_with(CORE_MODULE) {
        return Ok(bytes);
    }
    let module = Module::read(&bytes).context("it is a damaged core module")?;
    let adapted = match module.kind() {
        Kind::Command => {
            module.check_compiler()?;
            encode(&bytes, COMMAND_ADAPTER)
        }
        Kind::Reactor => encode(&bytes, REACTOR_ADAPTER),
        Kind::SpinV1 => spin_v1::modernize(&bytes).and_then(|it| encode(&it, REACTOR_ADAPTER)),
    };
    adapted.context(
        "it is a core module that can't be turned into a component: build it again as a component, \
         with a current SDK",
    )
}

fn encode(module: &[u8], adapter: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(module)?.adapter(PREVIEW1, adapter)?;
    encoder.encode()
}

/// How a module is called.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// By `_start`, once per run.
    Command,
    /// By exports that its own metadata describes.
    Reactor,
    /// By the exports of the SDKs of Spin 1, without metadata.
    SpinV1,
}

/// What decides how a module is adapted.
#[derive(Debug, Default)]
struct Module {
    /// It has the metadata of `wit-bindgen`.
    has_metadata: bool,
    has_start: bool,
    uses_spin_v1: bool,
    /// The version of clang that it was compiled with.
    clang: Option<String>,
}

impl Module {
    fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        module.uses_spin_v1 |= spin_v1::is_import(import?.module);
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        let is_function = export.kind == ExternalKind::Func;
                        module.has_start |= is_function && export.name == "_start";
                        module.uses_spin_v1 |= is_function && spin_v1::is_export(export.name);
                    }
                }
                Payload::CustomSection(section) => {
                    module.has_metadata |= section.name().starts_with("component-type");
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        module.clang = clang(producers)?;
                    }
                }
                _ => {}
            }
        }
        Ok(module)
    }

    fn kind(&self) -> Kind {
        if self.has_metadata {
            Kind::Reactor
        } else if self.uses_spin_v1 {
            Kind::SpinV1
        } else if self.has_start {
            Kind::Command
        } else {
            Kind::Reactor
        }
    }

    fn check_compiler(&self) -> anyhow::Result<()> {
        let Some(clang) = &self.clang else { return Ok(()) };
        let is_safe = version(clang).is_none_or(|version| version >= SAFE_CLANG);
        anyhow::ensure!(
            is_safe,
            "it was compiled with clang {clang}, whose C library corrupts memory \
             (https://github.com/WebAssembly/wasi-libc/pull/377): build it again with wasi-sdk 19 \
             or later"
        );
        Ok(())
    }
}

/// The version of clang among the tools that a module was processed by.
fn clang(producers: ProducersSectionReader<'_>) -> anyhow::Result<Option<String>> {
    for field in producers {
        let field = field?;
        if field.name != "processed-by" {
            continue;
        }
        for tool in field.values {
            let tool = tool?;
            if tool.name == "clang" {
                return Ok(Some(tool.version.to_owned()));
            }
        }
    }
    Ok(None)
}

/// `18.1.2-wasi-sdk (…)` → (18, 1, 2).
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let number = text.split([' ', '-']).next()?;
    let mut parts = number.split('.').map(str::parse);
    let mut next = || parts.next()?.ok();
    Some((next()?, next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(text: &str) -> Kind {
        Module::read(&wat::parse_str(text).unwrap()).unwrap().kind()
    }

    #[test]
    fn a_module_with_start_is_a_command() {
        assert_eq!(kind_of(r#"(module (func (export "_start")))"#), Kind::Command);
    }

    #[test]
    fn a_module_with_metadata_is_a_reactor_even_with_start() {
        let text = r#"(module (func (export "_start")) (@custom "component-type:x" ""))"#;
        assert_eq!(kind_of(text), Kind::Reactor);
        assert_eq!(kind_of("(module)"), Kind::Reactor);
    }

    #[test]
    fn a_module_with_a_handler_of_spin_1_uses_its_abi_even_with_start() {
        let handler = r#"(func (export "handle-http-request") (result i32) i32.const 0)"#;
        let text = format!(r#"(module {handler} (func (export "_start")))"#);
        assert_eq!(kind_of(&text), Kind::SpinV1);
        let import = r#"(import "spin-config" "get-config" (func (param i32 i32 i32)))"#;
        assert_eq!(kind_of(&format!("(module {import})")), Kind::SpinV1);
    }

    #[test]
    fn a_command_becomes_a_component_that_exports_run() {
        let text = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
        let component = into_component(wat::parse_str(text).unwrap()).unwrap();
        let text = String::from_utf8_lossy(&component).into_owned();
        assert!(!component.starts_with(CORE_MODULE));
        assert!(text.contains("wasi:cli/run@0.2."), "{text}");
    }

    #[test]
    fn components_and_other_files_stay_as_they_are() {
        for bytes in [&b"\0asm\x0d\0\x01\0"[..], b"", b"(component)"] {
            assert_eq!(into_component(bytes.to_vec()).unwrap(), bytes);
        }
    }

    #[test]
    fn a_command_of_a_compiler_with_a_broken_c_library_is_refused() {
        let of = |clang: &str| {
            let text = format!(
                r#"(module (memory (export "memory") 1) (func (export "_start"))
                    (@producers (processed-by "clang" "{clang}")))"#
            );
            into_component(wat::parse_str(text).unwrap())
        };
        let error = format!("{:#}", of("14.0.0").unwrap_err());
        assert!(error.contains("clang 14.0.0") && error.contains("wasi-sdk 19"), "{error}");
        of("15.0.7").unwrap();
        of("18.1.2-wasi-sdk (https://github.com/llvm/llvm-project 26a1)").unwrap();
        of("unknown").unwrap();
    }

    #[test]
    fn an_import_that_no_adapter_knows_is_named() {
        let text = r#"(module (import "wasi_snapshot_preview1" "teleport" (func)))"#;
        let error = format!("{:#}", into_component(wat::parse_str(text).unwrap()).unwrap_err());
        assert!(error.contains("teleport"), "{error}");
    }
}
