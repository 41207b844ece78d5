//! The inbox: an event is delivered at least once, but must take effect once.
//!
//! The record of processed events is part of the value that they change, and one compare-and-swap
//! writes both, so that neither can survive a crash without the other. Each consumer has its own
//! values and therefore its own record.

use crate::events::Event;
use crate::problem::{Problem, ProblemType};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The number of events that an [`Inbox`] remembers. A redelivery after more than this many others
/// is taken for a new event.
pub const INBOX_EVENTS_MAX: usize = 256;

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is new: apply it, and write the value.
    Fresh,
    /// It was applied before: respond as if it were applied now.
    Duplicate,
    /// Events before it are missing: respond with [`too_early`], so that it is delivered again.
    Gap {
        /// The next number.
        expected: u64,
    },
}

/// The response to an event that arrives before an earlier one of its subject: 425. The platform
/// delivers the event again.
pub fn too_early(expected: u64) -> Problem {
    Problem::new(ProblemType::TooEarly)
        .detail(format!("The event with the number {expected} of this subject comes first."))
}

/// The number of the last processed event by source and subject. It grows with the number of
/// subjects that the value is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequences {
    last: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Sequences {
    /// Admits events one after the other, without gaps. Only correct for a subscription to all
    /// types of the source, from the beginning. An event without a number is always fresh.
    pub fn admit(&mut self, event: &Event) -> Admission {
        let Some(sequence) = event.sequence() else { return Admission::Fresh };
        let expected = self.last(event) + 1;
        if sequence > expected {
            return Admission::Gap { expected };
        }
        self.admit_newer(event)
    }

    /// Admits any event that is newer than the last one: for events that carry the whole state.
    /// Also correct for subscriptions to some of the types. An event without a number is always
    /// fresh.
    pub fn admit_newer(&mut self, event: &Event) -> Admission {
        let Some(sequence) = event.sequence() else { return Admission::Fresh };
        if sequence <= self.last(event) {
            return Admission::Duplicate;
        }
        let subjects = self.last.entry(event.source.clone()).or_default();
        subjects.insert(subject(event).to_owned(), sequence);
        Admission::Fresh
    }

    /// The number of the last admitted event of this source and subject; 0 before the first.
    pub fn last_of(&self, source: &str, subject: &str) -> u64 {
        self.last.get(source).and_then(|subjects| subjects.get(subject)).copied().unwrap_or(0)
    }

    fn last(&self, event: &Event) -> u64 {
        self.last_of(&event.source, subject(event))
    }
}

fn subject(event: &Event) -> &str {
    event.subject.as_deref().unwrap_or_default()
}

/// The last [`INBOX_EVENTS_MAX`] events by source and id, for events without a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inbox {
    seen: VecDeque<(String, String)>,
}

impl Inbox {
    /// Returns whether the event is fresh or a duplicate. If the inbox is full, the oldest event is
    /// forgotten.
    pub fn admit(&mut self, event: &Event) -> Admission {
        let same = |(source, id): &(String, String)| *source == event.source && *id == event.id;
        if self.seen.iter().any(same) {
            return Admission::Duplicate;
        }
        if self.seen.len() >= INBOX_EVENTS_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back((event.source.clone(), event.id.clone()));
        Admission::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(source: &str, subject: &str, sequence: Option<u64>) -> Event {
        let number = sequence.map(|n| n.to_string());
        Event {
            id: format!("{subject}.{}", sequence.unwrap_or(0)),
            source: source.to_owned(),
            kind: "com.shop.test.v1".to_owned(),
            subject: Some(subject.to_owned()),
            time: None,
            data_content_type: None,
            data_schema: None,
            extensions: number.map(|n| ("sequence".to_owned(), n)).into_iter().collect(),
            data: String::new(),
        }
    }

    #[test]
    fn sources_and_subjects_are_counted_apart() {
        let mut sequences = Sequences::default();
        for (source, subject) in [("/a", "1"), ("/a", "2"), ("/b", "1")] {
            assert_eq!(sequences.admit(&event(source, subject, Some(1))), Admission::Fresh);
            let again = sequences.admit(&event(source, subject, Some(1)));
            assert_eq!(again, Admission::Duplicate);
        }
        assert_eq!(sequences.admit(&event("/a", "1", Some(3))), Admission::Gap { expected: 2 });
        assert_eq!(sequences.admit_newer(&event("/a", "1", Some(3))), Admission::Fresh);
        assert_eq!(sequences.last_of("/a", "1"), 3);
        assert_eq!(sequences.admit(&event("/a", "1", None)), Admission::Fresh);
        assert_eq!(too_early(2).status().as_u16(), 425);
    }

    #[test]
    fn an_inbox_forgets_the_oldest_only() {
        let mut inbox = Inbox::default();
        let numbered = |n| event("/a", "s", Some(n));
        for n in 0..=INBOX_EVENTS_MAX as u64 {
            assert_eq!(inbox.admit(&numbered(n)), Admission::Fresh);
        }
        assert_eq!(inbox.admit(&numbered(1)), Admission::Duplicate);
        assert_eq!(inbox.admit(&event("/b", "s", Some(1))), Admission::Fresh, "another source");
        assert_eq!(inbox.admit(&numbered(0)), Admission::Fresh, "the oldest had left");
    }

    proptest! {
        /// Whatever arrives, twice and in any order: a broker that repeats what was too early
        /// gets all in, once each and in order.
        #[test]
        fn every_event_is_applied_once_and_in_order(
            arrivals in proptest::collection::vec((0usize..2, 1u64..8), 0..60)
        ) {
            let mut sequences = Sequences::default();
            let mut applied = [Vec::new(), Vec::new()];
            let repeated = (1..8).flat_map(|n| [(0, n), (1, n)]);
            for (subject, n) in arrivals.into_iter().chain(repeated) {
                let event = event("/a", &subject.to_string(), Some(n));
                match sequences.admit(&event) {
                    Admission::Fresh => applied[subject].push(n),
                    Admission::Duplicate => prop_assert!(applied[subject].contains(&n)),
                    Admission::Gap { expected } => {
                        prop_assert_eq!(expected, applied[subject].len() as u64 + 1);
                    }
                }
                let stored = serde_json::to_string(&sequences).unwrap_or_default();
                sequences = serde_json::from_str(&stored).unwrap_or_default();
            }
            for applied in applied {
                prop_assert_eq!(applied, (1..8).collect::<Vec<u64>>());
            }
        }
    }
}
