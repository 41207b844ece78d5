//! The event log: progress of subscriptions, dead letters, and replays.

use super::reply::{self, Reply};
use super::route::Call;
use crate::problem::Code;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::str::FromStr;
use tessera_cloudevents::json::to_string;
use tessera_events::{DeadLetter, Entry, Error, Log, Progress};

/// The default page size.
const LIMIT_DEFAULT: u32 = 100;

/// There is no event log.
pub(super) fn none() -> Reply {
    let detail = "No component of this application publishes, reads or takes events.";
    reply::problem(Code::NOT_FOUND, detail)
}

pub(super) async fn subscriptions(log: &dyn Log, _: Call<'_>) -> Result<Reply, Error> {
    let all: Vec<_> = log.subscriptions().await?.iter().map(subscription).collect();
    Ok(reply::json(&json!({ "subscriptions": all })))
}

pub(super) async fn dead_letters(log: &dyn Log, call: Call<'_>) -> Result<Reply, Error> {
    let query = &call.query;
    let limit = parameter(query, "limit")?.unwrap_or(LIMIT_DEFAULT);
    // A page is cut by its size, too: only an empty one is the end.
    let letters = log.dead_letters(parameter(query, "after")?, limit).await?;
    let next = letters.last().map(|last| last.id.as_str());
    let shown: Vec<_> = letters.iter().map(dead_letter).collect();
    Ok(reply::json(&json!({ "dead_letters": shown, "next": next })))
}

pub(super) async fn read(log: &dyn Log, call: Call<'_>) -> Result<Reply, Error> {
    let query = &call.query;
    let limit = parameter(query, "limit")?.unwrap_or(LIMIT_DEFAULT);
    let entries = log.read(parameter(query, "after")?.unwrap_or(0), limit).await?;
    let next = entries.last().map(|last| last.position);
    let shown: Vec<_> = entries.iter().map(entry).collect();
    Ok(reply::json(&json!({ "events": shown, "next": next })))
}

pub(super) async fn replay(log: &dyn Log, call: Call<'_>) -> Result<Reply, Error> {
    let id = call.value(0);
    log.replay(id.to_owned()).await?;
    tracing::info!(dead_letter = id, "a dead letter is delivered again");
    Ok(reply::no_content())
}

pub(super) async fn discard(log: &dyn Log, call: Call<'_>) -> Result<Reply, Error> {
    let id = call.value(0);
    log.discard(id.to_owned()).await?;
    tracing::info!(dead_letter = id, "a dead letter was discarded");
    Ok(reply::no_content())
}

pub(super) async fn replay_key(log: &dyn Log, call: Call<'_>) -> Result<Reply, Error> {
    let (name, key) = (call.value(0), call.value(1));
    let key = percent_decode_str(key).decode_utf8();
    let key = key.map_err(|_| Error::Invalid("the key is not UTF-8".to_owned()))?;
    let events = log.replay_key(name.to_owned(), key.clone().into_owned()).await?;
    tracing::info!(subscription = name, %key, events, "the events of a key will be redelivered");
    Ok(reply::json(&json!({ "events": events })))
}

pub(super) async fn replay_range(log: &dyn Log, call: Call<'_>) -> Result<Reply, Error> {
    let (name, query) = (call.value(0), call.query.as_str());
    only(query, &["from", "until"])?;
    let (from_ms, until_ms) = (required(query, "from")?, required(query, "until")?);
    let events = log.replay_range(name.to_owned(), from_ms, until_ms).await?;
    tracing::info!(subscription = name, from_ms, until_ms, events, "events are delivered again");
    Ok(reply::json(&json!({ "events": events })))
}

/// Fails if a query has other parameters: a misspelled one would be ignored.
fn only(query: &str, names: &[&str]) -> Result<(), Error> {
    let mut pairs = query.split('&').filter(|pair| !pair.is_empty());
    let unknown = pairs.find_map(|pair| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        (!names.contains(&name)).then_some(name)
    });
    match unknown {
        Some(name) => Err(Error::Invalid(format!("there is no parameter `{name}` here"))),
        None => Ok(()),
    }
}

fn required<T: FromStr>(query: &str, name: &str) -> Result<T, Error> {
    let missing = || {
        let detail = "give `from` and `until` in milliseconds since the epoch";
        Error::Invalid(format!("`{name}` is missing: {detail}"))
    };
    parameter(query, name)?.ok_or_else(missing)
}

fn parameter<T: FromStr>(query: &str, name: &str) -> Result<Option<T>, Error> {
    let Some(text) = super::parameter(query, name) else { return Ok(None) };
    let value = text.parse().map_err(|_| Error::Invalid(format!("`{name}` can't be `{text}`")));
    value.map(Some)
}

pub(super) fn refused(error: &Error) -> Reply {
    let code = match error {
        Error::Invalid(_) => Code::BadRequest,
        Error::NotFound(_) => Code::NOT_FOUND,
        Error::Unavailable(_) | Error::Full(_) => Code::Unavailable,
    };
    reply::problem(code, &error.to_string())
}

fn subscription(progress: &Progress) -> Value {
    json!({
        "name": progress.name,
        "components": progress.components,
        "types": progress.types,
        "lag_events": progress.lag_events,
        "lag_ms": progress.lag_ms,
        "held_events": progress.held_events,
        "retrying_events": progress.retrying_events,
        "dead_letters": progress.dead_letters,
    })
}

fn entry(entry: &Entry) -> Value {
    json!({
        "position": entry.position,
        "recorded_at_ms": entry.recorded_at_ms,
        "event": serde_json::from_str::<Value>(&to_string(&entry.event)).unwrap_or_default(),
    })
}

fn dead_letter(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.id,
        "subscription": letter.subscription,
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "first_seen_at_ms": letter.first_seen_at_ms,
        "died_at_ms": letter.died_at_ms,
        "entry": entry(&letter.entry),
    })
}
