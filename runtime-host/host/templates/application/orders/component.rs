//! The component: HTTP requests, the store, and the contract of `prices`.

use self::{{namespace_crate}}::prices::prices::{Error, total};
use serde::{Deserialize, Serialize};
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{IntoResponse, Method, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::key_value::Store;

wit_bindgen::generate!({
    world: "{{namespace}}:orders/service@1.0.0",
    path: ["../../wit/prices", "../../wit/events", "../../wit/orders"],
    generate_all,
});

pub(crate) use self::tessera::events::producer;

#[derive(Serialize, Deserialize)]
struct Order {
    product: String,
    quantity: u32,
    #[serde(default)]
    total_cents: u64,
}

type Answer = Result<(StatusCode, String), Box<dyn std::error::Error>>;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let Some(id) = crate::id(request.uri().path()).map(str::to_owned) else {
        return (StatusCode::NOT_FOUND, "there is no such page\n".to_owned());
    };
    let answer = match request.method() {
        &Method::PUT => place(&id, request).await,
        &Method::GET => show(&id).await,
        _ => Ok((StatusCode::METHOD_NOT_ALLOWED, String::new())),
    };
    answer.unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

async fn place(id: &str, request: Request) -> Answer {
    let body = request.into_body().bytes().await?;
    let Ok(mut order) = serde_json::from_slice::<Order>(&body) else {
        return Ok((StatusCode::BAD_REQUEST, "this is not an order\n".to_owned()));
    };
    if let Err(reason) = crate::check(order.quantity) {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    order.total_cents = match total(order.product.clone(), order.quantity).await {
        Ok(total) => total,
        Err(Error::UnknownProduct(product)) => {
            let text = format!("there is no product {product}\n");
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, text));
        }
        Err(Error::Unavailable(reason)) => return Ok((StatusCode::SERVICE_UNAVAILABLE, reason)),
    };
    let order = serde_json::to_string(&order)?;
    let store = Store::open("orders").await?;
    match store.get(id).await? {
        Some(placed) if placed != order.as_bytes() => {
            return Ok((StatusCode::CONFLICT, "there is another order with this id\n".to_owned()));
        }
        _ => store.set(id, &order).await?,
    }
    // If this fails, the client sends the same request again: the log keeps one event for each id.
    match crate::events::order_placed(id, &order).await {
        Ok(()) => Ok((StatusCode::OK, order + "\n")),
        Err(reason) => Ok((StatusCode::SERVICE_UNAVAILABLE, reason)),
    }
}

async fn show(id: &str) -> Answer {
    match Store::open("orders").await?.get(id).await? {
        Some(order) => Ok((StatusCode::OK, String::from_utf8(order)? + "\n")),
        None => Ok((StatusCode::NOT_FOUND, "there is no such order\n".to_owned())),
    }
}
