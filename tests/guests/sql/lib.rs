//! A guest that runs SQL: `POST /<interface>` with an address and steps, which run one after the
//! other on one connection. The answer has what each step has returned, with the values as they are
//! printed by `Debug`.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code, reason = "generated bindings")]

mod mysql;
mod older;
mod postgres;

use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use spin_sdk::http::{FullBody, IntoResponse, Request, Response};
use spin_sdk::http_service;
use std::fmt::Debug;

/// What to do.
#[derive(Deserialize)]
struct Work {
    address: String,
    ca_root: Option<String>,
    steps: Vec<Step>,
}

/// One statement.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "kebab-case")]
struct Step {
    execute: Option<String>,
    query: Option<String>,
    /// How many rows to read. Without it, all.
    take: Option<usize>,
    /// Where to send a request once rows have come, before more of them are read.
    then: Option<String>,
    #[serde(default)]
    parameters: Vec<Value>,
}

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse, spin_sdk::http::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let work: Work = serde_json::from_slice(&body).unwrap();
    let done = match parts.uri.path() {
        "/pg4" => postgres::run(work).await,
        "/pg4-sync" => postgres::run_sync(work),
        "/pg3" => older::pg3::run(work),
        "/pg2" => older::pg2::run(work),
        "/pg1" => older::pg1::run(work),
        "/mysql3" => mysql::run(work).await,
        "/mysql2" => older::mysql2::run(work),
        "/mysql1" => older::mysql1::run(work),
        other => panic!("no interface: {other}"),
    };
    Ok(Response::new(FullBody::new(bytes::Bytes::from(json!(done).to_string()))))
}

fn error(error: impl Debug) -> Value {
    json!({ "error": format!("{error:?}") })
}

fn changed(changed: impl serde::Serialize) -> Value {
    json!({ "changed": changed })
}

fn column(name: &str, data_type: impl Debug) -> String {
    format!("{name}: {data_type:?}").replace("DbDataType::", "")
}

fn values<T: Debug>(row: &[T]) -> Vec<String> {
    row.iter().map(|value| format!("{value:?}").replace("DbValue::", "")).collect()
}

fn rows(columns: Vec<String>, rows: Vec<Vec<String>>) -> Value {
    json!({ "columns": columns, "rows": rows })
}

/// Sends a request and waits for the answer.
async fn fetch(url: &str) {
    let _ = spin_sdk::http::get(url).await;
}

/// A value of a parameter from `{"<type>": <value>}`, or `null`.
macro_rules! parameters {
    ($type:ident { $($name:literal => $case:ident),* $(,)? }) => {
        fn parameters(all: &[serde_json::Value]) -> Vec<$type> {
            all.iter().map(parameter).collect()
        }

        fn parameter(json: &serde_json::Value) -> $type {
            let Some((name, value)) = json.as_object().and_then(|json| json.iter().next()) else {
                return $type::DbNull;
            };
            let value = value.clone();
            match name.as_str() {
                $($name => $type::$case(serde_json::from_value(value).unwrap()),)*
                other => other_parameter(other, value),
            }
        }
    };
}
use parameters;
