//! A guest of WASI 0.2: `…/echo`, `…/answer`, `…/fields`, `…/kv`, `…/sqlite`, `…/outbound`, `…/random`,
//! `…/open`, and a greeting anywhere else.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        path: "../../runtime-host/host/wit/deps/fermyon-spin@2.0.0",
        inline: "
            package tessera-test:p2;
            world guest {
                import fermyon:spin/key-value@2.0.0;
                import spin:sqlite/sqlite@3.0.0;
            }
            package spin:sqlite@3.0.0 {
                interface sqlite {
                    resource connection {
                        open: static func(database: string) -> result<connection, error>;
                        changes: func() -> u64;
                    }
                    variant error {
                        no-such-database,
                        access-denied,
                        invalid-connection,
                        database-full,
                        io(string),
                    }
                }
            }
        ",
        generate_all,
    });
}

use bindings::fermyon::spin::key_value::Store;
use bindings::spin::sqlite::sqlite::Connection;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    RequestOptions, ResponseOutparam, Scheme,
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
            "answer" => {
                answer(out, parameter("status"), parameter("length"), parameter("finish"));
            }
            "kv" => {
                let (status, body) = key_value(&request, parameter("key"));
                respond(out, status, &body);
            }
            "sqlite" => {
                let changes = Connection::open("default").map(|it| it.changes());
                respond(out, 200, format!("{changes:?}").as_bytes());
            }
            "outbound" => {
                let (status, body) = outbound(&parameter);
                respond(out, status, &body);
            }
            "random" => {
                let wanted = parameter("bytes").parse().unwrap_or(0);
                let bytes = wasip2::random::random::get_random_bytes(wanted);
                respond(out, 200, bytes.len().to_string().as_bytes());
            }
            "open" => leave_open(out, parameter("length")),
            "fields" => {
                let names = request.headers().entries().into_iter().map(|(name, _)| name);
                respond(out, 200, names.collect::<Vec<_>>().join(" ").as_bytes());
            }
            _ => respond(out, 200, b"hello from WASI 0.2"),
        }
    }
}

fn read(body: IncomingBody) -> Vec<u8> {
    try_read(&body).unwrap()
}

fn try_read(body: &IncomingBody) -> Result<Vec<u8>, String> {
    let stream = body.stream().unwrap();
    let mut read = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(bytes) => read.extend(bytes),
            Err(StreamError::Closed) => return Ok(read),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
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

/// An answer whose body of 6 bytes is never ended, as an SDK leaves it when a handler fails. With a
/// `content-length`, it is dropped before its end.
fn leave_open(out: ResponseOutparam, length: &str) {
    let fields = Fields::new();
    if !length.is_empty() {
        fields.append("content-length", length.as_bytes()).unwrap();
    }
    let response = OutgoingResponse::new(fields);
    response.set_status_code(500).unwrap();
    let body = response.body().unwrap();
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().unwrap();
    stream.blocking_write_and_flush(b"so far").unwrap();
    match length {
        "" => std::mem::forget((stream, body)),
        // An unfinished body that is dropped is aborted.
        _ => drop((stream, body)),
    }
}

/// An answer with this status and this `content-length`, if any, and no body. With `finish`, the
/// body is ended, as SDKs do it, and the guest fails if the host refuses its end.
fn answer(out: ResponseOutparam, status: &str, length: &str, finish: &str) {
    let fields = Fields::new();
    if !length.is_empty() {
        fields.append("content-length", length.as_bytes()).unwrap();
    }
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status.parse().unwrap()).unwrap();
    let body = (!finish.is_empty()).then(|| response.body().unwrap());
    ResponseOutparam::set(out, Ok(response));
    if let Some(body) = body {
        OutgoingBody::finish(body, None).unwrap();
    }
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

/// The answer to a request to `authority` with this `path`. With the `scheme` and timeouts in
/// milliseconds, if they are given.
fn outbound<'a>(parameter: &impl Fn(&str) -> &'a str) -> (u16, Vec<u8>) {
    let request = OutgoingRequest::new(Fields::new());
    let scheme = if parameter("scheme") == "https" { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).unwrap();
    request.set_authority(Some(parameter("authority"))).unwrap();
    request.set_path_with_query(Some(parameter("path"))).unwrap();
    let options = RequestOptions::new();
    let timeout = |name| parameter(name).parse::<u64>().ok().map(|ms| ms * 1_000_000);
    options.set_connect_timeout(timeout("connect_ms")).unwrap();
    options.set_first_byte_timeout(timeout("first_byte_ms")).unwrap();
    options.set_between_bytes_timeout(timeout("between_bytes_ms")).unwrap();
    let answer = match outgoing_handler::handle(request, Some(options)) {
        Ok(answer) => answer,
        Err(error) => return (502, format!("{error:?}").into_bytes()),
    };
    answer.subscribe().block();
    match answer.get().unwrap().unwrap() {
        Ok(response) => match try_read(&response.consume().unwrap()) {
            Ok(body) => (response.status(), body),
            Err(error) => (502, format!("the body broke: {error}").into_bytes()),
        },
        Err(error) => (502, format!("{error:?}").into_bytes()),
    }
}
