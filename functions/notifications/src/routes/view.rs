//! The JSON of notifications.

use std::collections::BTreeMap;

use chassis::clock::rfc3339;
use serde::Serialize;

use crate::domain::{Channel, Notification, Priority, State};

/// A notification as its recipient sees it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Notification"))]
pub(super) struct View {
    id: String,
    channel: Channel,
    template_code: String,
    #[cfg_attr(test, schemars(range(min = 1)))]
    template_version: u32,
    /// BCP 47 tag.
    language: String,
    subject: String,
    /// The order that the message is about, if any.
    order_id: Option<String>,
    #[cfg_attr(test, schemars(extend("enum" = ["pending", "sent", "failed", "suppressed"])))]
    status: &'static str,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    created_at: String,
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    sent_at: Option<String>,
    attempts: usize,
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    next_attempt_at: Option<String>,
    /// Why it failed.
    reason: Option<String>,
}

impl From<Notification> for View {
    fn from(notification: Notification) -> Self {
        let next_attempt_at = notification.due_ms().map(rfc3339);
        let status = notification.state.as_str();
        let (sent_at, reason) = match notification.state {
            State::Sent { at_ms } => (Some(rfc3339(at_ms)), None),
            State::Failed { reason } => (None, Some(reason)),
            _ => (None, None),
        };
        View {
            id: notification.id,
            channel: notification.channel,
            template_code: notification.template_code,
            template_version: notification.pinned.version,
            language: notification.pinned.language,
            subject: notification.pinned.subject,
            order_id: notification.subject.filter(|subject| chassis::id::is("ord", subject)),
            status,
            created_at: rfc3339(notification.created_at_ms),
            sent_at,
            attempts: notification.attempts,
            next_attempt_at,
            reason,
        }
    }
}

/// A notification in a queue, as operators see it: without its text and address.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "QueuedNotification"))]
pub(super) struct Queued {
    notification_id: String,
    request_id: String,
    notification_type: Channel,
    user_id: String,
    template_code: String,
    /// The version that was the newest when the message was accepted.
    #[cfg_attr(test, schemars(range(min = 1)))]
    template_version: u32,
    language: String,
    priority: Priority,
    /// What it is about: the id of an order.
    subject: Option<String>,
    metadata: BTreeMap<String, String>,
    #[cfg_attr(test, schemars(extend("enum" = ["pending", "failed"])))]
    status: &'static str,
    /// Why it failed, or the result of the last attempt.
    reason: Option<String>,
    attempts: usize,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    first_seen_at: String,
    /// When the last attempt failed.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    last_attempt_at: Option<String>,
    /// Not before.
    #[cfg_attr(test, schemars(with = "Option<chassis::openapi::Time>"))]
    next_attempt_at: Option<String>,
}

impl From<Notification> for Queued {
    fn from(notification: Notification) -> Self {
        let last = notification.failures.last();
        Queued {
            status: notification.state.as_str(),
            reason: last.map(|failure| failure.detail.clone()),
            last_attempt_at: last.map(|setback| rfc3339(setback.at_ms)),
            next_attempt_at: notification.due_ms().map(rfc3339),
            first_seen_at: rfc3339(notification.created_at_ms),
            notification_id: notification.id,
            request_id: notification.request_id,
            notification_type: notification.channel,
            user_id: notification.user_id,
            template_code: notification.template_code,
            template_version: notification.pinned.version,
            language: notification.pinned.language,
            priority: notification.priority,
            subject: notification.subject,
            metadata: notification.metadata,
            attempts: notification.attempts,
        }
    }
}
