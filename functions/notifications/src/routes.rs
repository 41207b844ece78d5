//! The REST interface of readers and operators, events, and the sweep.

mod events;
mod operators;
mod requests;
mod view;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{AuthState, Caller, KeySource};
use chassis::clock::now_ms;
use chassis::form::JsonBody;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::store::Store;
use chassis::{Problem, Result};
use view::View;

use crate::domain::Preferences;
use crate::ports::{Provider, Templates, Users};
use crate::service::{Notifications, Swept};

/// What the routes work with.
#[derive(Clone)]
pub struct App<S, T, U, P, K> {
    /// The use cases.
    pub notifications: Notifications<S, T, U, P>,
    /// The keys that callers are checked with.
    pub keys: K,
}

impl<S, T, U, P, K> AuthState for App<S, T, U, P, K>
where
    S: Store,
    T: Templates,
    U: Users,
    P: Provider,
    K: KeySource,
{
    type Keys = K;

    fn keys(&self) -> &K {
        &self.keys
    }
}

/// `/api/v1/notifications` and below, the operators' `/api/v1/admin/queues` and
/// `/api/v1/admin/projections/users`, and `/events` and `/sweep`, which the gateway does not
/// pass on.
pub fn router<S, T, U, P, K>(app: App<S, T, U, P, K>) -> Router
where
    S: Store,
    T: Templates,
    U: Users,
    P: Provider,
    K: KeySource,
{
    let preferences = get(preferences::<S, T, U, P, K>).put(prefer::<S, T, U, P, K>);
    Router::new()
        .route(
            "/api/v1/notifications",
            get(list::<S, T, U, P, K>).post(requests::create::<S, T, U, P, K>),
        )
        .route("/api/v1/notifications/preferences", preferences)
        .route("/api/v1/notifications/{id}", get(read::<S, T, U, P, K>))
        .merge(operators::router())
        .route("/events", post(events::receive::<S, T, U, P, K>))
        .route("/sweep", post(sweep::<S, T, U, P, K>))
        .with_state(app)
}

async fn list<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, T, U, P, K>>,
    query: PageQuery,
) -> Result<Json<Page<View>>> {
    let scope = format!("/api/v1/notifications#{}", caller.user_id);
    let after: Option<String> = query.position(&scope)?;
    let notifications = app.notifications;
    let (page, more) =
        notifications.list(&caller.user_id, after.as_deref(), query.limit, now_ms()).await?;
    let last = page.last().filter(|_| more);
    let next_cursor = last.map(|last| Cursor::encode(&scope, &last.id));
    Ok(Json(Page { items: page, next_cursor }.map(View::from)))
}

async fn read<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, T, U, P, K>>,
    Path(id): Path<String>,
) -> Result<Json<View>> {
    let found = app.notifications.find(&id).await?;
    let own = found.filter(|found| caller.is_admin() || found.user_id == caller.user_id);
    let missing = || Problem::not_found("You have no such notification.");
    Ok(Json(own.ok_or_else(missing)?.into()))
}

async fn preferences<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, T, U, P, K>>,
) -> Result<Json<Preferences>> {
    Ok(Json(app.notifications.preferences(&caller.user_id).await?))
}

async fn prefer<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    caller: Caller,
    State(app): State<App<S, T, U, P, K>>,
    body: JsonBody,
) -> Result<Json<Preferences>> {
    let mut fields = body.fields();
    let (email, push) = (fields.boolean("email"), fields.boolean("push"));
    fields.finish()?;
    let (Some(email), Some(push)) = (email, push) else { return Err(Problem::internal()) };
    let wanted = Preferences { email, push };
    app.notifications.prefer(&caller.user_id, wanted).await?;
    Ok(Json(wanted))
}

async fn sweep<S: Store, T: Templates, U: Users, P: Provider, K: KeySource>(
    State(app): State<App<S, T, U, P, K>>,
) -> Result<Json<Swept>> {
    Ok(Json(app.notifications.sweep(now_ms()).await?))
}

#[cfg(test)]
mod api;
#[cfg(test)]
mod tests;
