//! The HTTP interface: the API of users and operators, the events of other functions, and the
//! sweep.
//!
//! A delivered event that is not acknowledged is delivered again. 422 means that it can't be
//! handled; it becomes a dead letter, which an operator can replay when the template or the data is
//! corrected. 503 means that the delivery should be repeated.

mod operators;
mod requests;
mod view;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{AuthState, Caller};
use chassis::events::Received;
use chassis::form::JsonBody;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::{Problem, Result};
use http::StatusCode;
use view::View;

use crate::domain::Preferences;
use crate::ports::Ports;
use crate::service::{Notifications, SweepReport};

impl<P: Ports> AuthState for Notifications<P> {
    type Keys = P::Keys;

    fn keys(&self) -> &P::Keys {
        self.ports.keys()
    }
}

/// `/api/v1/notifications` and below, the operators' `/api/v1/admin/queues` and
/// `/api/v1/admin/projections/users`, and `/events` and `/sweep`, which are not public.
pub fn router<P: Ports>(notifications: Notifications<P>) -> Router {
    Router::new()
        .route("/api/v1/notifications", get(list::<P>).post(requests::create::<P>))
        .route("/api/v1/notifications/preferences", get(preferences::<P>).put(set_preferences::<P>))
        .route("/api/v1/notifications/{id}", get(read::<P>))
        .merge(operators::router())
        .route("/events", post(receive::<P>))
        .route("/sweep", post(sweep::<P>))
        .with_state(notifications)
}

async fn list<P: Ports>(
    caller: Caller,
    State(notifications): State<Notifications<P>>,
    query: PageQuery,
) -> Result<Json<Page<View>>> {
    let scope = format!("/api/v1/notifications#{}", caller.user_id);
    let after: Option<String> = query.position(&scope)?;
    let (page, more) = notifications.list(&caller.user_id, after.as_deref(), query.limit).await?;
    let last = page.last().filter(|_| more);
    let next_cursor = last.map(|last| Cursor::encode(&scope, &last.id));
    Ok(Json(Page { items: page, next_cursor }.map(View::from)))
}

async fn read<P: Ports>(
    caller: Caller,
    State(notifications): State<Notifications<P>>,
    Path(id): Path<String>,
) -> Result<Json<View>> {
    let found = notifications.find(&id).await?;
    let own = found.filter(|found| caller.is_admin() || found.user_id == caller.user_id);
    let missing = || Problem::not_found("You have no such notification.");
    Ok(Json(own.ok_or_else(missing)?.into()))
}

async fn preferences<P: Ports>(
    caller: Caller,
    State(notifications): State<Notifications<P>>,
) -> Result<Json<Preferences>> {
    Ok(Json(notifications.preferences(&caller.user_id).await?))
}

async fn set_preferences<P: Ports>(
    caller: Caller,
    State(notifications): State<Notifications<P>>,
    body: JsonBody,
) -> Result<Json<Preferences>> {
    let mut fields = body.fields();
    let (email, push) = (fields.boolean("email"), fields.boolean("push"));
    fields.finish()?;
    let (Some(email), Some(push)) = (email, push) else { return Err(Problem::internal()) };
    let preferences = Preferences { email, push };
    notifications.set_preferences(&caller.user_id, preferences).await?;
    Ok(Json(preferences))
}

async fn receive<P: Ports>(
    State(notifications): State<Notifications<P>>,
    Received(events): Received,
) -> Result<StatusCode> {
    for event in &events {
        notifications.handle(event).await.inspect_err(|error| {
            eprintln!("{} {}: {error}", event.kind, event.id);
        })?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn sweep<P: Ports>(
    State(notifications): State<Notifications<P>>,
) -> Result<Json<SweepReport>> {
    Ok(Json(notifications.sweep().await?))
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
