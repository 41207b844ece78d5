//! The outbox: a change and its event are one write.
//!
//! A store has no transactions across keys, so the unpublished events of an aggregate are stored in
//! the aggregate's own value, and one compare-and-swap writes both. A [`Relay`] publishes them
//! afterwards and removes them. If it dies in between, they are published again with the same ids,
//! and the log keeps each of them once. Publishing before the write could announce a change that
//! never happens; publishing after the write without an outbox could lose the event.
//!
//! Compare-and-swap puts all writes in one order, and events are numbered in that order. Publishing
//! always begins with the first unpublished event. So the log has the numbers of each subject from
//! 1 without gaps, regardless of how many relays run at once.
//!
//! # Cost
//! [`Relay::change`] of an aggregate with events makes four writes: a mark in an index, the change,
//! the emptied outbox, the removal of the mark. A caller with its own index of keys with
//! unpublished events, written before the change (unfinished sagas, for example), needs only two:
//! it calls `store.update` and [`Relay::flush`]. A change that leaves the outbox empty has no extra
//! cost.

mod marks;
mod relay;

pub use marks::{MARK_AGE_MS, MARKS_MAX, Mark, SHARDS};
pub use relay::{FLUSH_ROUNDS_MAX, Flushed, PUBLISH_BYTES_MAX, Relay, RelayError, Swept};

use crate::clock::rfc3339;
use crate::events::Event;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The maximum number of events in one outbox. They share a value with the aggregate, which is
/// written as a whole.
pub const PENDING_MAX: usize = 256;

/// The event is not taken: [`PENDING_MAX`] wait already, or it could never be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the outbox does not take the event: {0}")]
pub struct Full(pub String);

impl From<Full> for crate::Problem {
    fn from(error: Full) -> crate::Problem {
        eprintln!("{error}");
        crate::Problem::unavailable("Events wait to be published.", 5)
    }
}

/// An event before it has its number and id.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// URI reference of the producer, as `/shop/orders`. The same in all drafts of an outbox.
    pub source: String,
    /// Type, as `com.shop.orders.order.placed.v1`.
    pub kind: String,
    /// What it is about; also the partition key.
    pub subject: String,
    /// When it happened, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The payload.
    pub data: serde_json::Value,
}

/// The events of an aggregate that are still to be published, and the numbers given so far. A
/// member of the aggregate's value; put `#[serde(default)]` on it where values without one
/// exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outbox {
    /// Events ever pushed.
    pushed: u64,
    /// The last number of each subject. Stays when the subject goes: its numbers go on.
    sequences: BTreeMap<String, u64>,
    pending: Vec<Event>,
}

impl Outbox {
    /// Add an event: number the next of its subject, id `<subject>.<number>`, partition key
    /// the subject.
    pub fn push(&mut self, draft: Draft) -> Result<(), Full> {
        if self.pending.len() >= PENDING_MAX {
            return Err(Full(format!("{PENDING_MAX} events wait already")));
        }
        let sequence = self.sequence_of(&draft.subject) + 1;
        let event = Event {
            id: format!("{}.{sequence}", draft.subject),
            source: draft.source,
            kind: draft.kind,
            time: Some(rfc3339(draft.at_ms)),
            data_content_type: Some("application/json".to_owned()),
            data_schema: None,
            extensions: BTreeMap::from([
                ("partitionkey".to_owned(), draft.subject.clone()),
                ("sequence".to_owned(), sequence.to_string()),
            ]),
            data: draft.data.to_string(),
            subject: Some(draft.subject.clone()),
        };
        event.check().map_err(|error| Full(error.to_string()))?;
        self.pushed += 1;
        self.sequences.insert(draft.subject, sequence);
        self.pending.push(event);
        Ok(())
    }

    /// Note the W3C trace context of the call that changed the aggregate on all events that
    /// have none, so that the trace goes on when a later sweep publishes them.
    pub fn trace(&mut self, trace_parent: &str) {
        for event in &mut self.pending {
            let trace = event.extensions.entry("traceparent".to_owned());
            trace.or_insert_with(|| trace_parent.to_owned());
        }
    }

    /// What is still to be published, in order.
    pub fn pending(&self) -> &[Event] {
        &self.pending
    }

    /// How many events are still to be published.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether all is published.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many events were ever pushed: the last number, where all are about one subject.
    pub fn last_sequence(&self) -> u64 {
        self.pushed
    }

    /// The last number of a subject, 0 before its first event.
    pub fn sequence_of(&self, subject: &str) -> u64 {
        self.sequences.get(subject).copied().unwrap_or(0)
    }

    /// Take out what is published: the first `through` events that were ever pushed. Those
    /// that are out already don't matter.
    pub fn settle(&mut self, through: u64) {
        let settled = through.min(self.pushed).saturating_sub(self.settled());
        self.pending.drain(..usize::try_from(settled).unwrap_or(usize::MAX));
    }

    /// How many of the first events are out.
    fn settled(&self) -> u64 {
        self.pushed.saturating_sub(self.pending.len() as u64)
    }
}

/// A value with an outbox in it.
pub trait HasOutbox {
    /// The outbox.
    fn outbox(&self) -> &Outbox;
    /// The outbox, to be changed.
    fn outbox_mut(&mut self) -> &mut Outbox;
}

#[cfg(test)]
mod tests;
