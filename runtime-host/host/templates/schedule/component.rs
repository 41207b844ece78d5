//! The component: the scheduled call, and requests for the number of runs.

use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::key_value::Store;
use std::error::Error;

type Answer = Result<(StatusCode, String), Box<dyn Error>>;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let answer = match request.uri().path() {
        "/run" => run().await,
        _ => show().await,
    };
    answer.unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// One run. Its work belongs here.
async fn run() -> Answer {
    let store = Store::open("{{name}}").await?;
    let count = crate::next(store.get("runs").await?.as_deref())?;
    store.set("runs", count.to_string()).await?;
    Ok((StatusCode::NO_CONTENT, String::new()))
}

async fn show() -> Answer {
    let count = Store::open("{{name}}").await?.get("runs").await?.unwrap_or_else(|| b"0".to_vec());
    Ok((StatusCode::OK, format!("{} runs\n", String::from_utf8(count)?)))
}
