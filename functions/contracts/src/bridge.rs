//! `bridge!`: a component that exports a contract and calls it over HTTP.

use crate::bindings::generate;
use crate::source::Contract;
use crate::types::{camel, ident};
use anyhow::{Context, Result};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use wit_parser::{Function, InterfaceId, Type, TypeDefKind};

pub(crate) fn bridge(contract: &Contract) -> Result<TokenStream> {
    let world = world(contract)?;
    let generate = generate(contract, &quote!(inline: #world))?;
    let mut implementations = Vec::new();
    for interface in contract.exports()? {
        implementations.push(implementation(contract, interface)?);
    }
    Ok(quote! {
        #[cfg(target_family = "wasm")]
        #[allow(warnings, unsafe_code, clippy::all, clippy::pedantic)]
        mod bindings {
            #generate
            struct Bridge;
            export!(Bridge);
            #(#implementations)*
        }
    })
}

/// A world of its own: the bridge exports what the function exports and imports nothing of it.
fn world(contract: &Contract) -> Result<String> {
    let mut world = String::from("package tessera:bridge;\nworld bridge {\n");
    for interface in contract.exports()? {
        let name = contract.resolve.id_of(interface).context("an interface without a name")?;
        world.push_str(&format!("    export {name};\n"));
    }
    world.push('}');
    Ok(world)
}

fn implementation(contract: &Contract, interface: InterfaceId) -> Result<TokenStream> {
    let module = contract.module(interface)?;
    let mut methods = Vec::new();
    for function in contract.resolve.interfaces[interface].functions.values() {
        methods.push(method(contract, interface, function)?);
    }
    Ok(quote! {
        impl #module::Guest for Bridge { #(#methods)* }
    })
}

fn method(contract: &Contract, interface: InterfaceId, function: &Function) -> Result<TokenStream> {
    let result = contract.result(function)?;
    let ok = match &result.ok {
        Some(kind) => contract.rust_type(kind)?,
        None => quote!(()),
    };
    let failure = Failure::of(contract, function, result.err.as_ref())?;
    let (error, not_sent, lost) = (&failure.error, &failure.not_sent, &failure.lost);
    let component = &contract.name;
    let interface_name = contract.resolve.interfaces[interface].name.as_deref().unwrap_or_default();
    // The URL is one literal in the component's bytes, so tools can see which component a bridge
    // calls.
    let url = format!("http://{component}.spin.internal/rpc/{interface_name}/{}", function.name);
    let method = ident(&function.name);
    let (names, types): (Vec<_>, Vec<_>) = contract.parameters(function)?.into_iter().unzip();
    Ok(quote! {
        async fn #method(#(#names: #types),*) -> ::core::result::Result<#ok, #error> {
            #[derive(::serde::Serialize)]
            struct Arguments { #(#names: #types,)* }
            let arguments = Arguments { #(#names),* };
            let response = ::chassis::rpc::call::<_, #ok, #error>(
                #component, #url, &arguments,
            );
            match response.await {
                Ok(result) => result,
                Err(failure @ ::chassis::rpc::CallError::NotSent { .. }) => {
                    Err(#error::#not_sent(::std::string::ToString::to_string(&failure)))
                }
                Err(failure @ ::chassis::rpc::CallError::Lost { .. }) => {
                    Err(#error::#lost(::std::string::ToString::to_string(&failure)))
                }
            }
        }
    })
}

/// The cases of a function's error that a failed call becomes.
pub(crate) struct Failure {
    error: TokenStream,
    pub(crate) not_sent: syn::Ident,
    pub(crate) lost: syn::Ident,
}

impl Failure {
    pub(crate) fn of(
        contract: &Contract,
        function: &Function,
        error: Option<&Type>,
    ) -> Result<Failure> {
        let needed = || {
            format!(
                "`{}` of `{}` needs an error variant with a case `unavailable(string)`: \
                 a bridge returns it when the component can't be reached",
                function.name, contract.name
            )
        };
        let error = error.with_context(needed)?;
        let cases = string_cases(contract, error);
        let has = |name: &str| cases.iter().any(|case| case == name);
        has("unavailable").then_some(()).with_context(needed)?;
        let lost = if has("unknown-outcome") { "unknown-outcome" } else { "unavailable" };
        Ok(Failure {
            error: contract.rust_type(error)?,
            not_sent: format_ident!("Unavailable"),
            lost: format_ident!("{}", camel(lost)),
        })
    }
}

/// The names of the cases that hold one string.
fn string_cases(contract: &Contract, error: &Type) -> Vec<String> {
    let Type::Id(id) = error else { return Vec::new() };
    match &contract.resolve.types[*id].kind {
        TypeDefKind::Type(aliased) => string_cases(contract, aliased),
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().filter(|case| case.ty == Some(Type::String));
            cases.map(|case| case.name.clone()).collect()
        }
        _ => Vec::new(),
    }
}
