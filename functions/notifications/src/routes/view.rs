//! Notifications as they are answered.

use std::collections::BTreeMap;

use chassis::clock::rfc3339;
use serde::Serialize;

use crate::domain::{Channel, Notification, Priority, State};

/// A notification as its reader sees it.
#[derive(Debug, Serialize)]
pub(super) struct View {
    id: String,
    channel: Channel,
    template_code: String,
    template_version: u32,
    language: String,
    subject: String,
    /// The order that the message is about, if any.
    order_id: Option<String>,
    status: &'static str,
    created_at: String,
    sent_at: Option<String>,
    attempts: usize,
    next_attempt_at: Option<String>,
    reason: Option<String>,
}

impl From<Notification> for View {
    fn from(notification: Notification) -> Self {
        let next_attempt_at = notification.due_ms().map(rfc3339);
        let status = notification.state.word();
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

/// A notification in a queue, as operators see it: without what it says and to which address.
#[derive(Debug, Serialize)]
pub(super) struct Queued {
    notification_id: String,
    request_id: String,
    notification_type: Channel,
    user_id: String,
    template_code: String,
    template_version: u32,
    language: String,
    priority: Priority,
    subject: Option<String>,
    metadata: BTreeMap<String, String>,
    status: &'static str,
    /// Why it failed, or what the last attempt said.
    reason: Option<String>,
    attempts: usize,
    first_seen_at: String,
    last_attempt_at: Option<String>,
    next_attempt_at: Option<String>,
}

impl From<Notification> for Queued {
    fn from(notification: Notification) -> Self {
        let last = notification.setbacks.last();
        Queued {
            status: notification.state.word(),
            reason: last.map(|setback| setback.detail.clone()),
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
