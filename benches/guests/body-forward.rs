//! The request's body as the answer, handed on: its bytes never enter the function.
#![cfg(target_family = "wasm")]

use spin_sdk::wasip3;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_future;

struct Forward;

wasip3::http::service::export!(Forward);

impl Guest for Forward {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        // What becomes of the body is for its reader to say.
        let (_, outcome) = wit_future::new(|| Ok(()));
        let (body, trailers) = Request::consume_body(request, outcome);
        let (response, _) = Response::new(Fields::new(), Some(body), trailers);
        Ok(response)
    }
}
