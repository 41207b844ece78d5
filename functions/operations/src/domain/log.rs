//! The event log, subject by subject: folded while it is read, so that a long log fits into
//! little memory.

use chassis::money::Money;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The source of the events of orders.
pub const ORDERS_SOURCE: &str = "/shop/orders";
/// The source of the events of shipping.
pub const SHIPPING_SOURCE: &str = "/shop/shipping";
/// Faults of one subject's sequence that are kept.
const FAULTS_MAX: usize = 4;

/// A CloudEvent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Unique within its source.
    pub id: String,
    /// Who published it, as `/shop/orders`.
    pub source: String,
    /// Its type, as `com.shop.orders.order.placed.v1`.
    pub kind: String,
    /// What it is about.
    pub subject: Option<String>,
    /// RFC 3339, UTC.
    pub time: String,
    /// Events with the same key are delivered in order.
    pub partition_key: String,
    /// Its place among those of its source and subject, from 1.
    pub sequence: Option<u64>,
    /// Media type of `data`.
    pub data_content_type: String,
    /// The content.
    pub data: String,
}

/// An event where it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Ascending.
    pub position: u64,
    /// When it became durable, in milliseconds since the epoch.
    pub recorded_at_ms: u64,
    /// The event.
    pub event: Event,
}

/// What the events of an order carry, as far as it is checked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OrderState {
    /// Whose it is.
    pub user_id: String,
    /// As in the contract of orders.
    pub status: String,
    /// What it costs.
    pub total: Money,
}

/// Two neighbors of a sequence that do not follow on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What should have come.
    pub expected: u64,
    /// What came.
    pub found: u64,
}

/// All events about one subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// The sequence number of the first event that is there.
    pub first: u64,
    /// The highest sequence number so far.
    pub last: u64,
    /// When the last one became durable, in milliseconds since the epoch.
    pub last_at_ms: u64,
    /// Where the sequence breaks, the first few; the beginning is not among them.
    pub faults: Vec<Fault>,
    /// What the last event says of the order, if the subject is one.
    pub state: Option<OrderState>,
    /// Each change of status, with when it became durable.
    pub changes: Vec<(String, u64)>,
}

/// The log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// By source and subject; events without a sequence number are in none.
    pub streams: BTreeMap<(String, String), Stream>,
    /// How many events were read.
    pub events: u64,
    /// The position of the oldest event, and when it became durable.
    pub begins: Option<(u64, u64)>,
}

impl Streams {
    /// The log with these events.
    pub fn of(events: &[LoggedEvent]) -> Streams {
        let mut streams = Streams::default();
        events.iter().for_each(|event| streams.take_in(event));
        streams
    }

    /// Counts the next event of the log.
    pub fn pass_over(&mut self, logged: &LoggedEvent) {
        self.events += 1;
        self.begins.get_or_insert((logged.position, logged.recorded_at_ms));
    }

    /// Adds the next event of the log.
    pub fn take_in(&mut self, logged: &LoggedEvent) {
        self.pass_over(logged);
        let event = &logged.event;
        let (Some(subject), Some(sequence)) = (&event.subject, event.sequence) else { return };
        let key = (event.source.clone(), subject.clone());
        let stream = self.streams.entry(key).or_default();
        stream.count(sequence);
        stream.last_at_ms = logged.recorded_at_ms;
        if event.source != ORDERS_SOURCE {
            return;
        }
        stream.state = serde_json::from_str(&event.data).ok();
        if let Some(state) = &stream.state
            && stream.changes.last().is_none_or(|(status, _)| *status != state.status)
        {
            stream.changes.push((state.status.clone(), logged.recorded_at_ms));
        }
    }

    /// What the log says of this subject.
    pub fn get(&self, source: &str, subject: &str) -> Option<&Stream> {
        self.streams.get(&(source.to_owned(), subject.to_owned()))
    }

    /// All subjects of a source.
    pub fn subjects(&self, source: &str) -> impl Iterator<Item = (&str, &Stream)> {
        let of_source = self.streams.iter().filter(move |((of, _), _)| of == source);
        of_source.map(|((_, subject), stream)| (subject.as_str(), stream))
    }
}

impl Stream {
    fn count(&mut self, sequence: u64) {
        if self.first == 0 {
            self.first = sequence;
        } else if sequence != self.last + 1 && self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { expected: self.last + 1, found: sequence });
        }
        self.last = self.last.max(sequence);
    }
}

/// Who gets which events, and how far behind it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The consumer group.
    pub name: String,
    /// The components that take turns.
    pub components: Vec<String>,
    /// Types, each exact or with a `*` at its end.
    pub types: Vec<String>,
    /// Events that are not yet done.
    pub lag: u64,
    /// Age of the oldest of them, in milliseconds.
    pub lag_ms: u64,
    /// Of those, events that wait behind a dead letter of their partition key.
    pub held: u64,
    /// Of those, events whose delivery has failed and will be tried again.
    pub retrying: u64,
    /// Dead letters.
    pub dead: u64,
}

/// Why a delivery was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The subscriber refused it for good.
    Rejected,
    /// It failed too often.
    AttemptsExhausted,
}

/// An event that a subscription could not be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names it for a replay.
    pub id: String,
    /// The consumer group.
    pub subscription: String,
    /// The event.
    pub logged: LoggedEvent,
    /// Why it was given up.
    pub reason: Reason,
    /// What the subscriber said last.
    pub detail: String,
    /// Deliveries that failed.
    pub attempts: u32,
    /// Of the first attempt, in milliseconds since the epoch.
    pub first_seen_at_ms: u64,
    /// When it was given up, in milliseconds since the epoch.
    pub died_at_ms: u64,
}
