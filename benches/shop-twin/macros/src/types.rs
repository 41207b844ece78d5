//! Types of a contract as Rust types, as wit-bindgen names them.

use anyhow::{Context, Result, bail};
use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;
use wit_parser::{InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

/// Where everything is.
pub(crate) struct Names<'a> {
    pub(crate) resolve: &'a Resolve,
    /// These stand below `exports`.
    pub(crate) exports: Vec<InterfaceId>,
}

impl Names<'_> {
    /// Namespace, package and name of an interface.
    pub(crate) fn path(&self, interface: InterfaceId) -> Result<[Ident; 3]> {
        let interface = &self.resolve.interfaces[interface];
        let name = interface.name.as_deref().context("an interface without a name")?;
        let package = interface.package.context("an interface without a package")?;
        let package = &self.resolve.packages[package].name;
        Ok([ident(&package.namespace), ident(&package.name), ident(name)])
    }

    /// The Rust type of a WIT type; `root` leads to the module that holds all bindings.
    pub(crate) fn rust_type(&self, kind: &Type, root: &TokenStream) -> Result<TokenStream> {
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
            Type::Id(id) => self.named_type(*id, root)?,
            other => bail!("contracts carry plain data only, not {other:?}"),
        })
    }

    fn named_type(&self, id: TypeId, root: &TokenStream) -> Result<TokenStream> {
        let definition = &self.resolve.types[id];
        if let (Some(name), TypeOwner::Interface(owner)) = (&definition.name, definition.owner) {
            let [namespace, package, interface] = self.path(owner)?;
            let name = format_ident!("{}", camel(name));
            let path = quote!(#namespace::#package::#interface::#name);
            let exported = self.exports.contains(&owner);
            return Ok(if exported { quote!(#root exports::#path) } else { quote!(#root #path) });
        }
        let or_unit = |kind: &Option<Type>| {
            kind.as_ref().map_or_else(|| Ok(quote!(())), |kind| self.rust_type(kind, root))
        };
        Ok(match &definition.kind {
            TypeDefKind::List(item) => {
                let item = self.rust_type(item, root)?;
                quote!(::std::vec::Vec<#item>)
            }
            TypeDefKind::Option(item) => {
                let item = self.rust_type(item, root)?;
                quote!(::core::option::Option<#item>)
            }
            TypeDefKind::Result(result) => {
                let (ok, err) = (or_unit(&result.ok)?, or_unit(&result.err)?);
                quote!(::core::result::Result<#ok, #err>)
            }
            TypeDefKind::Tuple(tuple) => {
                let types = tuple.types.iter().map(|item| self.rust_type(item, root));
                let types = types.collect::<Result<Vec<_>>>()?;
                quote!((#(#types,)*))
            }
            TypeDefKind::Type(aliased) => self.rust_type(aliased, root)?,
            other => bail!("contracts carry plain data only, not a {}", other.as_str()),
        })
    }

    /// The declaration of a type that has a name.
    pub(crate) fn definition(&self, id: TypeId, root: &TokenStream) -> Result<TokenStream> {
        let definition = &self.resolve.types[id];
        let name = definition.name.as_deref().context("a type without a name")?;
        let name = format_ident!("{}", camel(name));
        let derives = quote!(Clone, Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize);
        Ok(match &definition.kind {
            TypeDefKind::Record(record) => {
                let fields = record.fields.iter().map(|field| {
                    let (name, kind) = (ident(&field.name), self.rust_type(&field.ty, root)?);
                    Ok(quote!(pub #name: #kind))
                });
                let fields = fields.collect::<Result<Vec<_>>>()?;
                let plain = |kind: &Type| !matches!(kind, Type::String | Type::Id(_));
                let copy = record.fields.iter().all(|field| plain(&field.ty));
                let copy = copy.then(|| quote!(, Copy));
                quote!(#[derive(#derives #copy)] pub struct #name { #(#fields,)* })
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| {
                    let name = format_ident!("{}", camel(&case.name));
                    let kind = case.ty.as_ref().map(|kind| self.rust_type(kind, root));
                    Ok(kind.transpose()?.map_or_else(|| quote!(#name), |kind| quote!(#name(#kind))))
                });
                let cases = cases.collect::<Result<Vec<_>>>()?;
                quote! {
                    #[derive(#derives)]
                    pub enum #name { #(#cases,)* }
                    impl ::core::fmt::Display for #name {
                        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                            ::core::fmt::Debug::fmt(self, f)
                        }
                    }
                    impl ::std::error::Error for #name {}
                }
            }
            TypeDefKind::Enum(cases) => {
                let cases = cases.cases.iter().map(|case| format_ident!("{}", camel(&case.name)));
                quote!(#[derive(#derives, Copy, Eq)] pub enum #name { #(#cases,)* })
            }
            TypeDefKind::Type(aliased) => {
                let aliased = self.rust_type(aliased, root)?;
                quote!(pub type #name = #aliased;)
            }
            _ => {
                let kind = self.unnamed(id, root)?;
                quote!(pub type #name = #kind;)
            }
        })
    }

    fn unnamed(&self, id: TypeId, root: &TokenStream) -> Result<TokenStream> {
        match &self.resolve.types[id].kind {
            TypeDefKind::List(item) => {
                let item = self.rust_type(item, root)?;
                Ok(quote!(::std::vec::Vec<#item>))
            }
            other => bail!("contracts carry plain data only, not a {}", other.as_str()),
        }
    }
}

/// A WIT name as a Rust name of a value or module.
pub(crate) fn ident(name: &str) -> Ident {
    let name = name.to_snake_case();
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
