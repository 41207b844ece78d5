//! The outbox: a change and the event that tells of it are one write.
//!
//! A store has no transactions across keys, so the events that an aggregate has still to
//! publish lie in the aggregate's own value, and one compare-and-swap writes both. A
//! [`Relay`] publishes them afterwards and takes them out. It may die between the two: then it
//! publishes them again, with the same ids, and the log keeps each once. Publishing first
//! could tell of a change that never came to be; publishing after the write without an outbox
//! could lose the event.
//!
//! Numbers are given in the order of the writes, which compare-and-swap makes one order, and
//! what is published always begins with the first event that was not: so the log has the
//! numbers of each subject from 1 without gaps, however many relays run at once.
//!
//! # What it costs
//! [`Relay::change`] of an aggregate with events makes four writes: a mark in an index, the
//! change, the emptied outbox, the mark's end. Where the caller has an index of its own that
//! leads a sweep to every key with something in its outbox and that it writes before the
//! change (open sagas, say), two of them fall away: `store.update` and [`Relay::flush`]. A
//! change that leaves the outbox empty costs what it costs without one.

mod marks;
mod relay;

pub use marks::{MARK_AGE_MS, MARKS_MAX, Mark, SHARDS};
pub use relay::{FLUSH_ROUNDS_MAX, Flushed, PUBLISH_BYTES_MAX, Relay, RelayError, Swept};

use crate::clock::rfc3339;
use crate::events::Event;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most events that wait in one outbox. They share a value with the aggregate, which is
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
