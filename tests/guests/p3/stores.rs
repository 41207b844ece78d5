//! Key-value stores: `spin:key-value@3` and `wasi:keyvalue`.
//!
//! `/kv` and `/wasi-kv` take `store` and `key`: `GET`, `PUT`, `DELETE`, `POST` (exists), and
//! `GET` without a key for all keys.

use super::{Answer, parameter, status, surroundings, text};
use http::Method;
use http_body_util::BodyExt;
use spin_sdk::experimental::wasi::keyvalue::{atomics, store};
use spin_sdk::http::Request;
use spin_sdk::key_value::Store;

struct Operation {
    method: Method,
    store: String,
    key: Option<String>,
    value: Vec<u8>,
}

async fn read(request: Request) -> Operation {
    let (parts, body) = request.into_parts();
    Operation {
        method: parts.method,
        store: parameter(&parts.uri, "store").unwrap_or_else(|| "default".to_owned()),
        key: parameter(&parts.uri, "key"),
        value: body.collect().await.unwrap().to_bytes().to_vec(),
    }
}

pub(crate) async fn spin(request: Request) -> Answer {
    let operation = read(request).await;
    let done = async {
        let store = Store::open(&operation.store).await?;
        let Some(key) = operation.key else {
            let keys = store.get_keys().await.collect().await?;
            return Ok(text(serde_json::json!(keys).to_string()));
        };
        Ok(match operation.method {
            Method::PUT => store.set(key, operation.value).await.map(|()| status(204, ""))?,
            Method::DELETE => store.delete(key).await.map(|()| status(204, ""))?,
            Method::POST => text(store.exists(key).await?.to_string()),
            _ => found(store.get(key).await?),
        })
    };
    let done: Result<Answer, spin_sdk::key_value::Error> = done.await;
    done.unwrap_or_else(|error| status(500, format!("{error:?}")))
}

pub(crate) async fn wasi(request: Request) -> Answer {
    let operation = read(request).await;
    let done = || {
        let bucket = store::open(&operation.store)?;
        let Some(key) = &operation.key else {
            let keys = bucket.list_keys(None)?.keys;
            return Ok(text(serde_json::json!(keys).to_string()));
        };
        Ok(match operation.method {
            Method::PUT => bucket.set(key, &operation.value).map(|()| status(204, ""))?,
            Method::DELETE => bucket.delete(key).map(|()| status(204, ""))?,
            Method::POST => text(bucket.exists(key)?.to_string()),
            _ => found(bucket.get(key)?),
        })
    };
    let done: Result<Answer, store::Error> = done();
    done.unwrap_or_else(|error| status(500, format!("{error:?}")))
}

fn found(value: Option<Vec<u8>>) -> Answer {
    value.map_or_else(|| status(404, ""), text)
}

/// One try to add `value` to what is there: 200 for the winner, 409 for a loser.
///
/// Between reading and writing it waits for the answer to `url`, if there is one.
pub(crate) async fn compare_and_swap(store: &str, key: &str, value: &str, url: &str) -> Answer {
    let bucket = store::open(store).unwrap();
    let cas = atomics::Cas::new(&bucket, key).unwrap();
    if !url.is_empty() {
        surroundings::fetch(url).await;
    }
    let before = cas.current().unwrap().unwrap_or_default();
    let after = format!("{}{value};", String::from_utf8(before).unwrap());
    match atomics::swap(cas, after.as_bytes()) {
        Ok(()) => text("won"),
        Err(atomics::CasError::CasFailed(_)) => status(409, "lost"),
        Err(atomics::CasError::StoreError(error)) => status(500, format!("{error:?}")),
    }
}

pub(crate) fn increment(store: &str, key: &str) -> Answer {
    let bucket = store::open(store).unwrap();
    text(atomics::increment(&bucket, key, 1).unwrap().to_string())
}

pub(crate) async fn set(store: &str, key: &str, value: &str) {
    Store::open(store).await.unwrap().set(key, value).await.unwrap();
}
