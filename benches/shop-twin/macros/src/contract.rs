//! A world as native code.

use crate::types::{Names, camel, ident};
use anyhow::{Context, Result, bail};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::path::PathBuf;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Token, braced, bracketed};
use wit_parser::{Function, InterfaceId, Resolve, Type, TypeDefKind, World, WorldItem, WorldKey};

/// The part of wit-bindgen's options that says what to read.
pub(crate) struct Source {
    world: String,
    folders: Vec<PathBuf>,
}

impl Parse for Source {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut source = Self { world: String::new(), folders: Vec::new() };
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
        if option == "world" {
            self.world = input.parse::<LitStr>()?.value();
        } else if option == "path" {
            let list;
            bracketed!(list in input);
            let folders = list.parse_terminated(<LitStr as Parse>::parse, Token![,])?;
            self.folders = folders.iter().map(|folder| folder.value().into()).collect();
        } else {
            input.parse::<syn::Expr>()?;
        }
        Ok(())
    }
}

/// Which side of the world an interface is on.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Import,
    Export,
}

pub(crate) fn generate(source: &Source) -> Result<TokenStream> {
    let mut resolve = Resolve::default();
    let mut package = None;
    for folder in &source.folders {
        package = Some(resolve.push_path(folder)?.0);
    }
    let package = package.context("no contract to read")?;
    let name = source.world.split(['/', '@']).nth(1).unwrap_or_default();
    let world = resolve.packages[package].worlds.get(name);
    let world = &resolve.worlds[*world.with_context(|| format!("no world `{name}`"))?];
    let names = Names { resolve: &resolve, exports: interfaces(world, Side::Export)? };
    let mut modules = Vec::new();
    for interface in interfaces(world, Side::Import)? {
        modules.push(module(&names, interface, Side::Import)?);
    }
    let mut exports = Vec::new();
    for interface in &names.exports {
        exports.push(module(&names, *interface, Side::Export)?);
    }
    let (modules, exports) = (nested(&modules), nested(&exports));
    Ok(quote! {
        #modules
        pub mod exports { #exports }
        // There is nothing to export to: the process serves the functions by itself.
        macro_rules! export { ($component:ident) => {}; }
        use export;
    })
}

fn interfaces(world: &World, side: Side) -> Result<Vec<InterfaceId>> {
    let items = if side == Side::Import { &world.imports } else { &world.exports };
    items
        .iter()
        .map(|(key, item)| match (key, item) {
            (WorldKey::Interface(_), WorldItem::Interface { id, .. }) => Ok(*id),
            _ => bail!("the world `{}` has something that is no interface", world.name),
        })
        .collect()
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

fn module(names: &Names<'_>, interface: InterfaceId, side: Side) -> Result<Module> {
    let depth = if side == Side::Import { 3 } else { 4 };
    let root = (0..depth).map(|_| quote!(super::));
    let root = quote!(#(#root)*);
    let mut items = Vec::new();
    for id in names.resolve.interfaces[interface].types.values() {
        items.push(names.definition(*id, &root)?);
    }
    let functions = names.resolve.interfaces[interface].functions.values();
    let functions: Result<Vec<_>> = functions
        .map(|function| match side {
            Side::Import => client(names, interface, function, &root),
            Side::Export => signature(names, function, &root),
        })
        .collect();
    let functions = functions?;
    let functions = match side {
        Side::Import => quote!(#(#functions)*),
        Side::Export => quote! {
            /// What this process answers.
            #[allow(async_fn_in_trait)]
            pub trait Guest { #(#functions;)* }
        },
    };
    Ok(Module { path: names.path(interface)?, items: quote!(#(#items)* #functions) })
}

fn signature(names: &Names<'_>, function: &Function, root: &TokenStream) -> Result<TokenStream> {
    let name = ident(&function.name);
    let parameters: Result<Vec<_>> = function
        .params
        .iter()
        .map(|param| Ok((ident(&param.name), names.rust_type(&param.ty, root)?)))
        .collect();
    let (parameters, types): (Vec<_>, Vec<_>) = parameters?.into_iter().unzip();
    let result = function.result.as_ref().context("a function without a result")?;
    let result = names.rust_type(result, root)?;
    Ok(quote!(async fn #name(#(#parameters: #types),*) -> #result))
}

/// A function of another process: what a bridge does, in this one.
fn client(
    names: &Names<'_>,
    interface: InterfaceId,
    function: &Function,
    root: &TokenStream,
) -> Result<TokenStream> {
    let signature = signature(names, function, root)?;
    let [_, _, _] = names.path(interface)?;
    let interface = &names.resolve.interfaces[interface];
    let package = interface.package.context("an interface without a package")?;
    let component = &names.resolve.packages[package].name.name;
    let (interface, method) = (interface.name.as_deref().unwrap_or_default(), &function.name);
    let parameters: Result<Vec<_>> = function
        .params
        .iter()
        .map(|param| Ok((ident(&param.name), names.rust_type(&param.ty, root)?)))
        .collect();
    let (parameters, types): (Vec<_>, Vec<_>) = parameters?.into_iter().unzip();
    let (error, lost) = failure(names, function, root)?;
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
fn failure(
    names: &Names<'_>,
    function: &Function,
    root: &TokenStream,
) -> Result<(TokenStream, Ident)> {
    let Some(Type::Id(result)) = function.result else { bail!("a function without a result") };
    let TypeDefKind::Result(result) = &names.resolve.types[result].kind else {
        bail!("`{}` answers no result", function.name);
    };
    let Some(error @ Type::Id(mut id)) = result.err else { bail!("a result without an error") };
    while let TypeDefKind::Type(Type::Id(aliased)) = names.resolve.types[id].kind {
        id = aliased;
    }
    let TypeDefKind::Variant(cases) = &names.resolve.types[id].kind else {
        bail!("the error of `{}` is no variant", function.name);
    };
    let unknown = cases.cases.iter().any(|case| case.name == "unknown-outcome");
    let lost = camel(if unknown { "unknown-outcome" } else { "unavailable" });
    Ok((names.rust_type(&error, root)?, format_ident!("{lost}")))
}
