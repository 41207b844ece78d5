//! The process that keeps the events: the log of this repository behind HTTP, so that events are
//! as durable as on the host, and its deliveries over HTTP.

use anyhow::Result;
use axum::Router;
use chassis::events::Event;
use chassis::rpc::{Bytes, Response, answer, arguments, refused, unknown};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, Request};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tessera_cloudevents::http::to_binary;
use tessera_events::delivery::{Handle, Service};
use tessera_events::embedded::Embedded;
use tessera_events::{
    Deliver, Delivery, Log, Member, Mode, Options, Outcome, Pattern, StartAt, Subscription,
};

/// How long a subscriber may take, in milliseconds.
const DELIVERY_TIMEOUT_MS: u64 = 30_000;

/// Group, component, type: as the shop's manifest has them.
const SUBSCRIPTIONS: [(&str, &str, &str); 7] = [
    ("orders", "orders", "com.shop.shipping.shipment.*"),
    ("notifications-orders", "notifications", "com.shop.orders.order.*"),
    ("notifications-users", "notifications", "com.shop.identity.user.*"),
    ("order-history-orders", "order-history", "com.shop.orders.*"),
    ("order-history-users", "order-history", "com.shop.identity.user.*"),
    ("recommendations-orders", "recommendations", "com.shop.orders.order.confirmed.v1"),
    ("recommendations-products", "recommendations", "com.shop.catalog.product.*"),
];

/// The routes of the log, and its deliveries at work.
pub(crate) fn start() -> Result<(Router, Handle)> {
    let subscriptions: Result<Vec<Subscription>> =
        SUBSCRIPTIONS.into_iter().map(of_group).collect();
    let path = chassis::discovery::folder().join("events.db");
    let log = Embedded::open(&path, Options::default(), subscriptions?)?;
    let handle = Service::new(Arc::new(log.clone()), Arc::new(OverHttp)).start();
    let dispatch = move |interface: String, function: String, body: Bytes| {
        let log = log.clone();
        async move {
            match (interface.as_str(), function.as_str()) {
                ("producer", "publish") => publish(&log, &body).await,
                _ => unknown(&interface, &function),
            }
        }
    };
    Ok((chassis::rpc::router(dispatch), handle))
}

fn of_group((name, component, kind): (&str, &str, &str)) -> Result<Subscription> {
    let path = "/events".to_owned();
    Ok(Subscription {
        name: name.to_owned(),
        members: vec![Member { component: component.to_owned(), path, mode: Mode::Binary }],
        types: vec![Pattern::parse(kind)?],
        concurrency_max: Subscription::CONCURRENCY_DEFAULT,
        attempts_max: 200,
        start_at: StartAt::Start,
    })
}

/// The arguments of `tessera:events/producer.publish`.
#[derive(Deserialize)]
struct Publication {
    events: Vec<Published>,
}

/// An event as the contract has it.
#[derive(Deserialize)]
struct Published {
    id: String,
    source: String,
    #[serde(rename = "type_")]
    kind: String,
    subject: Option<String>,
    time: String,
    partition_key: String,
    sequence: Option<u64>,
    trace_parent: Option<String>,
    data_content_type: String,
    data: String,
}

/// The error of the contract.
#[derive(Serialize)]
enum Refused {
    Invalid(String),
    Unavailable(String),
}

async fn publish(log: &Embedded, body: &[u8]) -> Response {
    let publication: Publication = match arguments(body) {
        Ok(publication) => publication,
        Err(problem) => return refused(problem),
    };
    let events = publication.events.into_iter().map(Event::from).collect();
    answer(log.publish(events).await.map(drop).map_err(|error| match error {
        tessera_events::Error::Invalid(reason) => Refused::Invalid(reason),
        other => Refused::Unavailable(other.to_string()),
    }))
}

impl From<Published> for Event {
    fn from(event: Published) -> Self {
        let mut extensions = BTreeMap::from([("partitionkey".to_owned(), event.partition_key)]);
        extensions.extend(event.sequence.map(|it| ("sequence".to_owned(), it.to_string())));
        extensions.extend(event.trace_parent.map(|it| ("traceparent".to_owned(), it)));
        Self {
            id: event.id,
            source: event.source,
            kind: event.kind,
            subject: event.subject,
            time: Some(event.time),
            data_content_type: Some(event.data_content_type),
            data_schema: None,
            extensions,
            data: event.data,
        }
    }
}

/// Deliveries to the processes of the subscribers.
struct OverHttp;

impl Deliver for OverHttp {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        async move {
            let Some(entry) = delivery.entries.first() else { return Outcome::Done };
            let (headers, data) = to_binary(&entry.event);
            let Member { component, path, .. } = &delivery.member;
            let Ok(request) = request(component, path, headers, data) else {
                return Outcome::Rejected("no request can carry it".to_owned());
            };
            match chassis::http::send(request, DELIVERY_TIMEOUT_MS).await {
                Ok(response) => {
                    let pause = response.headers().get(http::header::RETRY_AFTER);
                    let pause = pause.and_then(|value| value.to_str().ok()?.parse().ok());
                    let detail = String::from_utf8_lossy(response.body()).into_owned();
                    let pause = pause.map(Duration::from_secs);
                    Outcome::of_status(response.status().as_u16(), pause, detail)
                }
                Err(error) => Outcome::failed(error.to_string()),
            }
        }
        .boxed()
    }
}

fn request(
    component: &str,
    path: &str,
    headers: HeaderMap,
    data: String,
) -> http::Result<Request<Bytes>> {
    let uri = format!("http://{component}.spin.internal{path}");
    let mut request = Request::post(uri).body(Bytes::from(data))?;
    *request.headers_mut() = headers;
    Ok(request)
}
