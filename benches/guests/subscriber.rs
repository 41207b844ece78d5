//! Takes events and notes how long each was under way, in microseconds: `GET /latencies` lists
//! them, a line each.
#![cfg(target_family = "wasm")]

use http_body_util::BodyExt as _;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::key_value::Store;
use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    // First of all: everything after this is no longer the delivery's time.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let done = match request.uri().path() {
        "/latencies" => latencies().await,
        _ => note(request, now).await,
    };
    match done {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn note(event: Request, now: u128) -> Result<String, Box<dyn Error>> {
    let id = event.headers().get("ce-id").ok_or("no id")?.to_str()?.to_owned();
    let published = event.into_body().collect().await.map_err(|_| "no body")?.to_bytes();
    let published: u128 = std::str::from_utf8(&published)?.parse()?;
    let store = Store::open("subscriber").await?;
    // A delivery that is repeated counts as it came first.
    if !store.exists(&id).await? {
        store.set(&id, now.saturating_sub(published).to_string()).await?;
    }
    Ok(String::new())
}

async fn latencies() -> Result<String, Box<dyn Error>> {
    let store = Store::open("subscriber").await?;
    let mut lines = String::new();
    for key in store.get_keys().await.collect().await? {
        let value = store.get(key).await?.unwrap_or_default();
        lines.push_str(std::str::from_utf8(&value)?);
        lines.push('\n');
    }
    Ok(lines)
}
