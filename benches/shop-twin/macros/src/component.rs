//! The handler of a component as the entry of a process.

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit::Visit;
use syn::{Expr, ExprCall, ItemFn};

/// Finds the router that the handler serves: the first argument of `serve(…, request)`.
#[derive(Default)]
struct Served {
    router: Option<Expr>,
}

impl<'ast> Visit<'ast> for Served {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let serves = matches!(&*call.func, Expr::Path(path) if path.path.is_ident("serve"));
        if self.router.is_none() && serves {
            self.router = call.args.first().cloned();
        }
        syn::visit::visit_expr_call(self, call);
    }
}

pub(crate) fn expand(handler: &ItemFn) -> TokenStream {
    let mut served = Served::default();
    // What a handler chooses for each request is left to it.
    if handler.block.stmts.len() == 1 {
        served.visit_item_fn(handler);
    }
    let name = &handler.sig.ident;
    let router = match served.router {
        Some(router) => quote!(#router),
        None => quote!(Ok(::spin_sdk::http::router_of(|request| async move {
            ::spin_sdk::http::IntoResponse::into_response(#name(request).await)
        }))),
    };
    quote! {
        #[allow(dead_code)]
        #handler

        /// The routes of this function, for a process to serve.
        pub(crate) async fn app() -> ::chassis::Result<::spin_sdk::http::Router> {
            #router
        }
    }
}
