//! The dispatch of `/rpc/<interface>/<function>` to the exported functions.

use crate::source::Contract;
use crate::types::ident;
use anyhow::Result;
use proc_macro2::TokenStream;
use quote::quote;
use wit_parser::{Function, InterfaceId};

pub(crate) fn dispatch(contract: &Contract) -> Result<TokenStream> {
    let exports = contract.exports()?;
    if exports.is_empty() {
        return Ok(quote!());
    }
    let mut arms = Vec::new();
    for interface in exports {
        for function in contract.resolve.interfaces[interface].functions.values() {
            arms.push(arm(contract, interface, function)?);
        }
    }
    Ok(quote! {
        /// Call an exported function with the JSON of its arguments: the handler of `/rpc`.
        pub async fn dispatch(
            interface: ::std::string::String,
            function: ::std::string::String,
            body: ::chassis::rpc::Bytes,
        ) -> ::chassis::rpc::Response {
            match (interface.as_str(), function.as_str()) {
                #(#arms)*
                _ => ::chassis::rpc::unknown(&interface, &function),
            }
        }
    })
}

fn arm(contract: &Contract, interface: InterfaceId, function: &Function) -> Result<TokenStream> {
    contract.result(function)?;
    let interface_name = contract.resolve.interfaces[interface].name.as_deref().unwrap_or_default();
    let (function_name, method) = (&function.name, ident(&function.name));
    let module = contract.module(interface)?;
    let parameters = contract.parameters(function)?;
    let (names, types): (Vec<_>, Vec<_>) = parameters.into_iter().unzip();
    Ok(quote! {
        (#interface_name, #function_name) => {
            #[derive(::serde::Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Arguments { #(#names: #types,)* }
            match ::chassis::rpc::arguments::<Arguments>(&body) {
                Err(problem) => ::chassis::rpc::refused(problem),
                Ok(arguments) => ::chassis::rpc::respond(
                    <Component as #module::Guest>::#method(#(arguments.#names),*).await,
                ),
            }
        }
    })
}
