//! The declarations of the types of a contract.

use crate::source::Contract;
use crate::types::{camel, ident};
use anyhow::{Context, Result, bail};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use wit_parser::{Field, Type, TypeDefKind, TypeId, Variant};

impl Contract {
    /// The declaration of a named type.
    pub(crate) fn definition(&self, id: TypeId) -> Result<TokenStream> {
        let definition = &self.resolve.types[id];
        let name = definition.name.as_deref().context("a type without a name")?;
        let name = format_ident!("{}", camel(name));
        let derives = quote!(Clone, Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize);
        Ok(match &definition.kind {
            TypeDefKind::Record(record) => {
                let fields = self.fields(&record.fields)?;
                let is_plain = |kind: &Type| !matches!(kind, Type::String | Type::Id(_));
                let is_copy = record.fields.iter().all(|field| is_plain(&field.ty));
                let copy = is_copy.then(|| quote!(, Copy));
                quote!(#[derive(#derives #copy)] pub struct #name { #(pub #fields,)* })
            }
            TypeDefKind::Variant(variant) => {
                let cases = self.cases(variant)?;
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
                let aliased = self.rust_type(aliased)?;
                quote!(pub type #name = #aliased;)
            }
            TypeDefKind::List(item) => {
                let item = self.rust_type(item)?;
                quote!(pub type #name = ::std::vec::Vec<#item>;)
            }
            other => bail!("contracts carry plain data only, not a {}", other.as_str()),
        })
    }

    fn fields(&self, fields: &[Field]) -> Result<Vec<TokenStream>> {
        let field = |field: &Field| {
            let (name, kind) = (ident(&field.name), self.rust_type(&field.ty)?);
            Ok(quote!(#name: #kind))
        };
        fields.iter().map(field).collect()
    }

    fn cases(&self, variant: &Variant) -> Result<Vec<TokenStream>> {
        let cases = variant.cases.iter().map(|case| {
            let name = format_ident!("{}", camel(&case.name));
            match &case.ty {
                Some(kind) => self.rust_type(kind).map(|kind| quote!(#name(#kind))),
                None => Ok(quote!(#name)),
            }
        });
        cases.collect()
    }
}
