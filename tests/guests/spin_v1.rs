//! A component of Spin 1. It sends each request on to the URL in `x-to`, with the header fields whose
//! names begin with `to-`, and answers with what it gets. `x-saw` has the names of all fields that
//! it got itself.
#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "generated bindings")]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        path: "../../runtime-host/host/wit/spin-v1",
        inline: "
            package tessera-test:spin1;
            world guest {
                import fermyon:spin/http;
                export fermyon:spin/inbound-http;
            }
        ",
        generate_all,
    });

    export!(Component with_types_in self);

    use super::Component;
}

use bindings::exports::fermyon::spin::inbound_http::{Guest, Request, Response};
use bindings::fermyon::spin::http::send_request;

struct Component;

impl Guest for Component {
    fn handle_request(request: Request) -> Response {
        let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        let saw = ("x-saw".to_owned(), names.join(" "));
        let to = request.headers.iter().find(|(name, _)| name == "x-to");
        let uri = to.map(|(_, url)| url.clone()).unwrap_or_default();
        let own = |(name, value): (String, String)| Some((name.strip_prefix("to-")?.into(), value));
        let headers = request.headers.into_iter().filter_map(own).collect();
        match send_request(&Request { headers, uri, ..request }) {
            Ok(mut response) => {
                response.headers.get_or_insert_default().push(saw);
                response
            }
            Err(error) => Response {
                status: 502,
                headers: Some(vec![saw]),
                body: Some(error.name().as_bytes().to_vec()),
            },
        }
    }
}
