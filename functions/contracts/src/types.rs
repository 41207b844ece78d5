//! Printing a WIT type as the Rust type that wit-bindgen gives it, seen from the module that
//! holds the bindings; and defining these types where wit-bindgen does not.

use crate::source::Contract;
use anyhow::{Context, Result, bail};
use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeMap;
use wit_parser::{Function, InterfaceId, Result_, Tuple, Type, TypeDefKind, TypeId, TypeOwner};

impl Contract {
    /// The Rust path of an exported or imported interface's module.
    pub(crate) fn module(&self, interface: InterfaceId) -> Result<TokenStream> {
        let (namespace, package, name) = self.names(interface)?;
        let path = quote!(#namespace::#package::#name);
        let exported = self.exports()?.contains(&interface);
        Ok(if exported { quote!(exports::#path) } else { path })
    }

    /// Namespace, package and name of an interface, as names of modules.
    pub(crate) fn names(&self, interface: InterfaceId) -> Result<(Ident, Ident, Ident)> {
        let interface = &self.resolve.interfaces[interface];
        let name = interface.name.as_deref().context("an interface without a name")?;
        let package = interface.package.context("an interface without a package")?;
        let package = &self.resolve.packages[package].name;
        Ok((ident(&package.namespace), ident(&package.name), ident(name)))
    }

    /// The Rust type of a WIT type.
    pub(crate) fn rust_type(&self, kind: &Type) -> Result<TokenStream> {
        Ok(match kind {
            Type::Bool => quote!(bool),
            Type::U8 => quote!(u8),
            Type::U16 => quote!(u16),
            Type::U32 => quote!(u32),
            Type::U64 => quote!(u64),
            Type::S8 => quote!(i8),
            Type::S16 => quote!(i16),
            Type::S32 => quote!(i32),
            Type::S64 => quote!(i64),
            Type::F32 => quote!(f32),
            Type::F64 => quote!(f64),
            Type::Char => quote!(char),
            Type::String => quote!(::std::string::String),
            Type::Id(id) => self.defined_type(*id)?,
            other => bail!("contracts carry plain data only, not {other:?}"),
        })
    }

    fn defined_type(&self, id: TypeId) -> Result<TokenStream> {
        let definition = &self.resolve.types[id];
        if let (Some(name), TypeOwner::Interface(owner)) = (&definition.name, definition.owner) {
            let (module, name) = (self.module(owner)?, format_ident!("{}", camel(name)));
            return Ok(quote!(#module::#name));
        }
        Ok(match &definition.kind {
            TypeDefKind::List(item) => {
                let item = self.rust_type(item)?;
                quote!(::std::vec::Vec<#item>)
            }
            TypeDefKind::Option(item) => {
                let item = self.rust_type(item)?;
                quote!(::core::option::Option<#item>)
            }
            TypeDefKind::Result(Result_ { ok, err }) => {
                let (ok, err) = (self.or_unit(ok.as_ref())?, self.or_unit(err.as_ref())?);
                quote!(::core::result::Result<#ok, #err>)
            }
            TypeDefKind::Tuple(Tuple { types }) => {
                let types: Result<Vec<_>> = types.iter().map(|item| self.rust_type(item)).collect();
                let types = types?;
                quote!((#(#types,)*))
            }
            TypeDefKind::Type(aliased) => self.rust_type(aliased)?,
            other => bail!("contracts carry plain data only, not a {}", other.as_str()),
        })
    }

    fn or_unit(&self, kind: Option<&Type>) -> Result<TokenStream> {
        kind.map_or_else(|| Ok(quote!(())), |kind| self.rust_type(kind))
    }

    /// The parameters of a function: names as Rust writes them, and types.
    pub(crate) fn parameters(&self, function: &Function) -> Result<Vec<(Ident, TokenStream)>> {
        function
            .params
            .iter()
            .map(|param| Ok((ident(&param.name), self.rust_type(&param.ty)?)))
            .collect()
    }

    /// The two sides of a function's result; every contract function has one.
    pub(crate) fn result<'a>(&'a self, function: &'a Function) -> Result<&'a Result_> {
        let named = || format!("`{}` must return a result<_, error>", function.name);
        let Some(Type::Id(id)) = &function.result else { bail!(named()) };
        match &self.resolve.types[*id].kind {
            TypeDefKind::Result(result) => Ok(result),
            _ => bail!(named()),
        }
    }
}

/// The types of all interfaces that a contract refers to, in the modules that wit-bindgen puts them
/// in: for targets other than WebAssembly, which have no functions of the contract.
pub(crate) fn definitions(contract: &Contract) -> Result<TokenStream> {
    let mut namespaces = BTreeMap::<Ident, BTreeMap<Ident, TokenStream>>::new();
    for (id, interface) in contract.resolve.interfaces.iter() {
        let (namespace, package, name) = contract.names(id)?;
        let types = interface.types.iter().map(|(name, id)| contract.definition(name, *id));
        let types: TokenStream = types.collect::<Result<_>>()?;
        let module = quote! { pub mod #name { use super::super::super::*; #types } };
        namespaces.entry(namespace).or_default().entry(package).or_default().extend(module);
    }
    let namespaces = namespaces.iter().map(|(namespace, packages)| {
        let (packages, interfaces) = (packages.keys(), packages.values());
        quote! { pub mod #namespace { #(pub mod #packages { #interfaces })* } }
    });
    // A change of these files compiles the crate again.
    let files = contract.folders.iter().map(|folder| folder.join("package.wit"));
    let files = files.map(|file| file.to_string_lossy().into_owned());
    Ok(quote! { #(const _: &str = include_str!(#files);)* #(#namespaces)* })
}

impl Contract {
    fn definition(&self, name: &str, id: TypeId) -> Result<TokenStream> {
        let name = format_ident!("{}", camel(name));
        let derive = quote!(::serde::Serialize, ::serde::Deserialize, Debug, Clone, PartialEq);
        Ok(match &self.resolve.types[id].kind {
            TypeDefKind::Record(record) => {
                let names = record.fields.iter().map(|field| ident(&field.name));
                let types = record.fields.iter().map(|field| self.rust_type(&field.ty));
                let types = types.collect::<Result<Vec<_>>>()?;
                quote! { #[derive(#derive)] pub struct #name { #(pub #names: #types,)* } }
            }
            TypeDefKind::Enum(cases) => {
                let cases = cases.cases.iter().map(|case| format_ident!("{}", camel(&case.name)));
                quote! { #[derive(#derive, Copy, Eq, PartialOrd, Ord)] pub enum #name { #(#cases,)* } }
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| {
                    let name = format_ident!("{}", camel(&case.name));
                    let payload = case.ty.as_ref().map(|ty| self.rust_type(ty)).transpose()?;
                    Ok(payload.map_or_else(|| quote!(#name), |payload| quote!(#name(#payload))))
                });
                let cases = cases.collect::<Result<Vec<_>>>()?;
                quote! { #[derive(#derive)] pub enum #name { #(#cases,)* } }
            }
            TypeDefKind::Type(aliased) => {
                let aliased = self.rust_type(aliased)?;
                quote! { pub type #name = #aliased; }
            }
            other => bail!("contracts carry plain data only, not a {}", other.as_str()),
        })
    }
}

/// A WIT name as a Rust name of a value or module.
pub(crate) fn ident(name: &str) -> Ident {
    let name = name.to_snake_case();
    // wit-bindgen's way with names that Rust keeps for itself.
    if syn::parse_str::<Ident>(&name).is_ok() {
        format_ident!("{name}")
    } else {
        format_ident!("{name}_")
    }
}

/// A WIT name as a Rust name of a type or case.
pub(crate) fn camel(name: &str) -> String {
    name.to_upper_camel_case()
}
