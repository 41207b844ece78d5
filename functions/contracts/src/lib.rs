//! The two macros that join a component to its contract in `wit/`.
//!
//! [`function!`] makes the bindings of a function and the dispatch of its `/rpc` routes;
//! [`bridge!`] makes a whole bridge component. Both read the WIT themselves, so that the JSON
//! on the wire follows from the contract and is written nowhere by hand. The folder `wit/` is
//! found by walking up from the crate that calls the macro.

mod bindings;
mod bridge;
mod dispatch;
mod source;
mod types;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::LitStr;

/// The bindings of the function whose contract is the package in `wit/<name>`, world
/// `function`, as a module `bindings` with
/// - the imports, as `bindings::shop::catalog::products::get_many(skus).await`;
/// - the exports, as traits: `impl bindings::exports::shop::inventory::stock::Guest for Component`.
///   The calling module defines a type named `Component`; the macro exports it, so no
///   `export!` is to be written;
/// - `bindings::dispatch(interface, function, body)` for `chassis::rpc::router`, if the world
///   exports anything; it calls that `Component`;
/// - `bindings::IdentityKeys`, a `chassis::auth::KeySource` over the contract, if the world
///   imports `shop:identity/keys`;
/// - `bindings::PlatformLimiter`, a `chassis::quota::Limiter` over the contract, if the world
///   imports `tessera:limits/limiter`;
/// - `bindings::PlatformFlags`, `chassis::flags::Flags` over the contract, if the world imports
///   `tessera:flags/evaluation`;
/// - `bindings::IdentityPersons`, a `chassis::sealed::PersonKeys` over the contract, if the world
///   imports `shop:identity/persons`;
/// - `bindings::EventProducer`, a `chassis::events::Producer` over the contract, and conversions
///   between the contract's event and `chassis::events::Event`, if the world imports
///   `tessera:events/producer`; the conversions also if it exports it;
/// - `bindings::store()`, which opens the store with the name of the function;
/// - `bindings::complete(routes, store)`: all routes of the function, which are these, those of its
///   contracts and `/readyz`, with errors as problems. See `chassis::app::router_with_problems`.
///
/// All types of the contract derive `serde::Serialize`, `serde::Deserialize`, `Debug`, `Clone` and
/// `PartialEq`. On other targets than wasm, `bindings` has these types and conversions and nothing
/// else, so that a function without exports can use them in its domain. The calling crate needs `chassis`,
/// `serde` and, on wasm, `spin-sdk`:
///
/// ```ignore
/// contracts::function!("inventory");
///
/// struct Component;
///
/// impl bindings::exports::shop::inventory::stock::Guest for Component { /* … */ }
///
/// chassis::serve!(once router);
///
/// fn router() -> chassis::Result<axum::Router> {
///     let store = bindings::store()?;
///     Ok(bindings::complete(crate::routes::router(store.clone()), store))
/// }
/// ```
#[proc_macro]
pub fn function(input: TokenStream) -> TokenStream {
    let name = syn::parse_macro_input!(input as LitStr);
    expand(&name, bindings::function)
}

/// The whole of a bridge component: it exports every interface of the contract in
/// `wit/<name>` and turns each call into `POST
/// http://<name>.spin.internal/rpc/<interface>/<function>`.
///
/// A call that can't be made or whose response is lost becomes the `unavailable(string)` case of
/// the function's error; a contract without that case does not compile. Where the error also
/// has `unknown-outcome(string)`, a lost response (the callee may have acted) becomes that case.
///
/// ```ignore
/// contracts::bridge!("inventory");
/// ```
#[proc_macro]
pub fn bridge(input: TokenStream) -> TokenStream {
    let name = syn::parse_macro_input!(input as LitStr);
    expand(&name, bridge::bridge)
}

fn expand(
    name: &LitStr,
    make: impl FnOnce(&source::Contract) -> anyhow::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let crate_dir = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let made = source::find_wit(crate_dir.as_ref(), &name.value())
        .and_then(|wit| source::Contract::read(&wit, &name.value()))
        .and_then(|contract| make(&contract));
    match made {
        Ok(tokens) => tokens.into(),
        Err(error) => {
            syn::Error::new(name.span(), format!("{error:#}")).into_compile_error().into()
        }
    }
}
