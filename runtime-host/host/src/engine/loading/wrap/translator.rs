//! A component that exports what an interface has, under other names.
//!
//! Methods of a resource can't be put together to an instance by themselves; they have to be
//! exported by a component, with types that name the exported resources.

use super::super::names::Functions;
use super::indices::Indices;
use super::{Error, new_name};
use std::convert::Infallible;
use wasm_encoder::reencode::{Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, Component, ComponentAliasSection, ComponentExportKind, ComponentExportSection,
    ComponentTypeRef, ComponentTypeSection,
};
use wasmparser::{
    ComponentAlias, ComponentExternName, ComponentOuterAliasKind, ComponentType,
    InstanceTypeDeclaration, TypeBounds,
};

/// An imported interface whose functions have other names inside.
pub(super) struct Translated<'a> {
    /// Its name inside.
    pub(super) name: &'a str,
    /// The index of its instance.
    pub(super) instance: u32,
    /// Its type, with the names inside.
    pub(super) ty: Vec<InstanceTypeDeclaration<'a>>,
    pub(super) functions: Functions,
}

impl Translated<'_> {
    /// The component. `header` is one that has the same imports as the outer component, and
    /// nothing else.
    pub(super) fn component(
        &self,
        header: Component,
        indices: Indices,
    ) -> Result<Component, Error> {
        let mut translator = Translator {
            component: header,
            indices,
            types: Vec::new(),
            instance: self.instance,
            functions: self.functions,
        };
        for declaration in &self.ty {
            translator.declare(declaration.clone())?;
        }
        Ok(translator.component)
    }
}

struct Translator {
    component: Component,
    indices: Indices,
    /// The indices of the interface's types in the component.
    types: Vec<u32>,
    instance: u32,
    functions: Functions,
}

impl Translator {
    /// Exports what is declared, or defines it for what follows.
    fn declare(&mut self, declaration: InstanceTypeDeclaration<'_>) -> Result<(), Error> {
        match declaration {
            InstanceTypeDeclaration::Type(ty) => self.define(ty),
            InstanceTypeDeclaration::Alias(ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Type,
                count: 1,
                index,
            }) => {
                self.types.push(index);
                Ok(())
            }
            InstanceTypeDeclaration::Export { name, ty } => self.export(name, ty),
            _ => Err(unsupported()),
        }
    }

    fn define(&mut self, ty: ComponentType<'_>) -> Result<(), Error> {
        if !matches!(ty, ComponentType::Defined(_) | ComponentType::Func(_)) {
            return Err(unsupported());
        }
        let mut types = ComponentTypeSection::new();
        self.parse_component_type(types.ty(), ty)?;
        self.component.section(&types);
        let index = self.indices.next(ComponentExportKind::Type);
        self.types.push(index);
        Ok(())
    }

    fn export(
        &mut self,
        name: ComponentExternName<'_>,
        ty: wasmparser::ComponentTypeRef,
    ) -> Result<(), Error> {
        let (kind, index, ty) = match ty {
            wasmparser::ComponentTypeRef::Func(ty) => {
                let kind = ComponentExportKind::Func;
                let index = self.imported(new_name(name.name, self.functions), kind);
                (kind, index, Some(ComponentTypeRef::Func(self.component_type_index(ty))))
            }
            wasmparser::ComponentTypeRef::Type(TypeBounds::SubResource) => {
                let kind = ComponentExportKind::Type;
                (kind, self.imported(name.name, kind), None)
            }
            wasmparser::ComponentTypeRef::Type(TypeBounds::Eq(ty)) => {
                (ComponentExportKind::Type, self.component_type_index(ty), None)
            }
            _ => return Err(unsupported()),
        };
        let mut exports = ComponentExportSection::new();
        exports.export(name, kind, index, ty);
        self.component.section(&exports);
        let exported = self.indices.next(kind);
        if kind == ComponentExportKind::Type {
            self.types.push(exported);
        }
        Ok(())
    }

    /// What the imported instance has under this name.
    fn imported(&mut self, name: &str, kind: ComponentExportKind) -> u32 {
        let mut aliases = ComponentAliasSection::new();
        aliases.alias(Alias::InstanceExport { instance: self.instance, kind, name });
        self.component.section(&aliases);
        self.indices.next(kind)
    }
}

/// Interfaces are made of functions, resources and types of values.
fn unsupported() -> Error {
    Error::UnexpectedNonComponentSection
}

impl Reencode for Translator {
    type Error = Infallible;
}

impl ReencodeComponent for Translator {
    fn component_type_index(&mut self, ty: u32) -> u32 {
        usize::try_from(ty).ok().and_then(|ty| self.types.get(ty).copied()).unwrap_or(ty)
    }
}
