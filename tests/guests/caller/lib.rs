//! The caller of a live link: calls the function that the path names, and says what came.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unused_qualifications)]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        world: "caller",
        path: "links.wit",
    });
}

mod samples;

use bindings::tessera_test::links::{fragile, values};
use http::Uri;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let number = |name: &str| parameter(request.uri(), name).and_then(|n| n.parse().ok());
    match request.uri().path() {
        "/echo" => samples(async |value| values::echo(value).await).await,
        "/echo-sync" => samples(async |value| values::echo_sync(&value)).await,
        "/describe" => described().await,
        "/text" => text(number("length").unwrap_or(0)).await,
        "/numbers" => numbers(number("length").unwrap_or(0)).await,
        "/refuse" => shown(values::refuse("not today".to_owned()).await),
        "/trap" => shown(values::trap().await),
        "/trap-sync" => shown(values::trap_sync()),
        "/fragile" => shown(fragile::trap().await),
        "/sleep" => shown(values::sleep(number("ms").unwrap_or(0) as u64).await),
        "/compute" => shown(values::compute().await),
        "/count" => shown(values::count().await),
        _ => (StatusCode::OK, "caller".to_owned()),
    }
}

type Answer = (StatusCode, String);

fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// What a call came to, in words.
fn shown<T: std::fmt::Debug, E: std::fmt::Debug>(outcome: Result<T, E>) -> Answer {
    match outcome {
        Ok(value) => (StatusCode::OK, format!("{value:?}")),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:?}")),
    }
}

/// Each sample, as it was sent and as it came back.
async fn samples(
    echo: impl AsyncFn(values::Everything) -> Result<values::Everything, values::Error>,
) -> Answer {
    let mut pairs = Vec::new();
    for sample in samples::all() {
        let sent = format!("{sample:?}");
        let received = echo(sample).await.map(|value| format!("{value:?}"));
        pairs.push(serde_json::json!({ "sent": sent, "received": received.unwrap() }));
    }
    (StatusCode::OK, serde_json::json!(pairs).to_string())
}

/// Each sample, as it was sent and as the callee saw it.
async fn described() -> Answer {
    let mut pairs = Vec::new();
    for sample in samples::all() {
        let sent = format!("{sample:?}");
        let received = values::describe(sample).await;
        pairs.push(serde_json::json!({ "sent": sent, "received": received }));
    }
    (StatusCode::OK, serde_json::json!(pairs).to_string())
}

async fn text(length: usize) -> Answer {
    let sent = "ä".repeat(length / 2);
    match values::echo_text(sent.clone()).await {
        Ok(received) => (StatusCode::OK, (received == sent).to_string()),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:?}")),
    }
}

async fn numbers(length: usize) -> Answer {
    let sent: Vec<u32> = (0..length as u32).map(|n| n.wrapping_mul(2_654_435_761)).collect();
    match values::echo_numbers(sent.clone()).await {
        Ok(received) => (StatusCode::OK, (received == sent).to_string()),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:?}")),
    }
}
