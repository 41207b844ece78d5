//! Reads the key that the path names and writes it anew: a get and a durable set of 1 KB.
#![cfg(target_family = "wasm")]

use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::key_value::{Error, Store};

const VALUE_BYTES: usize = 1024;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    match renew(request.uri().path()).await {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// The new value counts up from the old one, so that the read can't be left out.
async fn renew(key: &str) -> Result<(), Error> {
    let store = Store::open("key-value").await?;
    let old = store.get(key).await?;
    let count = old.and_then(|value| value.first().copied()).unwrap_or(0);
    store.set(key, vec![count.wrapping_add(1); VALUE_BYTES]).await
}
