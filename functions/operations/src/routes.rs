//! The HTTP routes: for administrators, except for `/sweep`, which is not public.

mod events;
pub mod sweep;

use crate::domain::{BUCKETS, IN_FLIGHT_MS_DEFAULT, IN_FLIGHT_MS_MAX, Question, Run, Violation};
use crate::ports::Ports;
use crate::service::Reconciliation;
use axum::extract::{Query, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, AuthState};
use chassis::clock::rfc3339;
use chassis::problem::{Problem, Result};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of the routes.
#[derive(Clone, Debug)]
struct Api<P>(P);

impl<P: Ports> AuthState for Api<P> {
    type Keys = P::Keys;

    fn keys(&self) -> &P::Keys {
        self.0.keys()
    }
}

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
}

/// Whether the books of all functions agree, as far as they were compared.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Reconciliation"))]
struct Report {
    /// When the reading began.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    checked_at: String,
    /// When the last work was done.
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    updated_at: String,
    /// Whether all books were compared. Until then, `violations` and `checked` are incomplete.
    complete: bool,
    /// The book that is being read; `null` when all have been read.
    reading: Option<&'static str>,
    /// The number of parts of the books that were compared, of `parts`.
    parts_checked: usize,
    /// The number of parts.
    parts: usize,
    /// The component whose book can't be read now; it will be tried again. `null` if there is none.
    blocked_by: Option<String>,
    /// Empty if all books agree, the most important first. At most 1,001.
    violations: Vec<Violation>,
    /// The number of compared entries of each book.
    checked: BTreeMap<String, u64>,
}

impl From<Run> for Report {
    fn from(run: Run) -> Report {
        let mut violations = run.violations.clone();
        if run.more_violations > 0 {
            let detail = format!("{} more violations", run.more_violations);
            violations.push(Violation { rule: "truncated".into(), detail, ids: Vec::new() });
        }
        Report {
            checked_at: rfc3339(run.question.checked_at_ms),
            updated_at: rfc3339(run.updated_at_ms),
            complete: run.is_complete(),
            reading: run.reading(),
            parts_checked: run.buckets_checked(),
            parts: BUCKETS,
            violations,
            blocked_by: run.blocked_by,
            checked: run.checked,
        }
    }
}

/// `/api/v1/admin/reconciliation`, the views of events and the sweep below `/api/v1/admin`, and
/// `POST /sweep`, which the host calls on a schedule.
pub fn router<P: Ports>(ports: P) -> Router {
    let key_replay = "/api/v1/admin/subscriptions/{name}/keys/{key}/replay";
    Router::new()
        .route("/api/v1/admin/reconciliation", get(report::<P>).post(reconcile::<P>))
        .route("/api/v1/admin/subscriptions", get(events::subscriptions::<P>))
        .route("/api/v1/admin/subscriptions/{name}/replay", post(events::replay_range::<P>))
        .route(key_replay, post(events::replay_key::<P>))
        .route("/api/v1/admin/dead-letters", get(events::dead_letters::<P>))
        .route("/api/v1/admin/dead-letters/{id}", delete(events::discard::<P>))
        .route("/api/v1/admin/dead-letters/{id}/replay", post(events::replay::<P>))
        .route("/api/v1/admin/sweep", post(sweep::sweep_all::<P>))
        .route("/sweep", post(work::<P>))
        .with_state(Api(ports))
}

/// Begins a reconciliation and works on it for some seconds, which is enough for a small shop.
async fn reconcile<P: Ports>(
    State(Api(ports)): State<Api<P>>,
    _: Admin,
    Query(asked): Query<Asked>,
) -> Result<(StatusCode, Json<Report>)> {
    let in_flight_ms = asked.in_flight_ms.unwrap_or(IN_FLIGHT_MS_DEFAULT);
    if in_flight_ms > IN_FLIGHT_MS_MAX {
        let rule = format!("in_flight_ms must be a number up to {IN_FLIGHT_MS_MAX}.");
        return Err(Problem::bad_request(rule));
    }
    let checked_at_ms = ports.now_ms();
    let question = Question { checked_at_ms, quiescent: asked.quiescent, in_flight_ms };
    let reconciliation = Reconciliation::new(ports);
    reconciliation.begin(question).await?;
    reconciliation.work().await?;
    let report = last(&reconciliation).await?;
    Ok((if report.complete { StatusCode::OK } else { StatusCode::ACCEPTED }, Json(report)))
}

async fn report<P: Ports>(State(Api(ports)): State<Api<P>>, _: Admin) -> Result<Json<Report>> {
    last(&Reconciliation::new(ports)).await.map(Json)
}

async fn last<P: Ports>(reconciliation: &Reconciliation<P>) -> Result<Report> {
    let none = || Problem::not_found("There was no reconciliation. Begin one with POST.");
    Ok(reconciliation.last().await?.ok_or_else(none)?.into())
}

async fn work<P: Ports>(State(Api(ports)): State<Api<P>>) -> Result<StatusCode> {
    Reconciliation::new(ports).work().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
