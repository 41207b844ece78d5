//! A guest of WASI 0.3 that uses Redis by the SDK of Spin 4, and handles messages.
//!
//! `/typed` calls all functions with a type, `/execute` any commands, `/open` opens connections. A
//! message is a URL, which is requested; the message is handled if the status is below 400.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "the macro of the SDK for messages generates it")]

use bytes::Bytes;
use http::Uri;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::redis::{Connection, Error, RedisParameter};
use spin_sdk::{http_service, redis_subscriber};

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, spin_sdk::http::Error> {
    let uri = request.uri().clone();
    let wanted = |name: &str| parameter(&uri, name).unwrap_or_default();
    let address = wanted("address");
    Ok(match uri.path() {
        "/typed" => typed(&address).await.map_or_else(failed, |value| value.to_string()),
        "/execute" => {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let commands: Vec<Vec<Value>> = serde_json::from_slice(&body).unwrap();
            execute(&address, &commands).await.map_or_else(failed, |value| value.to_string())
        }
        "/open" => open(&address, wanted("count").parse().unwrap()).await,
        _ => "hello".to_owned(),
    })
}

#[redis_subscriber]
async fn on_message(message: Bytes) -> anyhow::Result<()> {
    let url = std::str::from_utf8(&message)?;
    let response = spin_sdk::http::get(url).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    anyhow::ensure!(response.status().as_u16() < 400, "it was refused");
    Ok(())
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

fn failed(error: Error) -> String {
    format!("{error:?}")
}

async fn typed(address: &str) -> Result<Value, Error> {
    let redis = Connection::open(address).await?;
    let absent = redis.get("typed").await?;
    redis.set("typed", "value").await?;
    let value = redis.get("typed").await?.map(|bytes| String::from_utf8(bytes).unwrap());
    redis.publish("typed", "message").await?;
    let counted = (redis.incr("typed-n").await?, redis.incr("typed-n").await?);
    let added = redis.sadd("typed-set", &["a", "b"]).await?;
    let removed = redis.srem("typed-set", &["b", "c"]).await?;
    let members = redis.smembers("typed-set").await?;
    let deleted = redis.del(&["typed", "typed-n", "typed-set", "typed-none"]).await?;
    Ok(json!([absent, value, counted, added, removed, members, deleted]))
}

async fn execute(address: &str, commands: &[Vec<Value>]) -> Result<Value, Error> {
    let redis = Connection::open(address).await?;
    let mut replies = Vec::new();
    for command in commands {
        let parameters = command[1..].iter().map(|value| match value.as_i64() {
            Some(number) => RedisParameter::Int64(number),
            None => RedisParameter::Binary(value.as_str().unwrap().as_bytes().to_vec()),
        });
        let parameters: Vec<_> = parameters.collect();
        let reply = redis.execute(command[0].as_str().unwrap(), parameters).await;
        replies.push(match reply {
            Ok(elements) => json!(elements.iter().map(shown).collect::<Vec<_>>()),
            Err(error) => json!(failed(error)),
        });
    }
    Ok(json!(replies))
}

fn shown(element: &spin_sdk::redis::RedisResult) -> Value {
    use spin_sdk::redis::RedisResult;
    match element {
        RedisResult::Nil => Value::Null,
        RedisResult::Status(text) => json!({ "status": text }),
        RedisResult::Int64(number) => json!(number),
        RedisResult::Binary(bytes) => json!(String::from_utf8_lossy(bytes)),
    }
}

async fn open(address: &str, count: usize) -> String {
    let mut all = Vec::new();
    for _ in 0..count {
        match Connection::open(address).await {
            Ok(connection) => all.push(connection),
            Err(error) => return format!("{} {error:?}", all.len()),
        }
    }
    all.len().to_string()
}
