//! The component: deliveries of events, and requests for the statistics.

use serde::Deserialize;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::key_value::Store;

#[derive(Deserialize)]
struct Order {
    total_cents: u64,
}

type Answer = Result<(StatusCode, String), Box<dyn std::error::Error>>;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let answer = match request.uri().path() {
        "/events" => receive(request).await,
        _ => show().await,
    };
    // An error means that the event is delivered again later.
    answer.unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// An event may be delivered more than once. Its id is the key, so a repetition changes nothing.
async fn receive(event: Request) -> Answer {
    let id = event.headers().get("ce-id").ok_or("the event has no id")?.to_str()?.to_owned();
    let order: Order = serde_json::from_slice(&event.into_body().bytes().await?)?;
    Store::open("statistics").await?.set(id, order.total_cents.to_string()).await?;
    Ok((StatusCode::NO_CONTENT, String::new()))
}

async fn show() -> Answer {
    let store = Store::open("statistics").await?;
    let mut totals = Vec::new();
    for id in store.get_keys().await.collect().await? {
        let total = store.get(id).await?.unwrap_or_default();
        totals.push(String::from_utf8(total)?.parse()?);
    }
    Ok((StatusCode::OK, crate::summary(&totals)))
}
