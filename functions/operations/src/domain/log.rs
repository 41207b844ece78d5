//! The event log by subject. It is aggregated while it is read, so that a long log needs little
//! memory.

use super::books::Money;
use crate::bindings::tessera::events;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use events::log::{DeadLetter, Entry as LoggedEvent, Reason, Subscription};
pub use events::producer::Event;

/// The source of the events of orders.
pub const ORDERS_SOURCE: &str = "/shop/orders";
/// The source of the events of shipping.
pub const SHIPPING_SOURCE: &str = "/shop/shipping";
/// The maximum number of recorded faults of one subject's sequence.
const FAULTS_MAX: usize = 4;

/// The checked part of the data of an order's event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderState {
    /// The customer.
    pub user_id: String,
    /// As in the contract of orders.
    pub status: String,
    /// The price.
    pub total: Money,
}

impl OrderState {
    /// What an event says about an order.
    pub fn of(event: &Event) -> Option<OrderState> {
        if event.source != ORDERS_SOURCE {
            return None;
        }
        serde_json::from_str(&event.data).ok()
    }
}

/// Two neighboring events whose sequence numbers are not consecutive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The expected number.
    pub expected: u64,
    /// The number that was found.
    pub found: u64,
}

/// All events about one subject.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// The sequence number of the oldest event in the log.
    pub first: u64,
    /// The highest sequence number so far.
    pub last: u64,
    /// When the last one became durable, in milliseconds since the epoch.
    pub last_at_ms: u64,
    /// The first few faults of the sequence. A missing beginning is not among them.
    pub faults: Vec<Fault>,
    /// The state of the order according to its last event, if the subject is an order.
    pub state: Option<OrderState>,
    /// Each change of status, with when it became durable.
    pub changes: Vec<(String, u64)>,
}

/// The log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams {
    /// By source and subject; events without a sequence number are in none.
    pub streams: BTreeMap<(String, String), Stream>,
    /// The number of events that were read.
    pub events: u64,
    /// The position of the oldest event, and when it became durable.
    pub begins: Option<(u64, u64)>,
}

impl Streams {
    /// The log with these events.
    pub fn of(events: &[LoggedEvent]) -> Streams {
        let mut streams = Streams::default();
        events.iter().for_each(|event| streams.add(event));
        streams
    }

    /// Adds the next event of the log.
    pub fn add(&mut self, logged: &LoggedEvent) {
        self.events += 1;
        self.begins.get_or_insert((logged.position, logged.recorded_at));
        let event = &logged.event;
        let (Some(subject), Some(sequence)) = (&event.subject, event.sequence) else { return };
        let key = (event.source.clone(), subject.clone());
        let stream = self.streams.entry(key).or_default();
        stream.count(sequence);
        stream.last_at_ms = logged.recorded_at;
        stream.state = OrderState::of(event);
        if let Some(state) = &stream.state
            && stream.changes.last().is_none_or(|(status, _)| *status != state.status)
        {
            stream.changes.push((state.status.clone(), logged.recorded_at));
        }
    }

    /// The events of a subject.
    pub fn get(&self, source: &str, subject: &str) -> Option<&Stream> {
        self.streams.get(&(source.to_owned(), subject.to_owned()))
    }

    /// All subjects of a source.
    pub fn subjects(&self, source: &str) -> impl Iterator<Item = &String> {
        let subjects = self.streams.keys().filter(move |(of, _)| of == source);
        subjects.map(|(_, subject)| subject)
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
