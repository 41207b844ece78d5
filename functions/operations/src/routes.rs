//! The HTTP routes, all for administrators.

mod events;
pub mod sweep;

use crate::domain::{IN_FLIGHT_MS_DEFAULT, IN_FLIGHT_MS_MAX, Partition, Question, Violation};
use crate::ports::{EventLog, Sources};
use crate::service::Reconciliation;
use axum::extract::{Query, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, AuthState, KeySource};
use chassis::clock::{now_ms, rfc3339};
use chassis::page::Cursor;
use chassis::problem::{Problem, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of the routes.
#[derive(Clone, Debug)]
pub struct Api<S, L, K> {
    /// The books.
    pub sources: S,
    /// The event log.
    pub log: L,
    /// The keys that callers' tokens are checked with.
    pub keys: K,
}

impl<S: Sources, L: EventLog, K: KeySource> AuthState for Api<S, L, K> {
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

/// The name of the list in cursors.
const PARTS: &str = "operations/reconciliation";

/// The query parameters of a reconciliation.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Asked {
    /// Whether no work should be in progress: then, anything unfinished is a violation, too.
    #[serde(default)]
    quiescent: bool,
    /// How long work may be in progress, in milliseconds.
    #[cfg_attr(test, schemars(range(max = IN_FLIGHT_MS_MAX), extend("default" = IN_FLIGHT_MS_DEFAULT)))]
    in_flight_ms: Option<u64>,
    /// The part to check; the first if it is missing.
    #[cfg_attr(test, schemars(skip))]
    cursor: Option<String>,
}

/// Whether the books of all functions agree.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Reconciliation"))]
struct Report {
    /// When the reading began.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    checked_at: String,
    /// Empty if all books agree. At most 1,001.
    violations: Vec<Violation>,
    /// The number of compared entries of each book.
    checked: BTreeMap<&'static str, u64>,
    /// The cursor of the next part, if the books are too large to be checked at once. `null` at the
    /// end.
    next_cursor: Option<String>,
}

/// `GET /api/v1/admin/reconciliation` and the views of events below `/api/v1/admin`.
pub fn router<S: Sources, L: EventLog, K: KeySource>(api: Api<S, L, K>) -> Router {
    Router::new()
        .route("/api/v1/admin/reconciliation", get(reconcile::<S, L, K>))
        .route("/api/v1/admin/subscriptions", get(events::subscriptions::<S, L, K>))
        .route("/api/v1/admin/subscriptions/{name}/replay", post(events::replay_range::<S, L, K>))
        .route(
            "/api/v1/admin/subscriptions/{name}/keys/{key}/replay",
            post(events::replay_key::<S, L, K>),
        )
        .route("/api/v1/admin/dead-letters", get(events::dead_letters::<S, L, K>))
        .route("/api/v1/admin/dead-letters/{id}", delete(events::discard::<S, L, K>))
        .route("/api/v1/admin/dead-letters/{id}/replay", post(events::replay::<S, L, K>))
        .with_state(api)
}

async fn reconcile<S: Sources, L: EventLog, K: KeySource>(
    State(api): State<Api<S, L, K>>,
    _: Admin,
    Query(asked): Query<Asked>,
) -> Result<Json<Report>> {
    let in_flight_ms = asked.in_flight_ms.unwrap_or(IN_FLIGHT_MS_DEFAULT);
    if in_flight_ms > IN_FLIGHT_MS_MAX {
        let rule = format!("in_flight_ms must be a number up to {IN_FLIGHT_MS_MAX}.");
        return Err(Problem::bad_request(rule));
    }
    let part: Option<Partition> =
        asked.cursor.map(|cursor| Cursor::decode(PARTS, &cursor)).transpose()?;
    let part = part.unwrap_or_default();
    if !part.is_sound() {
        return Err(Problem::bad_request("The cursor does not belong to this list."));
    }
    let checked_at_ms = now_ms();
    let question = Question { checked_at_ms, quiescent: asked.quiescent, in_flight_ms };
    let finding = Reconciliation::new(api.sources, api.log).run(part, &question).await;
    let finding = finding.map_err(|error| {
        eprintln!("operations: {error}");
        Problem::unavailable(format!("The books of {} can't be read now.", error.book), 1)
    })?;
    for violation in &finding.violations {
        eprintln!("operations: {} {:?}: {}", violation.rule, violation.ids, violation.detail);
    }
    Ok(Json(Report {
        checked_at: rfc3339(checked_at_ms),
        violations: finding.violations,
        checked: finding.checked.into_iter().collect(),
        next_cursor: finding.next.map(|part| Cursor::encode(PARTS, &part)),
    }))
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
