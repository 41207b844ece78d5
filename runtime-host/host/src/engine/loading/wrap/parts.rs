//! What a component shows to the outside.

use super::super::names;
use wasmparser::{ComponentExport, ComponentImport, Payload};

/// What a component shows to the outside.
pub(super) struct Parts<'a> {
    /// The sections that have the imports and their types.
    pub(super) header: Vec<Payload<'a>>,
    pub(super) imports: Vec<ComponentImport<'a>>,
    pub(super) exports: Vec<ComponentExport<'a>>,
    /// Otherwise, an import could depend on what is not repeated.
    pub(super) imports_come_first: bool,
}

impl<'a> Parts<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> wasmparser::Result<Self> {
        let mut parts = Self {
            header: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            imports_come_first: true,
        };
        let (mut length, mut after_imports) = (0, false);
        for section in names::sections(bytes) {
            let section = section?;
            match &section {
                Payload::ComponentImportSection(imports) => {
                    for import in imports.clone() {
                        parts.imports.push(import?);
                    }
                    parts.imports_come_first &= !after_imports;
                    length = parts.header.len() + 1;
                }
                Payload::ComponentExportSection(exports) => {
                    for export in exports.clone() {
                        parts.exports.push(export?);
                    }
                    after_imports = true;
                }
                Payload::ComponentInstanceSection(_) => after_imports = true,
                Payload::ComponentTypeSection(_)
                | Payload::CoreTypeSection(_)
                | Payload::ComponentAliasSection(_) => {}
                _ => continue,
            }
            parts.header.push(section);
        }
        parts.header.truncate(length);
        Ok(parts)
    }
}
