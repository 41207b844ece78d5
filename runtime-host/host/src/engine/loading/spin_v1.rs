//! The modules of the SDKs of Spin 1.
//!
//! They were made before components: `wit-bindgen` 0.2 gave imports and exports plain names and
//! left no metadata. The types of the interfaces and how values are passed have not changed since.
//! So the functions get the names of today, and metadata is added: what results is what a current
//! `wit-bindgen` would have made for the unversioned package `fermyon:spin`.

mod command_exports;

use command_exports::{Added, operators};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{CodeSection, ExportSection, ImportSection, Module};
use wasmparser::{Export, FunctionBody, ImportSectionReader, Parser};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The interfaces as a package.
const PACKAGE: &str = include_str!("../../../wit/spin-v1/spin.wit");

/// Modules that a module imports from, and the interfaces of today.
const IMPORTS: [(&str, &str); 8] = [
    ("key-value", "key-value"),
    ("llm", "llm"),
    ("outbound-mysql", "mysql"),
    ("outbound-pg", "postgres"),
    ("outbound-redis", "redis"),
    ("spin-config", "config"),
    ("sqlite", "sqlite"),
    ("wasi-outbound-http", "http"),
];

/// Exports, and the interfaces and functions of today.
const EXPORTS: [(&str, &str, &str); 2] = [
    ("handle-http-request", "inbound-http", "handle-request"),
    ("handle-redis-message", "inbound-redis", "handle-message"),
];

/// The exports that allocate and free memory for arguments and results.
const REALLOC: &str = "canonical_abi_realloc";
const FREE: &str = "canonical_abi_free";

/// Whether imports of this module are those of Spin 1.
pub(super) fn is_import(module: &str) -> bool {
    interface_of(module).is_some()
}

/// Whether this export is one of Spin 1.
pub(super) fn is_export(name: &str) -> bool {
    EXPORTS.iter().any(|(old, _, _)| *old == name)
}

fn interface_of(module: &str) -> Option<&'static str> {
    IMPORTS.iter().find(|(old, _)| *old == module).map(|(_, interface)| *interface)
}

/// The module with the names of today and with metadata.
pub(super) fn modernize(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let added = Added::to(bytes, REALLOC, FREE)?;
    let mut renamer = Renamer { exported: Vec::new(), added };
    let mut module = Module::new();
    renamer
        .parse_core_module(&mut module, Parser::new(0), bytes)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut bytes = module.finish();
    let mut world = String::from("world module {");
    for (_, interface) in IMPORTS {
        world += &format!(" import {interface};");
    }
    for interface in renamer.exported {
        world += &format!(" export {interface};");
    }
    let mut resolve = Resolve::default();
    let package = resolve.push_str("spin.wit", &format!("{PACKAGE}\n{world} }}\n"))?;
    let world = resolve.select_world(&[package], Some("module"))?;
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8)?;
    Ok(bytes)
}

struct Renamer {
    /// The exported interfaces.
    exported: Vec<&'static str>,
    /// The calls that [`REALLOC`] must not make.
    added: Option<Added>,
}

impl Reencode for Renamer {
    type Error = std::convert::Infallible;

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), reencode::Error<Self::Error>> {
        for import in section.into_imports() {
            let import = import?;
            let ty = self.entity_type(import.ty)?;
            match interface_of(import.module) {
                None => imports.import(import.module, import.name, ty),
                Some(interface) => {
                    let name = match import.name {
                        "request" => "send-request",
                        name => name,
                    };
                    imports.import(&format!("fermyon:spin/{interface}"), name, ty)
                }
            };
        }
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: Export<'_>,
    ) -> Result<(), reencode::Error<Self::Error>> {
        let kind = self.export_kind(export.kind)?;
        let index = self.external_index(export.kind, export.index)?;
        match EXPORTS.iter().find(|(old, _, _)| *old == export.name) {
            None => {
                let name = if export.name == REALLOC { "cabi_realloc" } else { export.name };
                exports.export(name, kind, index)
            }
            Some((_, interface, function)) => {
                self.exported.push(interface);
                exports.export(&format!("fermyon:spin/{interface}#{function}"), kind, index)
            }
        };
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error<Self::Error>> {
        if !self.added.as_ref().is_some_and(|added| added.is_in(&body)) {
            return reencode::utils::parse_function_body(self, code, body);
        }
        let mut function = self.new_function_with_parsed_locals(&body)?;
        for operator in operators(&body)? {
            if !self.added.as_ref().is_some_and(|added| added.contains(&operator)) {
                function.instruction(&self.instruction(operator)?);
            }
        }
        code.function(&function);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::modules::into_component;

    /// A handler that gets a value and answers with the status 204.
    const MODULE: &str = r#"(module
        (import "spin-config" "get-config" (func $get (param i32 i32 i32)))
        (import "wasi-outbound-http" "request"
            (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
        (memory (export "memory") 1)
        (func (export "canonical_abi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
        (func (export "canonical_abi_free") (param i32 i32 i32))
        (func (export "handle-http-request")
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (call $get (i32.const 0) (i32.const 0) (i32.const 64))
            (i32.store16 (i32.const 0) (i32.const 204))
            i32.const 0))"#;

    #[test]
    fn memory_is_allocated_without_the_constructors() {
        let realloc =
            r#"(func (export "canonical_abi_realloc") (param i32 i32 i32 i32) (result i32)"#;
        let free = r#"(func (export "canonical_abi_free") (param i32 i32 i32)"#;
        let module = MODULE
            .replace(realloc, &format!("(func $constructors) {realloc} call $constructors"))
            .replace(free, &format!("{free} call $constructors nop"));
        let modernized = |text: &str| super::modernize(&wat::parse_str(text).unwrap()).unwrap();
        let calls = |module: &[u8]| {
            let payloads = wasmparser::Parser::new(0).parse_all(module).map(Result::unwrap);
            let bodies = payloads.filter_map(|payload| match payload {
                wasmparser::Payload::CodeSectionEntry(body) => Some(body),
                _ => None,
            });
            let operators = bodies.map(|body| super::operators(&body).unwrap());
            let calls =
                |it: &wasmparser::Operator<'_>| matches!(it, wasmparser::Operator::Call { .. });
            operators.map(|operators| operators.iter().filter(|it| calls(it)).count()).collect()
        };
        let (before, after): (Vec<_>, Vec<_>) =
            (calls(&wat::parse_str(&module).unwrap()), calls(&modernized(&module)));
        assert_eq!(before, [0, 1, 1, 1]);
        assert_eq!(after, [0, 0, 1, 1]);
    }

    #[test]
    fn a_module_of_spin_1_becomes_a_component_of_the_unversioned_interfaces() {
        let component = into_component(wat::parse_str(MODULE).unwrap()).unwrap();
        let engine = wasmtime::Engine::default();
        let component = wasmtime::component::Component::new(&engine, component).unwrap();
        let ty = component.component_type();
        let imports: Vec<_> = ty.imports(&engine).map(|(name, _)| name).collect();
        assert!(imports.contains(&"fermyon:spin/config"), "{imports:?}");
        assert!(imports.contains(&"fermyon:spin/http"), "{imports:?}");
        assert!(!imports.contains(&"fermyon:spin/redis"), "only what is used: {imports:?}");
        let exports: Vec<_> = ty.exports(&engine).map(|(name, _)| name).collect();
        assert_eq!(exports, ["fermyon:spin/inbound-http"]);
    }
}
