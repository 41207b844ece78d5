//! Queues and copies, as operators see them.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{Admin, KeySource};
use chassis::clock::{now_ms, rfc3339};
use chassis::page::{Cursor, Page, PageQuery};
use chassis::store::Store;
use chassis::{Problem, Result};
use serde::Serialize;

use super::App;
use super::requests::{accepted, problem};
use super::view::Queued;
use crate::ports::{Provider, Templates, Users};
use crate::service::{QueueName, Replay};

pub(super) fn router<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>()
-> Router<App<S, T, U, P, K>> {
    let replay = post(replay::<S, T, U, P, K>);
    Router::new()
        .route("/api/v1/admin/queues", get(queues::<S, T, U, P, K>))
        .route("/api/v1/admin/queues/{name}", get(queue::<S, T, U, P, K>))
        .route("/api/v1/admin/queues/failed.queue/{id}/replay", replay)
        .route("/api/v1/admin/projections/users", get(projection::<S, T, U, P, K>))
}

/// A queue in the list of queues.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Queue"))]
pub(super) struct QueueView {
    #[cfg_attr(test, schemars(extend("enum" = ["email.queue", "push.queue", "failed.queue"])))]
    name: &'static str,
    length: usize,
    /// When the oldest entry came into the queue.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    oldest_since: Option<String>,
}

async fn queues<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    _: Admin,
    State(app): State<App<S, T, U, P, K>>,
) -> Result<Json<Page<QueueView>>> {
    let mut items = Vec::with_capacity(QueueName::ALL.len());
    for queue in QueueName::ALL {
        let entries = app.notifications.queued(queue).await?;
        let oldest = entries.iter().map(|entry| entry.since_ms).min();
        items.push(QueueView {
            name: queue.as_str(),
            length: entries.len(),
            oldest_since: oldest.map(rfc3339),
        });
    }
    Ok(Json(Page { items, next_cursor: None }))
}

async fn queue<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    _: Admin,
    State(app): State<App<S, T, U, P, K>>,
    Path(name): Path<String>,
    query: PageQuery,
) -> Result<Json<Page<Queued>>> {
    let missing = || Problem::not_found(format!("There is no queue {name}."));
    let queue = QueueName::parse(&name).ok_or_else(missing)?;
    let scope = format!("/api/v1/admin/queues/{}", queue.as_str());
    let after: Option<String> = query.position(&scope)?;
    let (page, next) = app.notifications.queue(queue, after.as_deref(), query.limit).await?;
    let next_cursor = next.map(|last| Cursor::encode(&scope, &last));
    Ok(Json(Page { items: page, next_cursor }.map(Queued::from)))
}

async fn replay<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    _: Admin,
    State(app): State<App<S, T, U, P, K>>,
    Path(id): Path<String>,
) -> Result<Response> {
    match app.notifications.replay(&id, now_ms()).await.map_err(problem)? {
        Replay::Pending => Ok(accepted(&id)),
        Replay::Unknown => Err(Problem::not_found(format!("There is no notification {id}."))),
        Replay::NotFailed(status) => {
            Err(Problem::conflict(format!("The notification is {status}, not failed.")))
        }
        Replay::Forgotten => Err(Problem::conflict(
            "The notification failed so long ago that what it would have said is forgotten.",
        )),
    }
}

/// How complete and how fresh the copies of users are.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UserCopies"))]
pub(super) struct ProjectionView {
    #[cfg_attr(test, schemars(extend("const" = "users")))]
    name: &'static str,
    /// Users.
    entries: usize,
    /// When the newest processed change happened.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    last_event_at: Option<String>,
    /// When it was processed.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    last_received_at: Option<String>,
    /// How long the newest change took to arrive; null before the first.
    staleness_ms: Option<u64>,
}

async fn projection<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    _: Admin,
    State(app): State<App<S, T, U, P, K>>,
) -> Result<Json<ProjectionView>> {
    let freshness = app.notifications.freshness().await?;
    let newest = freshness.newest;
    let late = newest.map(|newest| newest.arrived_ms.saturating_sub(newest.happened_ms));
    Ok(Json(ProjectionView {
        name: "users",
        entries: freshness.entries,
        last_event_at: newest.map(|newest| rfc3339(newest.happened_ms)),
        last_received_at: newest.map(|newest| rfc3339(newest.arrived_ms)),
        staleness_ms: late,
    }))
}
