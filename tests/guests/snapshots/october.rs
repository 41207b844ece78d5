//! A guest of WASI as it was in October 2023, beside the release that Rust's standard library uses.
//! It answers with the body of the request, and with what it sees as a header field; or with the
//! datagrams that a server answers.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "generated bindings")]

mod datagrams;

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({ path: "snapshots/october.wit", generate_all });

    export!(Component with_types_in self);

    use super::Component;
}

use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::wasi::cli::environment::get_environment;
use bindings::wasi::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use bindings::wasi::io::poll::poll_one;

/// More than any body of the tests.
const BODY_MAX_BYTES: u64 = 1 << 20;

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
        let headers = Fields::new(&[("x-seen".to_owned(), seen.into_bytes())]);
        let path = request.path_with_query().unwrap_or_default();
        let answered = datagrams::exchange(&path);
        let status = if matches!(answered, Some(Err(_))) { 502 } else { 200 };
        let response = OutgoingResponse::new(status, &headers);
        let body = response.write().unwrap();
        ResponseOutparam::set(out, Ok(response));
        if let Some(answered) = answered {
            return write(body, &answered.unwrap_or_else(|error| format!("{error:?}")));
        }
        let input = request.consume().unwrap();
        let (from, to) = (input.stream().unwrap(), body.write().unwrap());
        poll_one(&from.subscribe());
        to.blocking_splice(from, BODY_MAX_BYTES).unwrap();
        drop(to);
        OutgoingBody::finish(body, None);
    }
}

fn write(body: OutgoingBody, text: &str) {
    let stream = body.write().unwrap();
    stream.blocking_write_and_flush(text.as_bytes()).unwrap();
    drop(stream);
    OutgoingBody::finish(body, None);
}
