//! The queues, and the state of the copies of users.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::Admin;
use chassis::clock::rfc3339;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::{Problem, Result};
use serde::Serialize;

use super::requests::accepted;
use super::view::Queued;
use crate::ports::Ports;
use crate::queue::Queue;
use crate::service::{Notifications, Replay};

pub(super) fn router<P: Ports>() -> Router<Notifications<P>> {
    Router::new()
        .route("/api/v1/admin/queues", get(queues::<P>))
        .route("/api/v1/admin/queues/{name}", get(queue::<P>))
        .route("/api/v1/admin/queues/failed.queue/{id}/replay", post(replay::<P>))
        .route("/api/v1/admin/projections/users", get(projection::<P>))
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

async fn queues<P: Ports>(
    _: Admin,
    State(notifications): State<Notifications<P>>,
) -> Result<Json<Page<QueueView>>> {
    let mut items = Vec::with_capacity(Queue::ALL.len());
    for queue in Queue::ALL {
        let entries = notifications.entries(queue).await?;
        let oldest = entries.iter().map(|entry| entry.since_ms).min();
        items.push(QueueView {
            name: queue.name(),
            length: entries.len(),
            oldest_since: oldest.map(rfc3339),
        });
    }
    Ok(Json(Page { items, next_cursor: None }))
}

async fn queue<P: Ports>(
    _: Admin,
    State(notifications): State<Notifications<P>>,
    Path(name): Path<String>,
    query: PageQuery,
) -> Result<Json<Page<Queued>>> {
    let missing = || Problem::not_found(format!("There is no queue {name}."));
    let queue = Queue::parse(&name).ok_or_else(missing)?;
    let scope = format!("/api/v1/admin/queues/{name}");
    let after: Option<String> = query.position(&scope)?;
    let (page, next) = notifications.queued(queue, after.as_deref(), query.limit).await?;
    let next_cursor = next.map(|last| Cursor::encode(&scope, &last));
    Ok(Json(Page { items: page, next_cursor }.map(Queued::from)))
}

async fn replay<P: Ports>(
    _: Admin,
    State(notifications): State<Notifications<P>>,
    Path(id): Path<String>,
) -> Result<Response> {
    match notifications.replay(&id).await? {
        Replay::Pending => Ok(accepted(&id)),
        Replay::Unknown => Err(Problem::not_found(format!("There is no notification {id}."))),
        Replay::NotFailed(status) => {
            Err(Problem::conflict(format!("The notification is {status}, not failed.")))
        }
        Replay::Expired => Err(Problem::conflict(
            "The notification failed more than seven days ago, and its text was deleted.",
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

async fn projection<P: Ports>(
    _: Admin,
    State(notifications): State<Notifications<P>>,
) -> Result<Json<ProjectionView>> {
    let freshness = notifications.freshness().await?;
    let newest = freshness.newest;
    Ok(Json(ProjectionView {
        name: "users",
        entries: freshness.entries,
        last_event_at: newest.map(|newest| rfc3339(newest.happened_ms)),
        last_received_at: newest.map(|newest| rfc3339(newest.arrived_ms)),
        staleness_ms: newest.map(|newest| newest.arrived_ms.saturating_sub(newest.happened_ms)),
    }))
}
