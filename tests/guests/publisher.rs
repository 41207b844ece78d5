//! Publishes the events that it is sent, and looks at the log: both contracts of
//! `tessera:events`, with the answers as JSON.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unused_qualifications)]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        world: "publisher",
        path: "../../wit/events",
        inline: "
            package tessera-test:events;
            world publisher {
                import tessera:events/producer@1.0.0;
                import tessera:events/log@1.0.0;
            }
        ",
        additional_derives: [serde::Serialize],
        generate_all,
    });
}

use bindings::tessera::events::log;
use bindings::tessera::events::producer::{self, Error, Event};
use http::Uri;
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::Value;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;

type Answer = (StatusCode, String);

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let uri = parts.uri;
    let text = |name: &str| parameter(&uri, name);
    let number = |name: &str| text(name).and_then(|n| n.parse().ok()).unwrap_or(0_u64);
    let limit = number("limit") as u32;
    match uri.path() {
        "/publish" => publish(&body.collect().await.unwrap().to_bytes()).await,
        "/read" => shown(log::read(number("after"), limit).await),
        "/subscriptions" => shown(log::subscriptions().await),
        "/dead-letters" => shown(log::dead_letters(text("after"), limit).await),
        "/replay" => shown(log::replay(text("id").unwrap()).await),
        "/replay-range" => {
            let group = text("group").unwrap();
            shown(log::replay_range(group, number("from"), number("until")).await)
        }
        _ => (StatusCode::NOT_FOUND, String::new()),
    }
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// The events of a JSON array.
async fn publish(body: &[u8]) -> Answer {
    let events: Vec<Value> = serde_json::from_slice(body).unwrap();
    match producer::publish(events.iter().map(event).collect()).await {
        Ok(()) => (StatusCode::NO_CONTENT, String::new()),
        Err(Error::Invalid(detail)) => (StatusCode::BAD_REQUEST, detail),
        Err(Error::Unavailable(detail)) => (StatusCode::SERVICE_UNAVAILABLE, detail),
    }
}

fn event(json: &Value) -> Event {
    let optional = |name: &str| json[name].as_str().map(str::to_owned);
    let text = |name: &str| optional(name).unwrap_or_default();
    Event {
        id: text("id"),
        source: text("source"),
        type_: text("type"),
        subject: optional("subject"),
        time: text("time"),
        partition_key: text("partition_key"),
        sequence: json["sequence"].as_u64(),
        trace_parent: optional("trace_parent"),
        data_content_type: "application/json".to_owned(),
        data: json["data"].to_string(),
    }
}

fn shown<T: Serialize, E: std::fmt::Debug>(outcome: Result<T, E>) -> Answer {
    match outcome {
        Ok(value) => (StatusCode::OK, serde_json::to_string(&value).unwrap()),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:?}")),
    }
}
