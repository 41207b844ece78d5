//! A guest of WASI 0.2 with an import that no host has. `/call` calls it.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used)]
#![allow(unsafe_code, reason = "generated bindings")]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        inline: "
            package spin:teleport@1.0.0;
            interface beam { go: func() -> string; }
            world guest { import beam; }
        ",
        generate_all,
    });
}

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Component;

wasip2::http::proxy::export!(Component);

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        if request.path_with_query().as_deref() == Some("/call") {
            bindings::spin::teleport::beam::go();
        }
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        OutgoingBody::finish(body, None).unwrap();
    }
}
