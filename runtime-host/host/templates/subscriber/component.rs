//! The component: deliveries of events, and requests for their numbers.

use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::key_value::Store;
use std::error::Error;

type Answer = Result<(StatusCode, String), Box<dyn Error>>;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let answer = match request.uri().path() {
        "/events" => receive(&request).await,
        _ => show().await,
    };
    // An error means that the event is delivered again later.
    answer.unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// Keeps the type of an event, which is a CloudEvent: its attributes are header fields.
async fn receive(event: &Request) -> Answer {
    let attribute = |name: &str| {
        let value = event.headers().get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| format!("the event has no {name}"))
    };
    let key = crate::key(attribute("ce-source")?, attribute("ce-id")?);
    Store::open("{{name}}").await?.set(key, attribute("ce-type")?).await?;
    Ok((StatusCode::NO_CONTENT, String::new()))
}

async fn show() -> Answer {
    let store = Store::open("{{name}}").await?;
    let mut types = Vec::new();
    for key in store.get_keys().await.collect().await? {
        types.push(String::from_utf8(store.get(key).await?.unwrap_or_default())?);
    }
    Ok((StatusCode::OK, crate::summary(&types)))
}
