//! The bindings of a contract as native code.

use crate::source::Contract;
use crate::types::{camel, ident};
use anyhow::{Context, Result, bail};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Token, braced, bracketed};
use wit_parser::{Function, InterfaceId, Type, TypeDefKind, WorldItem};

/// The part of wit-bindgen's options that says what to read.
pub(crate) struct Source {
    /// The folders of the contract and, before it, of the packages that it refers to.
    folders: Vec<PathBuf>,
}

impl Parse for Source {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut source = Self { folders: Vec::new() };
        let options;
        braced!(options in input);
        let input = &options;
        while !input.is_empty() {
            let option: Ident = input.parse()?;
            if input.peek(Token![:]) {
                input.parse::<Token![:]>()?;
                source.option(&option, input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(source)
    }
}

impl Source {
    fn option(&mut self, option: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if option == "path" {
            let list;
            bracketed!(list in input);
            let folders = list.parse_terminated(<LitStr as Parse>::parse, Token![,])?;
            self.folders = folders.iter().map(|folder| folder.value().into()).collect();
        } else {
            input.parse::<syn::Expr>()?;
        }
        Ok(())
    }

    fn contract(&self) -> Result<Contract> {
        let folder = self.folders.last().context("no contract to read")?;
        let name = folder.file_name().and_then(OsStr::to_str);
        let wit = folder.parent().unwrap_or(Path::new(""));
        Contract::read(wit, name.context("a folder without a name")?)
    }
}

/// Which side of the world an interface is on.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Import,
    Export,
}

pub(crate) fn generate(source: &Source) -> Result<TokenStream> {
    let contract = source.contract()?;
    let modules = |interfaces: Vec<InterfaceId>, side| {
        let modules = interfaces.into_iter().map(|interface| module(&contract, interface, side));
        modules.collect::<Result<Vec<_>>>().map(|modules| nested(&modules))
    };
    let imports = modules(imports(&contract)?, Side::Import)?;
    let exports = modules(contract.exports()?, Side::Export)?;
    Ok(quote! {
        #imports
        pub mod exports { #exports }
        // There is nothing to export to: the process serves the functions by itself.
        macro_rules! export { ($component:ident) => {}; }
        use export;
    })
}

/// The interfaces that the world of the contract imports.
fn imports(contract: &Contract) -> Result<Vec<InterfaceId>> {
    let world = contract.world()?;
    let interface = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => Ok(*id),
        _ => bail!("the world `{}` imports something that is not an interface", world.name),
    };
    world.imports.values().map(interface).collect()
}

/// One interface: where it is (namespace, package, name), and what is in it.
struct Module {
    path: [Ident; 3],
    items: TokenStream,
}

/// Modules of the same namespace and package stand together.
fn nested(modules: &[Module]) -> TokenStream {
    let mut namespaces: Vec<&Ident> = modules.iter().map(|module| &module.path[0]).collect();
    namespaces.sort();
    namespaces.dedup();
    let namespaces = namespaces.into_iter().map(|namespace| {
        let inner = modules.iter().filter(|module| module.path[0] == *namespace);
        let mut packages: Vec<&Ident> = inner.clone().map(|module| &module.path[1]).collect();
        packages.sort();
        packages.dedup();
        let packages = packages.into_iter().map(|package| {
            let inner = inner.clone().filter(|module| module.path[1] == *package);
            let interfaces = inner.map(|Module { path, items }| {
                let name = &path[2];
                quote!(pub mod #name { #items })
            });
            quote!(pub mod #package { #(#interfaces)* })
        });
        quote!(pub mod #namespace { #(#packages)* })
    });
    quote!(#(#namespaces)*)
}

fn module(contract: &Contract, interface: InterfaceId, side: Side) -> Result<Module> {
    let items = &contract.resolve.interfaces[interface];
    let types = items.types.values().map(|id| contract.definition(*id));
    let types = types.collect::<Result<Vec<_>>>()?;
    let functions = items.functions.values().map(|function| match side {
        Side::Import => client(contract, interface, function),
        Side::Export => signature(contract, function),
    });
    let functions = functions.collect::<Result<Vec<_>>>()?;
    // The paths of types begin in the module that holds all bindings.
    let items = match side {
        Side::Import => quote!(use super::super::super::*; #(#types)* #(#functions)*),
        Side::Export => quote! {
            use super::super::super::super::*;
            #(#types)*
            /// What this process answers.
            #[allow(async_fn_in_trait)]
            pub trait Guest { #(#functions;)* }
        },
    };
    let (namespace, package, name) = contract.names(interface)?;
    Ok(Module { path: [namespace, package, name], items })
}

fn signature(contract: &Contract, function: &Function) -> Result<TokenStream> {
    let name = ident(&function.name);
    let parameters = contract.parameters(function)?;
    let (parameters, types): (Vec<_>, Vec<_>) = parameters.into_iter().unzip();
    let result = function.result.as_ref().context("a function without a result")?;
    let result = contract.rust_type(result)?;
    Ok(quote!(async fn #name(#(#parameters: #types),*) -> #result))
}

/// A function of another process: what a bridge does, in this one.
fn client(contract: &Contract, interface: InterfaceId, function: &Function) -> Result<TokenStream> {
    let signature = signature(contract, function)?;
    let interface = &contract.resolve.interfaces[interface];
    let package = interface.package.context("an interface without a package")?;
    let component = &contract.resolve.packages[package].name.name;
    let (interface, method) = (interface.name.as_deref().unwrap_or_default(), &function.name);
    let parameters = contract.parameters(function)?;
    let (parameters, types): (Vec<_>, Vec<_>) = parameters.into_iter().unzip();
    let (error, lost) = failure(contract, function)?;
    Ok(quote! {
        pub #signature {
            #[derive(::serde::Serialize)]
            struct Arguments { #(#parameters: #types,)* }
            let arguments = Arguments { #(#parameters),* };
            match ::chassis::rpc::call(#component, #interface, #method, &arguments).await {
                Ok(result) => result,
                Err(failure @ ::chassis::rpc::CallError::NotSent { .. }) => {
                    Err(#error::Unavailable(failure.to_string()))
                }
                Err(failure) => Err(#error::#lost(failure.to_string())),
            }
        }
    })
}

/// The error of a function, and the case that a lost answer becomes.
fn failure(contract: &Contract, function: &Function) -> Result<(TokenStream, Ident)> {
    let error = contract.result(function)?.err;
    let Some(error @ Type::Id(mut id)) = error else { bail!("a result without an error") };
    while let TypeDefKind::Type(Type::Id(aliased)) = contract.resolve.types[id].kind {
        id = aliased;
    }
    let TypeDefKind::Variant(cases) = &contract.resolve.types[id].kind else {
        bail!("the error of `{}` is no variant", function.name);
    };
    let unknown = cases.cases.iter().any(|case| case.name == "unknown-outcome");
    let lost = camel(if unknown { "unknown-outcome" } else { "unavailable" });
    Ok((contract.rust_type(&error)?, format_ident!("{lost}")))
}
