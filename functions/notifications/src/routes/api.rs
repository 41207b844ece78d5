//! The operations of notifications.
#![allow(dead_code, reason = "the types of requests only describe them")]

use std::collections::BTreeMap;

use chassis::openapi::Api;
use chassis::page::Page;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::operators::{ProjectionView, QueueView};
use super::requests::{AcceptedView, NAME_LENGTH_MAX};
use super::view::{Queued, View};
use crate::domain::{
    Channel, LANGUAGE_LENGTH_MAX, METADATA_COUNT_MAX, METADATA_LENGTH_MAX, Preferences, Priority,
    REQUEST_ID_LENGTH_MAX, VARIABLE_COUNT_MAX, VARIABLE_LENGTH_MAX,
};

/// A message to be sent.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NewNotification {
    /// Chosen by the caller.
    #[schemars(length(min = 1, max = REQUEST_ID_LENGTH_MAX))]
    request_id: String,
    notification_type: Channel,
    #[schemars(length(max = NAME_LENGTH_MAX))]
    user_id: String,
    #[schemars(length(max = NAME_LENGTH_MAX))]
    template_code: String,
    /// What the template needs; `name` is the recipient's if it is not given.
    #[schemars(extend("maxProperties" = VARIABLE_COUNT_MAX))]
    variables: Option<BTreeMap<String, Variable>>,
    /// BCP 47 tag; the recipient's own if it is not given. Falls back `pt-BR`, `pt`, the
    /// template's default.
    #[schemars(length(max = LANGUAGE_LENGTH_MAX))]
    language: Option<String>,
    #[schemars(extend("default" = "normal"))]
    priority: Option<Priority>,
    /// Kept and shown to operators.
    #[schemars(extend("maxProperties" = METADATA_COUNT_MAX))]
    metadata: Option<BTreeMap<String, Metadata>>,
}

#[derive(JsonSchema)]
#[schemars(inline)]
struct Variable(#[schemars(length(max = VARIABLE_LENGTH_MAX))] String);

#[derive(JsonSchema)]
#[schemars(inline)]
struct Metadata(#[schemars(length(max = METADATA_LENGTH_MAX))] String);

fn api() -> Api {
    let mut api = Api::new("notifications");
    reading(&mut api);
    sending(&mut api);
    queues(&mut api);
    api
}

fn reading(api: &mut Api) {
    api.operation(
        "listNotifications",
        "List own notifications",
        "The messages to the caller, newest first.",
    )
    .paged()
    .ok::<Page<View>>("A page.", &json!({"items": [notification()], "next_cursor": null}));
    api.operation(
        "getNotification",
        "Get a notification",
        "A message to the caller; administrators can read all.",
    )
    .ok::<View>("The notification.", &notification())
    .problems([404]);
    api.operation(
        "getPreferences",
        "Get the channels for messages",
        "The channels that may be used for messages to the caller.",
    )
    .ok::<Preferences>("The preferences.", &preferences());
    api.operation(
        "putPreferences",
        "Change the channels for messages",
        "Applies to all messages that are not sent yet.",
    )
    .body::<Preferences>(&preferences())
    .ok::<Preferences>("The preferences.", &preferences())
    .problems([422]);
}

fn sending(api: &mut Api) {
    api.operation(
        "sendNotification",
        "Send a message",
        "Accepted once for each `request_id`: a repetition gets the same response and sends \
         nothing more. A message that can't be sent is refused before it is queued. Whether it is \
         sent later depends on the preferences of its recipient at that time.",
    )
    .body::<NewNotification>(&json!({
        "request_id": "spring-2026-17",
        "notification_type": "email",
        "user_id": "usr_0192f0c0-1b2c-7d3e-8f40-516273849501",
        "template_code": "welcome",
        "variables": {"name": "Ada"},
        "language": "pt-BR",
        "priority": "low",
        "metadata": {"campaign": "spring"},
    }))
    .json::<AcceptedView>(202, "Accepted.", &accepted())
    .headers(["Location"])
    .problems([422]);
    api.operation(
        "replayNotification",
        "Send a failed message again",
        "With as many attempts as a new one. Repeating the request while the message waits \
         changes nothing. Possible for seven days; then the text is deleted (409).",
    )
    .tag("administration")
    .json::<AcceptedView>(202, "The message waits to be sent.", &accepted())
    .headers(["Location"])
    .problems([404, 409]);
}

fn queues(api: &mut Api) {
    api.operation(
        "listQueues",
        "List the queues of messages",
        "`email.queue` and `push.queue` contain messages that wait to be sent, `failed.queue` \
         those that could not be sent.",
    )
    .tag("administration")
    .ok::<Page<QueueView>>(
        "All queues.",
        &json!({
            "items": [
                {"name": "email.queue", "length": 0, "oldest_since": null},
                {"name": "push.queue", "length": 0, "oldest_since": null},
                {
                    "name": "failed.queue",
                    "length": 1,
                    "oldest_since": "2026-01-31T12:00:00.000Z",
                },
            ],
            "next_cursor": null,
        }),
    );
    api.operation(
        "listQueue",
        "List the messages in a queue",
        "Oldest first, without their texts and addresses.",
    )
    .tag("administration")
    .paged()
    .ok::<Page<Queued>>(
        "A page.",
        &json!({
            "items": [
                {
                    "notification_id": "ntf_0192f0c3-7a10-7c3e-9d5b-2f1f5f0a9c30",
                    "request_id": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11:confirmed",
                    "notification_type": "email",
                    "user_id": "usr_0192f0c0-1b2c-7d3e-8f40-516273849501",
                    "template_code": "order-confirmed",
                    "template_version": 1,
                    "language": "en",
                    "priority": "normal",
                    "subject": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
                    "metadata": {},
                    "status": "failed",
                    "reason": "the provider refused it: no such mailbox",
                    "attempts": 1,
                    "first_seen_at": "2026-01-31T12:00:00.000Z",
                    "last_attempt_at": "2026-01-31T12:00:00.120Z",
                    "next_attempt_at": null,
                },
            ],
            "next_cursor": null,
        }),
    )
    .problems([404]);
    api.operation(
        "getUserCopies",
        "Get the state of the copies of users",
        "The addresses, names and languages that notifications stores, so that it does not have to \
         read the account for each message.",
    )
    .tag("administration")
    .ok::<ProjectionView>(
        "The state.",
        &json!({
            "name": "users",
            "entries": 5,
            "last_event_at": "2026-01-31T12:00:00.000Z",
            "last_received_at": "2026-01-31T12:00:00.012Z",
            "staleness_ms": 12,
        }),
    );
}

fn notification() -> Value {
    json!({
        "id": "ntf_0192f0c3-7a10-7c3e-9d5b-2f1f5f0a9c30",
        "channel": "email",
        "template_code": "order-confirmed",
        "template_version": 1,
        "language": "en",
        "subject": "Your order is confirmed",
        "order_id": "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
        "status": "sent",
        "created_at": "2026-01-31T12:00:00.000Z",
        "sent_at": "2026-01-31T12:00:00.000Z",
        "attempts": 1,
        "next_attempt_at": null,
        "reason": null,
    })
}

fn preferences() -> Value {
    json!({"email": true, "push": false})
}

fn accepted() -> Value {
    json!({"notification_id": "ntf_0192f0c3-7a10-7c3e-9d5b-2f1f5f0a9c30", "status": "pending"})
}

#[test]
fn the_committed_description_is_up_to_date() {
    assert_eq!(api().compare(env!("CARGO_MANIFEST_DIR")), Ok(()));
}
