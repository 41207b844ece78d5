//! Publishes one event for each request, with the time at which it does so.
#![cfg(target_family = "wasm")]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code, unused_qualifications)]

    spin_sdk::wit_bindgen::generate!({
        world: "publisher",
        path: "../../wit/events",
        inline: "
            package bench:publisher;
            world publisher {
                import tessera:events/producer@1.0.0;
            }
        ",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

use bindings::tessera::events::producer::{Error, Event, publish};
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use std::time::{SystemTime, UNIX_EPOCH};

#[http_service]
async fn handle(_: Request) -> impl IntoResponse {
    match publish(vec![event()]).await {
        Ok(()) => (StatusCode::NO_CONTENT, String::new()),
        Err(Error::Invalid(reason)) => (StatusCode::INTERNAL_SERVER_ERROR, reason),
        Err(Error::Unavailable(reason)) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

fn event() -> Event {
    let mut random = [0; 16];
    // Without chance all ids were the same, and the log would say so.
    let _ = getrandom::fill(&mut random);
    let id = format!("{:032x}", u128::from_ne_bytes(random));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Event {
        source: "/bench/publisher".to_owned(),
        type_: "com.bench.tick.v1".to_owned(),
        subject: None,
        time: "2026-01-01T00:00:00Z".to_owned(),
        partition_key: id.clone(),
        sequence: None,
        trace_parent: None,
        data_content_type: "application/json".to_owned(),
        data: now.as_micros().to_string(),
        id,
    }
}
