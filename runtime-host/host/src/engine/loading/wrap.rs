//! A component around a component: it has the names that the host knows, and gives the inner one
//! what it needs under the names that that one knows.
//!
//! Imports and exports can be renamed in place, but a function of an imported interface can't: its
//! name is repeated in the types of components inside, and of two versions of an interface only one
//! may need it. So the inner component stays as it is, byte for byte. The outer one repeats the
//! types of its imports, with other names of functions, and [translates](translator) each of these
//! instances back. The compiler resolves all of that: a call takes no longer.

mod indices;
mod parts;
mod translator;

use super::names::{self, Functions, Names};
use indices::Indices;
use parts::Parts;
use std::borrow::Cow;
use std::collections::BTreeMap;
use translator::Translated;
use wasm_encoder::reencode::{self, ReencodeComponent as _, RoundtripReencoder, component_utils};
use wasm_encoder::{
    Alias, Component, ComponentAliasSection, ComponentExportKind, ComponentExportSection,
    ComponentImportSection, ComponentInstanceSection, ComponentOuterAliasKind, ComponentSectionId,
    ComponentTypeRef, ComponentTypeSection, InstanceType, RawSection,
};
use wasmparser::{
    ComponentAliasSectionReader, ComponentExport, ComponentExternName, ComponentImport,
    ComponentImportSectionReader, ComponentType, ComponentTypeSectionReader,
    InstanceTypeDeclaration, Payload,
};

/// A component around `bytes` with other names of imports, of their functions, and of exports.
///
/// # Errors
/// Why the bytes are no component, or none that can be wrapped.
pub(super) fn wrap(bytes: &[u8], names: &dyn Names) -> Result<Vec<u8>, String> {
    let parts = Parts::read(bytes).map_err(|error| error.to_string())?;
    if !parts.imports_come_first {
        return Err("its imports come after its instances or exports".to_owned());
    }
    let mut wrapper = Wrapper::new(names, &parts.imports);
    for section in parts.header {
        wrapper.repeat(section, bytes).map_err(|error| error.to_string())?;
    }
    let inner = wrapper.instantiate(bytes).map_err(|error| error.to_string())?;
    wrapper.export(inner, &parts.exports);
    Ok(wrapper.component.finish())
}

type Error = reencode::Error<std::convert::Infallible>;

/// What is made, and what was learned while it was made.
struct Wrapper<'a> {
    names: &'a dyn Names,
    component: Component,
    indices: Indices,
    /// The functions that may get other names, by the index of their instance's type.
    functions: BTreeMap<u32, Functions>,
    /// The types of instances whose functions do, with their old names.
    changed: BTreeMap<u32, Vec<InstanceTypeDeclaration<'a>>>,
    /// The imports, by their new names.
    imports: Vec<(Cow<'a, str>, ComponentExportKind, u32)>,
    /// The same by their old names, without those that are translated.
    arguments: Vec<(&'a str, ComponentExportKind, u32)>,
    translated: Vec<Translated<'a>>,
}

impl<'a> Wrapper<'a> {
    fn new(names: &'a dyn Names, imports: &[ComponentImport<'a>]) -> Self {
        let mut functions = BTreeMap::new();
        for import in imports {
            if let wasmparser::ComponentTypeRef::Instance(ty) = import.ty {
                functions.insert(ty, names.functions(import.name.name));
            }
        }
        Self {
            names,
            component: Component::new(),
            indices: Indices::default(),
            functions,
            changed: BTreeMap::new(),
            imports: Vec::new(),
            arguments: Vec::new(),
            translated: Vec::new(),
        }
    }

    /// Repeats a section of the header with other names.
    fn repeat(&mut self, section: Payload<'a>, bytes: &[u8]) -> Result<(), Error> {
        match section {
            Payload::ComponentTypeSection(section) => self.types(section),
            Payload::ComponentAliasSection(section) => self.aliases(section),
            Payload::ComponentImportSection(section) => self.imports(section),
            section => {
                if let Some((id, range)) = section.as_section() {
                    let range = range.start as usize..range.end as usize;
                    let data = bytes.get(range).unwrap_or_default();
                    self.component.section(&RawSection { id, data });
                }
                Ok(())
            }
        }
    }

    fn types(&mut self, section: ComponentTypeSectionReader<'a>) -> Result<(), Error> {
        let mut types = ComponentTypeSection::new();
        for ty in section {
            let index = self.indices.next(ComponentExportKind::Type);
            let functions = self.functions.get(&index).copied().unwrap_or_default();
            match ty? {
                ComponentType::Instance(old) if has_any(&old, functions) => {
                    let old = Vec::from(old);
                    types.instance(&renamed(old.clone(), functions)?);
                    self.changed.insert(index, old);
                }
                ty => RoundtripReencoder.parse_component_type(types.ty(), ty)?,
            }
        }
        self.component.section(&types);
        Ok(())
    }

    /// Repeats what types can refer to.
    fn aliases(&mut self, section: ComponentAliasSectionReader<'a>) -> Result<(), Error> {
        let mut aliases = ComponentAliasSection::new();
        for alias in section {
            let alias = RoundtripReencoder.component_alias(alias?)?;
            let kind = match alias {
                Alias::InstanceExport { kind, .. } => kind,
                Alias::Outer { kind: ComponentOuterAliasKind::Type, .. } => {
                    ComponentExportKind::Type
                }
                _ => continue,
            };
            if matches!(kind, ComponentExportKind::Type | ComponentExportKind::Instance) {
                aliases.alias(alias);
                self.indices.next(kind);
            }
        }
        self.component.section(&aliases);
        Ok(())
    }

    fn imports(&mut self, section: ComponentImportSectionReader<'a>) -> Result<(), Error> {
        let mut imports = ComponentImportSection::new();
        for import in section {
            let import = import?;
            let (old, ty) = (import.name.name, ComponentTypeRef::from(import.ty));
            let (new, kind) = (self.names.import(old), ty.kind());
            imports.import(names::named(import.name, new.clone()), ty);
            let index = self.indices.next(kind);
            self.imports.push((new, kind, index));
            let changed = match ty {
                ComponentTypeRef::Instance(ty) => {
                    self.changed.get(&ty).zip(self.functions.get(&ty).copied())
                }
                _ => None,
            };
            match changed {
                None => self.arguments.push((old, kind, index)),
                Some((ty, functions)) => self.translated.push(Translated {
                    name: old,
                    instance: index,
                    ty: ty.clone(),
                    functions,
                }),
            }
        }
        self.component.section(&imports);
        Ok(())
    }

    /// Adds the inner component, and makes an instance of it. Returns the instance.
    fn instantiate(&mut self, bytes: &[u8]) -> Result<u32, Error> {
        let (header, indices) = (self.component.clone(), self.indices);
        for translated in std::mem::take(&mut self.translated) {
            let component = translated.component(header.clone(), indices)?;
            let imports = self.imports.clone();
            let instance = self.instance(component.as_slice(), &imports);
            self.arguments.push((translated.name, ComponentExportKind::Instance, instance));
        }
        let arguments = std::mem::take(&mut self.arguments);
        Ok(self.instance(bytes, &arguments))
    }

    /// Adds a component, and makes an instance of it.
    fn instance<S: AsRef<str>>(
        &mut self,
        component: &[u8],
        arguments: &[(S, ComponentExportKind, u32)],
    ) -> u32 {
        let id = ComponentSectionId::Component.into();
        self.component.section(&RawSection { id, data: component });
        let component = self.indices.next(ComponentExportKind::Component);
        let mut instances = ComponentInstanceSection::new();
        let arguments = arguments.iter().map(|(name, kind, index)| (name.as_ref(), *kind, *index));
        instances.instantiate(component, arguments);
        self.component.section(&instances);
        self.indices.next(ComponentExportKind::Instance)
    }

    /// Exports what the instance of the inner component exports.
    fn export(&mut self, instance: u32, inner: &[ComponentExport<'_>]) {
        let (mut aliases, mut exports) =
            (ComponentAliasSection::new(), ComponentExportSection::new());
        for export in inner {
            let (name, kind) = (export.name.name, export.kind.into());
            aliases.alias(Alias::InstanceExport { instance, kind, name });
            let index = self.indices.next(kind);
            let name = names::named(export.name, self.names.export(name));
            exports.export(name, kind, index, None);
        }
        self.component.section(&aliases);
        self.component.section(&exports);
    }
}

/// Whether the type of an instance has one of these functions.
fn has_any(declarations: &[InstanceTypeDeclaration<'_>], functions: Functions) -> bool {
    declarations.iter().any(|declaration| match declaration {
        InstanceTypeDeclaration::Export { name, .. } => {
            functions.iter().any(|(old, _)| *old == name.name)
        }
        _ => false,
    })
}

/// The type of an instance with other names of functions.
fn renamed(
    declarations: Vec<InstanceTypeDeclaration<'_>>,
    functions: Functions,
) -> Result<InstanceType, Error> {
    let mut renamed = InstanceType::new();
    for declaration in declarations {
        let declaration = match declaration {
            InstanceTypeDeclaration::Export { name, ty } => {
                let name = ComponentExternName { name: new_name(name.name, functions), ..name };
                InstanceTypeDeclaration::Export { name, ty }
            }
            other => other,
        };
        component_utils::parse_component_instance_type_declaration(
            &mut RoundtripReencoder,
            &mut renamed,
            declaration,
        )?;
    }
    Ok(renamed)
}

fn new_name(name: &str, functions: Functions) -> &str {
    functions.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| *new)
}
