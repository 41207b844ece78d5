//! Other names in the binary of a component. Everything else stays byte for byte.
//!
//! A component is linked by names, so the host decides by them what an import gets. Only the names
//! of the component itself change: those of components and modules inside of it are resolved by
//! the component.

use std::borrow::Cow;
use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, Component, ComponentAliasSection, ComponentExportSection, ComponentImportSection,
    ComponentTypeSection, InstanceType, RawSection,
};
use wasmparser::{
    ComponentAlias, ComponentExternName, Encoding, InstanceTypeDeclaration, Parser, Payload,
};

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

    /// The name of a function of an imported interface.
    fn function<'a>(&self, name: &'a str) -> &'a str {
        name
    }
}

/// A component's bytes with other names.
///
/// # Errors
/// Why the bytes are no component.
pub(super) fn rename(bytes: &[u8], names: &dyn Names) -> Result<Vec<u8>, String> {
    let mut component = Component::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| error.to_string())?;
        if let Payload::Version { encoding: Encoding::Module, .. } = payload
            && depth == 0
        {
            return Err("it is a core module".to_owned());
        }
        // Nested modules and components are copied whole and not looked into.
        let nested =
            matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. });
        let ends = matches!(payload, Payload::End(_));
        if depth == 0 {
            copy(payload, bytes, names, &mut component).map_err(|error| error.to_string())?;
        }
        depth += usize::from(nested);
        depth = depth.saturating_sub(usize::from(ends));
    }
    Ok(component.finish())
}

/// The names of a component's imports.
///
/// # Errors
/// Why the bytes are no component.
pub(crate) fn imports(bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| error.to_string())? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(|error| error.to_string())?;
                    names.push(import.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

type Error = reencode::Error<std::convert::Infallible>;

fn copy(
    payload: Payload<'_>,
    bytes: &[u8],
    names: &dyn Names,
    component: &mut Component,
) -> Result<(), Error> {
    let mut renamer = Renamer(names);
    match payload {
        Payload::ComponentImportSection(section) => {
            let mut imports = ComponentImportSection::new();
            for import in section {
                let import = import?;
                imports
                    .import(named(import.name, names.import(import.name.name)), import.ty.into());
            }
            component.section(&imports);
        }
        Payload::ComponentExportSection(section) => {
            let mut exports = ComponentExportSection::new();
            for export in section {
                let export = export?;
                let name = named(export.name, names.export(export.name.name));
                let ty = export.ty.map(|ty| renamer.component_type_ref(ty)).transpose()?;
                exports.export(name, export.kind.into(), export.index, ty);
            }
            component.section(&exports);
        }
        Payload::ComponentTypeSection(section) => {
            let mut types = ComponentTypeSection::new();
            renamer.parse_component_type_section(&mut types, section)?;
            component.section(&types);
        }
        Payload::ComponentAliasSection(section) => {
            let mut aliases = ComponentAliasSection::new();
            renamer.parse_component_alias_section(&mut aliases, section)?;
            component.section(&aliases);
        }
        payload => {
            if let Some((id, range)) = payload.as_section() {
                let range = range.start as usize..range.end as usize;
                let data = bytes.get(range).ok_or(Error::UnexpectedNonComponentSection)?;
                component.section(&RawSection { id, data });
            }
        }
    }
    Ok(())
}

/// The same name with other text.
fn named<'a>(
    old: ComponentExternName<'a>,
    name: Cow<'a, str>,
) -> wasm_encoder::ComponentExternName<'a> {
    wasm_encoder::ComponentExternName { name, ..old.into() }
}

/// Renames functions of imported interfaces: where their types are declared and where they are used.
struct Renamer<'n>(&'n dyn Names);

impl Reencode for Renamer<'_> {
    type Error = std::convert::Infallible;
}

impl ReencodeComponent for Renamer<'_> {
    fn parse_component_instance_type_declaration(
        &mut self,
        instance: &mut InstanceType,
        declaration: InstanceTypeDeclaration<'_>,
    ) -> Result<(), Error> {
        let declaration = match declaration {
            InstanceTypeDeclaration::Export { name, ty } => InstanceTypeDeclaration::Export {
                name: ComponentExternName { name: self.0.function(name.name), ..name },
                ty,
            },
            other => other,
        };
        reencode::component_utils::parse_component_instance_type_declaration(
            self,
            instance,
            declaration,
        )
    }

    fn component_alias<'a>(&mut self, alias: ComponentAlias<'a>) -> Result<Alias<'a>, Error> {
        let alias = match alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                let name = self.0.function(name);
                ComponentAlias::InstanceExport { kind, instance_index, name }
            }
            other => other,
        };
        reencode::component_utils::component_alias(self, alias)
    }
}
