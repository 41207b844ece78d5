//! A guest of WASI as it was in March 2026, beside two releases: its own import, and those of
//! Rust's standard library. It answers with the body of the request, and with what it sees as a
//! header field.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "generated bindings")]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({ path: "snapshots/march.wit", generate_all });

    export!(Component with_types_in self);

    use super::Component;
}

use bindings::exports::wasi::http::handler::Guest;
use bindings::wasi::cli0_3_0::environment as release;
use bindings::wasi::cli0_3_0_rc_2026_03_15::environment as snapshot;
use bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use bindings::wit_future;

struct Component;

impl Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let sent = request.get_headers().get("x-sent").concat();
        let seen = format!(
            "{} {} {}",
            String::from_utf8_lossy(&sent),
            place(snapshot::get_environment()),
            place(release::get_environment()),
        );
        let headers = Fields::from_list(&[("x-seen".to_owned(), seen.into_bytes())]).unwrap();
        let (_, read) = wit_future::new(|| Ok(()));
        let (body, trailers) = Request::consume_body(request, read);
        Ok(Response::new(headers, Some(body), trailers).0)
    }
}

fn place(variables: Vec<(String, String)>) -> String {
    variables.into_iter().find(|(name, _)| name == "PLACE").unwrap().1
}
