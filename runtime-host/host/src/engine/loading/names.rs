//! Other names in the binary of a component. Everything else stays byte for byte.
//!
//! A component is linked by names, so the host decides by them what an import gets. Only the names
//! of the component itself change: those of components and modules inside of it are resolved by
//! the component.

use std::borrow::Cow;
use wasm_encoder::{Component, ComponentExportSection, ComponentImportSection, RawSection};
use wasmparser::{ComponentExternName, Encoding, Parser, Payload};

/// Functions of an interface: their names, and their new ones.
pub(super) type Functions = &'static [(&'static str, &'static str)];

/// What names become. By default they stay.
pub(super) trait Names {
    /// The name of an import.
    fn import<'a>(&self, name: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(name)
    }

    /// The name of an export.
    fn export<'a>(&self, name: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(name)
    }

    /// The functions of an imported interface that get other names. This needs a component around
    /// the component: see [`wrap`](super::wrap).
    fn functions(&self, _import: &str) -> Functions {
        &[]
    }
}

/// A component's bytes with other names of its imports and exports.
///
/// # Errors
/// Why the bytes are no component.
pub(super) fn rename(bytes: &[u8], names: &dyn Names) -> Result<Vec<u8>, String> {
    let mut component = Component::new();
    for section in sections(bytes) {
        let section = section.map_err(|error| error.to_string())?;
        if matches!(section, Payload::Version { encoding: Encoding::Module, .. }) {
            return Err("it is a core module".to_owned());
        }
        copy(section, bytes, names, &mut component).map_err(|error| error.to_string())?;
    }
    Ok(component.finish())
}

/// The names of a component's imports.
///
/// # Errors
/// Why the bytes are no component.
pub(crate) fn imports(bytes: &[u8]) -> Result<Vec<String>, String> {
    Ok(External::read(bytes).map_err(|error| error.to_string())?.imports)
}

/// The interfaces that a component imports, and those that it exports.
pub(crate) fn imports_and_exports(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
    let External { imports, exports, .. } =
        External::read(bytes).map_err(|error| error.to_string())?;
    Ok((imports, exports))
}

/// The names that a component is linked by.
#[derive(Default)]
pub(super) struct External {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

impl External {
    pub(super) fn read(bytes: &[u8]) -> wasmparser::Result<Self> {
        let mut names = Self::default();
        for section in sections(bytes) {
            match section? {
                Payload::ComponentImportSection(section) => {
                    for import in section {
                        names.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) => {
                    for export in section {
                        names.exports.push(export?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(names)
    }
}

/// The sections of a component. Modules and components inside of it are one section each.
pub(super) fn sections(bytes: &[u8]) -> impl Iterator<Item = wasmparser::Result<Payload<'_>>> {
    let mut depth = 0_usize;
    Parser::new(0).parse_all(bytes).filter(move |payload| {
        let is_nested = depth > 0;
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            _ => {}
        }
        !is_nested || payload.is_err()
    })
}

fn copy(
    section: Payload<'_>,
    bytes: &[u8],
    names: &dyn Names,
    component: &mut Component,
) -> wasmparser::Result<()> {
    match section {
        Payload::ComponentImportSection(section) => {
            let mut imports = ComponentImportSection::new();
            for import in section {
                let import = import?;
                let name = named(import.name, names.import(import.name.name));
                imports.import(name, import.ty.into());
            }
            component.section(&imports);
        }
        Payload::ComponentExportSection(section) => {
            let mut exports = ComponentExportSection::new();
            for export in section {
                let export = export?;
                let name = named(export.name, names.export(export.name.name));
                exports.export(name, export.kind.into(), export.index, export.ty.map(Into::into));
            }
            component.section(&exports);
        }
        section => {
            if let Some((id, range)) = section.as_section() {
                let data = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
                component.section(&RawSection { id, data });
            }
        }
    }
    Ok(())
}

/// The same name with other text.
pub(super) fn named<'a>(
    old: ComponentExternName<'a>,
    name: Cow<'a, str>,
) -> wasm_encoder::ComponentExternName<'a> {
    wasm_encoder::ComponentExternName { name, ..old.into() }
}
