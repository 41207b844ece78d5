//! A guest of WASI 0.3 that does what the path says: `/echo`, `/loop`, `/trap` and so on.
//!
//! The host's tests build their applications from it. Two parameters let a test hold it in a
//! known state without any clock: `signal=URL` makes it send a request there before anything
//! else, and several actions wait for the answer to `url=URL` where they would be interesting
//! to interrupt.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod bodies;
mod faults;
mod stores;
mod surroundings;

use http::Uri;
use spin_sdk::http::{BoxBody, FullBody, IntoResponse, Request, Response, box_body};
use spin_sdk::http_service;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

type Answer = Response<BoxBody>;

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, spin_sdk::http::Error> {
    if let Some(url) = parameter(request.uri(), "signal") {
        surroundings::fetch(&url).await;
    }
    let uri = request.uri().clone();
    let wanted = |name: &str| parameter(&uri, name).unwrap_or_default();
    Ok(match uri.path() {
        "/echo" => bodies::echo(request),
        "/length" => bodies::length(request).await,
        "/answer" => bodies::answer(&uri),
        "/stream" => bodies::stream(wanted("url")),
        "/endless-stream" => bodies::endless(),
        "/big" => bodies::big(wanted("kib").parse().unwrap_or(0)),
        "/abort-body" => bodies::abort(wanted("url")),
        "/after" => bodies::after(wanted("url"), wanted("key")),
        "/count" => text(count().to_string()),
        "/clock" => text(clock().to_string()),
        "/loop" => faults::compute_for_ever(),
        "/yield-loop" => faults::compute_and_yield_for_ever().await,
        "/memory" => faults::take_memory(wanted("mib").parse().unwrap_or(usize::MAX)),
        "/trap" => faults::trap(),
        "/recurse" => text(faults::recurse(0).to_string()),
        "/never" => futures::future::pending().await,
        "/error-code" => return Err(faults::give_up()),
        "/sleep" => faults::sleep(wanted("ms").parse().unwrap_or(0)).await,
        "/log" => faults::print(wanted("kib").parse().unwrap_or(0)),
        "/kv" => stores::spin(request).await,
        "/wasi-kv" => stores::wasi(request).await,
        "/cas" => {
            let (store, key, value) = (wanted("store"), wanted("key"), wanted("value"));
            stores::compare_and_swap(&store, &key, &value, &wanted("url")).await
        }
        "/increment" => stores::increment(&wanted("store"), &wanted("key")),
        "/outbound" => surroundings::outbound(&wanted("url")).await,
        "/ping-pong" => surroundings::ping_pong(&wanted("between")).await,
        "/call-self" => surroundings::call_self().await,
        "/random" => surroundings::random(wanted("bytes").parse().unwrap_or(0)),
        "/hold-fields" => faults::hold_fields(
            wanted("count").parse().unwrap_or(0),
            wanted("kib").parse().unwrap_or(0),
        ),
        "/hold-requests" => {
            let (count, kib) = (wanted("count"), wanted("kib"));
            let (count, kib) = (count.parse().unwrap_or(0), kib.parse().unwrap_or(0));
            faults::hold_requests(count, kib, &wanted("url")).await
        }
        "/hold-memory" => {
            let answer = faults::take_memory(wanted("mib").parse().unwrap_or(0));
            surroundings::fetch(&wanted("url")).await;
            answer
        }
        "/work" => {
            faults::compute_for(wanted("ms").parse().unwrap_or(0));
            surroundings::outbound(&wanted("url")).await
        }
        "/hold-streams" => faults::hold_streams(wanted("count").parse().unwrap_or(0)),
        "/forward" => surroundings::forward(request).await,
        "/variable" => surroundings::variable(&wanted("name")).await,
        "/variables" => surroundings::variables(&wanted("names")).await,
        "/config" => surroundings::config(&wanted("name")),
        "/env" => surroundings::environment(&wanted("name")),
        "/file" => surroundings::file(&wanted("path")),
        "/write-file" => surroundings::write_file(&wanted("path"), &wanted("text")),
        _ => describe(&request),
    })
}

/// A parameter of the query. Tests use no escapes.
fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

fn text(body: impl Into<bytes::Bytes>) -> Answer {
    Response::new(box_body(FullBody::new(body.into())))
}

fn status(status: u16, body: impl Into<bytes::Bytes>) -> Answer {
    let mut answer = text(body);
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
    answer
}

/// The request as JSON.
fn describe(request: &Request) -> Answer {
    let headers = request.headers().iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
    });
    let json = serde_json::json!({
        "method": request.method().as_str(),
        "uri": request.uri().to_string(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
    });
    text(json.to_string())
}

/// The time of the wall clock, in milliseconds since 1970.
fn clock() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()
}

/// How many requests this instance has counted.
fn count() -> u64 {
    static SERVED: AtomicU64 = AtomicU64::new(0);
    SERVED.fetch_add(1, Ordering::Relaxed) + 1
}
