//! The projection over HTTP: customers see their own orders, administrators all.

mod query;
mod view;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, KeySource, Scope, Scoped};
use chassis::clock::{Timer, rfc3339};
use chassis::events::Received;
use chassis::inbox::too_early;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::store::Store;
use chassis::{Problem, ProblemType, Result};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::domain::{Position, SortKey, day_of};
use crate::ports::EventLog;
use crate::service::{
    OrderHistory, OrderPage, Query, ReadError, ReceiveError, SUMMARY_DAYS_MAX, Started, SweepError,
};
use query::{ListParameters, Period};
use view::{AdminView, FiguresView, OrderView, StartedView, StatusView};

/// The position of the projection, and the one that a reader requires.
const POSITION: HeaderName = HeaderName::from_static("x-projection-position");
/// When a reader may retry whose event is not processed yet, in seconds.
const BEHIND_RETRY_AFTER_S: u64 = 1;

/// The scope for third-party applications to read a user's orders.
struct OrdersRead;

impl Scope for OrdersRead {
    const NAME: &'static str = "orders:read";
}

/// The state of the routes.
#[derive(Clone)]
pub struct Api<S, L, C, K> {
    /// The use cases.
    pub history: OrderHistory<S, L, C>,
    /// The clock.
    pub clock: C,
    /// The keys that callers' tokens are checked with.
    pub keys: K,
}

chassis::auth_state!(Api<S: Store, L: EventLog, C: Timer; K>);

/// The routes of readers and administrators, and the internal routes `POST /events` and
/// `POST /sweep`.
pub fn router<S: Store, L: EventLog, C: Timer, K: KeySource>(api: Api<S, L, C, K>) -> Router {
    Router::new()
        .route("/api/v1/order-history", get(Api::<S, L, C, K>::list))
        .route("/api/v1/order-history/{id}", get(Api::<S, L, C, K>::find))
        .route("/api/v1/admin/order-history", get(Api::<S, L, C, K>::list_all))
        .route("/api/v1/admin/order-history/summary", get(Api::<S, L, C, K>::summary))
        .route("/api/v1/admin/projections/order-history", get(Api::<S, L, C, K>::status))
        .route("/api/v1/admin/projections/order-history/rebuild", post(Api::<S, L, C, K>::rebuild))
        .route("/events", post(Api::<S, L, C, K>::receive))
        .route("/sweep", post(Api::<S, L, C, K>::sweep))
        .with_state(api)
}

impl<S: Store, L: EventLog, C: Timer, K: KeySource> Api<S, L, C, K> {
    async fn list(
        State(api): State<Self>,
        Scoped(caller, _): Scoped<OrdersRead>,
        headers: HeaderMap,
        parameters: ListParameters,
        page: PageQuery,
    ) -> Result<Response> {
        let id = caller.user_id.as_str();
        let reached = api.wait_for_position(&headers, &parameters, Some(id), id).await?;
        let list = format!("order-history/{}/{}", caller.user_id, parameters.filter.name());
        let query = query(Some(caller.user_id), parameters, &page, &list)?;
        let listed = api.history.list(&query).await?;
        let position = reached.or_else(|| listed.entries.first().map(|entry| entry.position()));
        Ok(positioned(position, Json(paged(listed, &list).map(OrderView::from))))
    }

    async fn find(
        State(api): State<Self>,
        Scoped(caller, _): Scoped<OrdersRead>,
        headers: HeaderMap,
        parameters: ListParameters,
        Path(id): Path<String>,
    ) -> Result<Response> {
        let reader = (!caller.is_admin()).then_some(caller.user_id.as_str());
        api.wait_for_position(&headers, &parameters, reader, &caller.user_id).await?;
        let nothing = || Problem::not_found("There is no such order.");
        if !chassis::id::is("ord", &id) {
            return Err(nothing());
        }
        let entry = api.history.find(&id).await?.ok_or_else(nothing)?;
        if reader.is_some_and(|user_id| entry.order.user_id != user_id) {
            return Err(nothing());
        }
        Ok(positioned(Some(entry.position()), Json(OrderView::from(entry))))
    }

    async fn list_all(
        State(api): State<Self>,
        Admin(caller): Admin,
        headers: HeaderMap,
        parameters: ListParameters,
        page: PageQuery,
    ) -> Result<Response> {
        let reached = api.wait_for_position(&headers, &parameters, None, &caller.user_id).await?;
        let user_id = parameters.user_id.clone();
        let list = format!("order-history//{user_id:?}/{}", parameters.filter.name());
        let query = query(user_id, parameters, &page, &list)?;
        let page = paged(api.history.list(&query).await?, &list);
        let mut items = Vec::with_capacity(page.items.len());
        for entry in page.items {
            let name = api.history.name_of(&entry.order.user_id).await?;
            items.push(AdminView::new(entry, name));
        }
        Ok(positioned(reached, Json(Page { items, next_cursor: page.next_cursor })))
    }

    async fn summary(
        State(api): State<Self>,
        _: Admin,
        span: Period,
    ) -> Result<Json<Page<FiguresView>>> {
        let (first, last) = span.days(api.clock.now_ms(), SUMMARY_DAYS_MAX as u64)?;
        let figures = api.history.summary(&day_of(first), &day_of(last)).await?;
        let items = figures.into_iter().map(FiguresView::from).collect();
        Ok(Json(Page { items, next_cursor: None }))
    }

    async fn status(State(api): State<Self>, _: Admin) -> Result<Json<StatusView>> {
        Ok(Json(StatusView::from(api.history.status().await?)))
    }

    async fn rebuild(State(api): State<Self>, _: Admin) -> Result<Response> {
        match api.history.rebuild().await? {
            Started::Building(generation) => {
                let state = StartedView { generation, name: "order-history" };
                let status = "/api/v1/admin/projections/order-history";
                let location = [(header::LOCATION, HeaderValue::from_static(status))];
                Ok((StatusCode::ACCEPTED, location, Json(state)).into_response())
            }
            Started::TooManyGenerations => {
                let detail = "Older generations are not removed yet. Try again in some minutes.";
                Err(Problem::conflict(detail))
            }
        }
    }

    async fn receive(State(api): State<Self>, Received(events): Received) -> Result<StatusCode> {
        for event in &events {
            api.history.receive(event).await.map_err(receive_problem)?;
        }
        Ok(StatusCode::NO_CONTENT)
    }

    async fn sweep(State(api): State<Self>) -> Result<Json<Value>> {
        match api.history.sweep().await {
            Ok(report) => Ok(Json(json!(report))),
            Err(SweepError::Store(error)) => Err(error.into()),
            Err(SweepError::Log(error)) => {
                eprintln!("order-history: {error}");
                Err(Problem::unavailable("The event log can't be read now.", 1))
            }
        }
    }

    /// Waits for the position that the reader requires, if any.
    async fn wait_for_position(
        &self,
        headers: &HeaderMap,
        parameters: &ListParameters,
        reader: Option<&str>,
        caller: &str,
    ) -> Result<Option<Position>> {
        let header = headers.get(POSITION).map(|value| value.to_str().unwrap_or_default());
        let Some(text) = header.or(parameters.position.as_deref()) else { return Ok(None) };
        let position: Position = text.parse().map_err(|_| {
            Problem::bad_request("A position is the id of an order's event: <order id>.<sequence>.")
        })?;
        if position.sequence == 0 {
            return Ok(None);
        }
        match self.history.wait_for(&position, reader, caller).await {
            Ok(reached) => Ok(Some(reached)),
            Err(ReadError::Store(error)) => Err(error.into()),
            Err(ReadError::Behind) => Err(behind(&position)),
        }
    }
}

fn query(
    user_id: Option<String>,
    parameters: ListParameters,
    page: &PageQuery,
    list: &str,
) -> Result<Query> {
    let before: Option<SortKey> = page.position(list)?;
    Ok(Query { user_id, filter: parameters.filter, before, limit: page.limit })
}

fn paged(listed: OrderPage, list: &str) -> Page<crate::domain::Entry> {
    let next_cursor = listed.next.map(|key| Cursor::encode(list, &key));
    Page { items: listed.entries, next_cursor }
}

/// Orders are personal data, which caches must not store.
fn positioned(position: Option<Position>, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let position = position.and_then(|position| HeaderValue::from_str(&position.to_string()).ok());
    if let Some(position) = position {
        headers.insert(POSITION, position);
    }
    response
}

fn behind(position: &Position) -> Problem {
    Problem::new(ProblemType::ProjectionBehind)
        .header(header::RETRY_AFTER, &BEHIND_RETRY_AFTER_S.to_string())
        .extension("position", position.to_string())
        .detail("The event is not processed yet.")
}

fn receive_problem(error: ReceiveError) -> Problem {
    match error {
        ReceiveError::Malformed(malformed) => {
            eprintln!("order-history: {malformed}");
            Problem::unprocessable(Vec::new()).detail(malformed.to_string())
        }
        ReceiveError::Early { expected } => too_early(expected),
        ReceiveError::Store(error) => error.into(),
    }
}

fn time(ms: Option<u64>) -> Option<String> {
    ms.map(rfc3339)
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
