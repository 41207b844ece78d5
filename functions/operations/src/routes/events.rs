//! Subscriptions and dead letters of the event log, and replays.

use super::Api;
use crate::domain::{DeadLetter, Event, Reason, Subscription};
use crate::ports::{LogError, Ports};
use axum::Json;
use axum::extract::{Path, State};
use chassis::auth::Admin;
use chassis::clock::{parse_rfc3339, rfc3339};
use chassis::form::{Fields, JsonBody};
use chassis::page::{Cursor, Page, PageQuery};
use chassis::problem::{Problem, Result};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

/// The name of the list in cursors.
const DEAD_LETTERS: &str = "admin/dead-letters";

/// A subscription: its events, its subscribers and its lag.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Subscription"))]
pub(super) struct SubscriptionView {
    /// The consumer group.
    name: String,
    /// The components that take turns, key by key.
    components: Vec<String>,
    /// Each exact or with a `*` at its end.
    types: Vec<String>,
    /// Events that are not yet processed.
    lag: u64,
    /// Age of the oldest of them, in milliseconds.
    lag_ms: u64,
    /// Events that wait behind a dead letter of their key. The count stops at 100,000.
    held: u64,
    /// Events whose delivery has failed and will be tried again.
    retrying: u64,
    /// Dead letters.
    dead: u64,
}

impl From<Subscription> for SubscriptionView {
    fn from(it: Subscription) -> Self {
        let Subscription { name, components, types, lag, lag_ms, held, retrying, dead } = it;
        Self { name, components, types, lag, lag_ms, held, retrying, dead }
    }
}

/// An event that could not be delivered to a subscription.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DeadLetter"))]
pub(super) struct LetterView {
    id: String,
    subscription: String,
    #[cfg_attr(test, schemars(extend("enum" = ["rejected", "attempts_exhausted"])))]
    reason: &'static str,
    /// The last response of the subscriber.
    detail: String,
    /// Deliveries that failed.
    attempts: u32,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    first_seen_at: String,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    died_at: String,
    #[cfg_attr(test, schemars(with = "super::api::CloudEvent"))]
    event: Value,
}

impl From<DeadLetter> for LetterView {
    fn from(letter: DeadLetter) -> Self {
        Self {
            reason: match letter.reason {
                Reason::Rejected => "rejected",
                Reason::AttemptsExhausted => "attempts_exhausted",
            },
            first_seen_at: rfc3339(letter.first_seen_at),
            died_at: rfc3339(letter.died_at),
            event: cloud_event(letter.entry.event),
            id: letter.id,
            subscription: letter.subscription,
            detail: letter.detail,
            attempts: letter.attempts,
        }
    }
}

/// The event in the JSON format of CloudEvents. Data that is not JSON is a string.
fn cloud_event(event: Event) -> Value {
    let is_json = event.data_content_type.ends_with("json");
    let data = is_json.then(|| serde_json::from_str(&event.data).ok()).flatten();
    let mut value = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type_,
        "time": event.time,
        "partitionkey": event.partition_key,
        "datacontenttype": event.data_content_type,
        "data": data.unwrap_or(Value::String(event.data)),
    });
    if let Some(subject) = event.subject {
        value["subject"] = json!(subject);
    }
    if let Some(sequence) = event.sequence {
        value["sequence"] = json!(sequence.to_string());
    }
    value
}

pub(super) async fn subscriptions<P: Ports>(
    State(Api(ports)): State<Api<P>>,
    _: Admin,
) -> Result<Json<Page<SubscriptionView>>> {
    let items = ports.subscriptions().await.map_err(problem)?;
    Ok(Json(Page { items: items.into_iter().map(Into::into).collect(), next_cursor: None }))
}

pub(super) async fn dead_letters<P: Ports>(
    State(Api(ports)): State<Api<P>>,
    _: Admin,
    query: PageQuery,
) -> Result<Json<Page<LetterView>>> {
    let after: Option<String> = query.position(DEAD_LETTERS)?;
    let limit = u32::try_from(query.limit).unwrap_or(u32::MAX);
    let letters = ports.dead_letters(after, limit).await.map_err(problem)?;
    // Pages that would be too large are shorter, so only an empty page is the last.
    let next_cursor = letters.last().map(|letter| Cursor::encode(DEAD_LETTERS, &letter.id));
    Ok(Json(Page { items: letters.into_iter().map(Into::into).collect(), next_cursor }))
}

pub(super) async fn replay<P: Ports>(
    State(Api(ports)): State<Api<P>>,
    _: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    ports.replay(id).await.map_err(problem)?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) async fn discard<P: Ports>(
    State(Api(ports)): State<Api<P>>,
    _: Admin,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    ports.discard(id).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The events that will be delivered again.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Replayed {
    /// The number of events.
    events: u64,
}

pub(super) async fn replay_key<P: Ports>(
    State(Api(ports)): State<Api<P>>,
    _: Admin,
    Path((name, key)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Replayed>)> {
    let events = ports.replay_key(name, key).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { events })))
}

pub(super) async fn replay_range<P: Ports>(
    State(Api(ports)): State<Api<P>>,
    _: Admin,
    Path(name): Path<String>,
    body: JsonBody,
) -> Result<(StatusCode, Json<Replayed>)> {
    let mut fields = body.fields();
    let (from, until) = (time(&mut fields, "from"), time(&mut fields, "until"));
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        fields.fault("until", "must be later than `from`");
    }
    fields.finish()?;
    let (from, until) = from.zip(until).ok_or_else(Problem::internal)?;
    let events = ports.replay_range(name, from, until).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { events })))
}

fn time(fields: &mut Fields<'_>, name: &str) -> Option<u64> {
    let text = fields.string(name, 1..=40)?;
    let ms = parse_rfc3339(&text);
    if ms.is_none() {
        fields.fault(name, "must be a time as 2026-01-31T12:00:00Z");
    }
    ms
}

fn problem(error: LogError) -> Problem {
    match error {
        LogError::NotFound(detail) => Problem::not_found(detail),
        LogError::Invalid(detail) => Problem::bad_request(detail),
        LogError::Unavailable(detail) => {
            eprintln!("operations: the event log: {detail}");
            Problem::unavailable("The event log is not available now.", 1)
        }
    }
}
