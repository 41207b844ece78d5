//! What the adapters of the functions expand to in a native process: the same names as on
//! WebAssembly, with HTTP and JSON behind them.

mod component;
mod contract;
mod definitions;
// The names and types of contracts are those of the components.
#[allow(dead_code, reason = "the macros of the components need more of it")]
#[path = "../../../../functions/contracts/src/source.rs"]
mod source;
#[allow(dead_code, reason = "the macros of the components need more of it")]
#[path = "../../../../functions/contracts/src/types.rs"]
mod types;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// In place of wit-bindgen's macro: the types of a world, its exports as traits, its imports as
/// functions that `POST` JSON to `/rpc/<interface>/<function>` of the process that has them.
#[proc_macro]
pub fn generate(input: TokenStream) -> TokenStream {
    let source = parse_macro_input!(input as contract::Source);
    match contract::generate(&source) {
        Ok(tokens) => tokens.into(),
        Err(error) => {
            let text = format!("{error:#}");
            quote::quote!(compile_error!(#text);).into()
        }
    }
}

/// In place of the SDK's attribute: the handler as it is, and `app`, the router behind it, which
/// a native process makes once rather than for each request.
#[proc_macro_attribute]
pub fn http_service(_: TokenStream, item: TokenStream) -> TokenStream {
    let handler = parse_macro_input!(item as syn::ItemFn);
    component::expand(&handler).into()
}
