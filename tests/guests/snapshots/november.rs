//! A guest of WASI as it was in November 2023, beside the release that Rust's standard library
//! uses. It answers with the body of the request, and with what it sees as a header field.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "generated bindings")]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({ path: "snapshots/november.wit", generate_all });

    export!(Component with_types_in self);

    use super::Component;
}

use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::wasi::cli::environment::get_environment;
use bindings::wasi::http::types::{
    Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use bindings::wasi::io::streams::StreamError;

struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let sent = request.headers().get("x-sent").concat();
        let seen = format!(
            "{} {} {}",
            String::from_utf8_lossy(&sent),
            get_environment().into_iter().find(|(name, _)| name == "PLACE").unwrap().1,
            std::env::var("PLACE").unwrap(),
        );
        let headers = Fields::from_list(&[("x-seen".to_owned(), seen.into_bytes())]).unwrap();
        let response = OutgoingResponse::new(headers);
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        for chunk in read(request.consume().unwrap()).chunks(4096) {
            stream.blocking_write_and_flush(chunk).unwrap();
        }
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}

/// The whole body, which has no trailers.
fn read(body: IncomingBody) -> Vec<u8> {
    let stream = body.stream().unwrap();
    let mut read = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(bytes) => read.extend(bytes),
            Err(StreamError::Closed) => break,
            Err(error) => panic!("{error:?}"),
        }
    }
    drop(stream);
    let trailers = IncomingBody::finish(body);
    trailers.subscribe().block();
    assert!(trailers.get().unwrap().unwrap().is_none());
    read
}
