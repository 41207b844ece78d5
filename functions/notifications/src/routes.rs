//! The readers' REST interface, and the sweep.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use chassis::auth::{AuthState, Caller, KeySource};
use chassis::clock::now_ms;
use chassis::form::JsonBody;
use chassis::page::{Cursor, Page, PageQuery};
use chassis::store::Store;
use chassis::{Problem, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{self, Channel, Notification, Preferences};
use crate::ports::{Provider, Templates, Users};
use crate::service::Notifications;

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

/// `/api/v1/notifications` and below for readers, and `/sweep`, which the gateway does not
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
        .route("/api/v1/notifications", get(list::<S, T, U, P, K>))
        .route("/api/v1/notifications/preferences", preferences)
        .route("/api/v1/notifications/{id}", get(read::<S, T, U, P, K>))
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
    let found = app.notifications.find(&caller.user_id, &id).await?;
    let missing = || Problem::not_found("You have no such notification.");
    Ok(Json(found.ok_or_else(missing)?.into()))
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
) -> Result<Json<Value>> {
    Ok(Json(json!({ "attempts": app.notifications.sweep(now_ms()).await? })))
}

/// A notification as its reader sees it.
#[derive(Debug, Serialize)]
struct View {
    id: String,
    channel: Channel,
    template_code: String,
    template_version: u32,
    language: String,
    subject: String,
    status: &'static str,
    created_at: String,
    sent_at: Option<String>,
    attempts: usize,
    next_attempt_at: Option<String>,
    reason: Option<String>,
}

impl From<Notification> for View {
    fn from(notification: Notification) -> Self {
        let time = chassis::clock::rfc3339;
        let next_attempt_at = notification.due_ms().map(time);
        let status = notification.state.word();
        let (sent_at, reason) = match notification.state {
            domain::State::Sent { at_ms } => (Some(time(at_ms)), None),
            domain::State::Failed { reason } => (None, Some(reason)),
            _ => (None, None),
        };
        View {
            id: notification.id,
            channel: notification.channel,
            template_code: notification.template_code,
            template_version: notification.pinned.version,
            language: notification.pinned.language,
            subject: notification.pinned.subject,
            status,
            created_at: time(notification.created_at_ms),
            sent_at,
            attempts: notification.attempts,
            next_attempt_at,
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
