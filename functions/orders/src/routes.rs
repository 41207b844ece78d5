//! The HTTP routes of orders.

mod admin;
mod form;
mod refusal;
mod saga;
mod stream;
mod view;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Caller, KeySource, Scope as TokenScope, Scoped};
use chassis::clock::Timer;
use chassis::events::Received;
use chassis::form::JsonBody;
use chassis::http::{IfMatch, version_tag};
use chassis::idempotency::{self, Attempt, IdempotencyKey, Scope};
use chassis::inbox::too_early;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::sealed;
use chassis::store::Store;
use chassis::{Problem, Result};
use http::{HeaderMap, HeaderName, StatusCode, header};

use crate::domain::Status;
use crate::ports::Participants;
use crate::records::{Loaded, Position};
use crate::service::{EventOutcome, NewOrder, Orders, SHIPMENT_CHANGED, SweepReport};
use refusal::{no_such_order, not_canceled, not_placed};
use stream::permits::Permit;
use view::{EventView, OrderView, ShipmentView};

/// The last event of the order in this response, `<order id>.<number>`. A read model that has
/// processed it shows the same state.
pub const POSITION: HeaderName = HeaderName::from_static("x-projection-position");

/// The scope for third-party applications to read a user's orders.
struct OrdersRead;

impl TokenScope for OrdersRead {
    const NAME: &'static str = "orders:read";
}

/// The state of the routes.
#[derive(Clone)]
pub struct Api<S, P, T, K> {
    /// The use cases.
    pub orders: Orders<S, P, T>,
    /// The store of the responses to idempotency keys.
    pub store: S,
    /// The keys for verifying tokens.
    pub keys: K,
}

chassis::auth_state!(Api<S: Store, P: Participants, T: Timer; K>);

/// All routes below `/api/v1/orders` and `/api/v1/admin/orders`, and the private ones: `POST /sweep`
/// and `POST /events`.
pub fn router<S: Store, P: Participants, T: Timer, K: KeySource>(api: Api<S, P, T, K>) -> Router {
    Router::new()
        .route("/api/v1/orders", post(Api::<S, P, T, K>::place).get(Api::<S, P, T, K>::list))
        .route("/api/v1/orders/{id}", get(Api::<S, P, T, K>::find))
        .route("/api/v1/orders/{id}/cancel", post(Api::<S, P, T, K>::cancel))
        .route("/api/v1/orders/{id}/events", get(Api::<S, P, T, K>::stream))
        .route("/api/v1/orders/{id}/shipments", get(Api::<S, P, T, K>::shipments))
        .route("/api/v1/orders/{id}/history", get(Api::<S, P, T, K>::history))
        .route("/api/v1/admin/orders/{id}/saga", get(Api::<S, P, T, K>::saga))
        .route("/api/v1/admin/orders/{id}/resume", post(Api::<S, P, T, K>::resume))
        .route("/events", post(Api::<S, P, T, K>::receive))
        .route("/sweep", post(Api::<S, P, T, K>::sweep))
        .with_state(api)
}

impl<S: Store, P: Participants, T: Timer, K: KeySource> Api<S, P, T, K> {
    async fn place(
        State(api): State<Self>,
        caller: Caller,
        key: IdempotencyKey,
        body: JsonBody,
    ) -> Result<Response> {
        let order = form::read(&body)?;
        let user_id = caller.user_id;
        let scope = Scope { principal: &user_id, route: "POST /api/v1/orders" };
        let now_ms = api.orders.clock().now_ms();
        let work = |attempt: Attempt| api.attempt(attempt, &user_id, order);
        Ok(idempotency::run(&api.store, now_ms, &scope, &key, &body.0, work).await)
    }

    /// Places the order of an attempt. All attempts for the same key place the same order.
    async fn attempt(&self, attempt: Attempt, user_id: &str, order: NewOrder) -> Response {
        let from_cart = order.lines.is_none();
        match self.orders.place(&format!("ord_{}", attempt.id), user_id, order).await {
            Ok(loaded) => placed(&loaded),
            Err(error) => not_placed(error, from_cart).into_response(),
        }
    }

    async fn list(
        State(api): State<Self>,
        Scoped(caller, _): Scoped<OrdersRead>,
        query: PageQuery,
    ) -> Result<Json<Page<OrderView>>> {
        let list = format!("orders/{}", caller.user_id);
        let from: Option<Position> = query.position(&list)?;
        let (orders, rest) = api.orders.of_user(&caller.user_id, from, query.limit).await?;
        Ok(Json(Page {
            items: orders.iter().map(OrderView::of).collect(),
            next_cursor: rest.map(|position| Cursor::encode(&list, &position)),
        }))
    }

    async fn find(
        State(api): State<Self>,
        Scoped(caller, _): Scoped<OrdersRead>,
        Path(id): Path<String>,
    ) -> Result<Response> {
        let loaded = api.readable(&caller, &id).await?;
        Ok(shown(StatusCode::OK, &loaded))
    }

    async fn cancel(
        State(api): State<Self>,
        caller: Caller,
        Path(id): Path<String>,
        if_match: IfMatch,
    ) -> Result<Response> {
        let recorded = api.recorded(&id).await?;
        if recorded.order.placed.user_id != caller.user_id {
            return Err(no_such_order());
        }
        match api.orders.cancel(&id, if_match.versions().as_deref()).await {
            Ok(loaded) if loaded.order.status == Status::Cancelled => {
                Ok(shown(StatusCode::OK, &loaded))
            }
            Ok(loaded) => Ok(shown(StatusCode::ACCEPTED, &loaded)),
            Err(error) => Err(not_canceled(error)),
        }
    }

    async fn stream(
        State(api): State<Self>,
        caller: Caller,
        Path(id): Path<String>,
        headers: HeaderMap,
    ) -> Result<Response> {
        let loaded = api.readable(&caller, &id).await?;
        let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let seen = seen.and_then(|text| text.parse().ok()).unwrap_or(0);
        if loaded.order.status.is_final() && stream::statuses(&loaded, seen)?.is_empty() {
            // This makes browsers stop reconnecting.
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let headers =
            [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
        let now_ms = api.orders.clock().now_ms();
        let permit = Permit::take(api.store, &caller.user_id, now_ms).await?;
        Ok((headers, stream::body(api.orders, permit, id, seen)).into_response())
    }

    async fn shipments(
        State(api): State<Self>,
        caller: Caller,
        Path(id): Path<String>,
    ) -> Result<Json<Page<ShipmentView>>> {
        let loaded = api.readable(&caller, &id).await?;
        let shipments = api.orders.shipments(&loaded.order).await.map_err(|error| {
            eprintln!("orders: shipments of {id}: {}", error.0);
            Problem::unavailable("Shipments can't be reached.", 1)
        })?;
        let items = shipments.into_iter().map(ShipmentView::from).collect();
        Ok(Json(Page { items, next_cursor: None }))
    }

    async fn history(
        State(api): State<Self>,
        caller: Caller,
        Path(id): Path<String>,
    ) -> Result<Json<Page<EventView>>> {
        let loaded = api.readable(&caller, &id).await?;
        let view = if caller.is_admin() { EventView::whole } else { EventView::public };
        let items = loaded.history()?.into_iter().map(view).collect();
        Ok(Json(Page { items, next_cursor: None }))
    }

    /// Receives events of other functions. Unknown ones are ignored.
    async fn receive(State(api): State<Self>, received: Received) -> Result<StatusCode> {
        for event in received.0 {
            if let Some(user_id) = sealed::forgotten(&event)? {
                api.erase(&user_id).await?;
            }
            if event.kind != SHIPMENT_CHANGED {
                continue;
            }
            match api.orders.process(&event).await? {
                EventOutcome::Done => {}
                EventOutcome::TooEarly(expected) => return Err(too_early(expected)),
                EventOutcome::Malformed(reason) => {
                    return Err(Problem::bad_request(format!("The data is malformed: {reason}.")));
                }
            }
        }
        Ok(StatusCode::NO_CONTENT)
    }

    async fn erase(&self, user_id: &str) -> Result<()> {
        match self.orders.erase_customer(user_id).await? {
            true => Ok(()),
            false => Err(Problem::unavailable("More orders of this user have to be erased.", 1)),
        }
    }

    async fn sweep(State(api): State<Self>) -> Result<Json<SweepReport>> {
        let now_ms = api.orders.clock().now_ms();
        let is_over = |value: &[u8]| idempotency::is_over(value, now_ms);
        if let Err(error) = chassis::expiry::sweep(&api.store, now_ms, is_over).await {
            eprintln!("orders: expired idempotency records were not removed: {error}");
        }
        Ok(Json(api.orders.sweep().await?))
    }

    /// The current order, for its owner or an administrator. For others, it does not exist.
    async fn readable(&self, caller: &Caller, id: &str) -> Result<Loaded> {
        let recorded = self.recorded(id).await?;
        if recorded.order.placed.user_id != caller.user_id && !caller.is_admin() {
            return Err(no_such_order());
        }
        Ok(self.orders.touch(id).await?.unwrap_or(recorded))
    }

    async fn recorded(&self, id: &str) -> Result<Loaded> {
        if !chassis::id::is("ord", id) {
            return Err(no_such_order());
        }
        self.orders.recorded(id).await?.ok_or_else(no_such_order)
    }
}

/// 201 if the result of the order is known, otherwise 202.
fn placed(loaded: &Loaded) -> Response {
    let status = match loaded.order.status {
        Status::Pending => StatusCode::ACCEPTED,
        _ => StatusCode::CREATED,
    };
    let location = format!("/api/v1/orders/{}", loaded.order.placed.id);
    ([(header::LOCATION, location)], shown(status, loaded)).into_response()
}

/// The order with its version and the number of its last published event.
fn shown(status: StatusCode, loaded: &Loaded) -> Response {
    let order = &loaded.order;
    let position = format!("{}.{}", order.placed.id, loaded.record.outbox.last_sequence());
    let headers = [(header::ETAG, version_tag(order.version)), (POSITION, position)];
    (status, headers, Json(OrderView::of(order))).into_response()
}

#[cfg(test)]
mod api;
