//! A guest of WASI 0.2: `…/echo`, `…/answer`, `…/kv`, `…/outbound`, `…/random`, and a greeting
//! anywhere else.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        path: "../../runtime-host/host/wit/deps/fermyon-spin@2.0.0",
        inline: "
            package tessera-test:p2;
            world guest { import fermyon:spin/key-value@2.0.0; }
        ",
        generate_all,
    });
}

use bindings::fermyon::spin::key_value::Store;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;

struct Component;

wasip2::http::proxy::export!(Component);

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default()
        };
        match path.rsplit('/').next().unwrap_or_default() {
            "echo" => respond(out, 200, &read(request.consume().unwrap())),
            "answer" => answer(out, parameter("status"), parameter("length")),
            "kv" => {
                let (status, body) = key_value(&request, parameter("key"));
                respond(out, status, &body);
            }
            "outbound" => {
                let (status, body) = outbound(parameter("authority"), parameter("path"));
                respond(out, status, &body);
            }
            "random" => {
                let wanted = parameter("bytes").parse().unwrap_or(0);
                let bytes = wasip2::random::random::get_random_bytes(wanted);
                respond(out, 200, bytes.len().to_string().as_bytes());
            }
            _ => respond(out, 200, b"hello from WASI 0.2"),
        }
    }
}

fn read(body: IncomingBody) -> Vec<u8> {
    let stream = body.stream().unwrap();
    let mut read = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(bytes) => read.extend(bytes),
            Err(StreamError::Closed) => return read,
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn respond(out: ResponseOutparam, status: u16, bytes: &[u8]) {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).unwrap();
    let body = response.body().unwrap();
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().unwrap();
    for chunk in bytes.chunks(4096) {
        stream.blocking_write_and_flush(chunk).unwrap();
    }
    drop(stream);
    OutgoingBody::finish(body, None).unwrap();
}

/// An answer with this status and this `content-length`, if any, and no body.
fn answer(out: ResponseOutparam, status: &str, length: &str) {
    let fields = Fields::new();
    if !length.is_empty() {
        fields.append("content-length", length.as_bytes()).unwrap();
    }
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status.parse().unwrap()).unwrap();
    ResponseOutparam::set(out, Ok(response));
}

/// `PUT` sets, anything else gets.
fn key_value(request: &IncomingRequest, key: &str) -> (u16, Vec<u8>) {
    let done = || {
        let store = Store::open("default")?;
        if matches!(request.method(), Method::Put) {
            store.set(key, &read(request.consume().unwrap()))?;
            return Ok((204, vec![]));
        }
        Ok(store.get(key)?.map_or((404, vec![]), |value| (200, value)))
    };
    done().unwrap_or_else(|error: bindings::fermyon::spin::key_value::Error| {
        (500, format!("{error:?}").into_bytes())
    })
}

fn outbound(authority: &str, path: &str) -> (u16, Vec<u8>) {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some(authority)).unwrap();
    request.set_path_with_query(Some(path)).unwrap();
    let answer = match outgoing_handler::handle(request, None) {
        Ok(answer) => answer,
        Err(error) => return (502, format!("{error:?}").into_bytes()),
    };
    answer.subscribe().block();
    match answer.get().unwrap().unwrap() {
        Ok(response) => (response.status(), read(response.consume().unwrap())),
        Err(error) => (502, format!("{error:?}").into_bytes()),
    }
}
