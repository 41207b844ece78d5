//! Subscriptions: which component gets which events, and how.

use std::collections::BTreeSet;

use crate::{Error, Pattern, Result};

/// A consumer group: each matching event goes to one of its members, selected by the partition key
/// of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The name of the group. Its progress is stored under this name.
    pub name: String,
    /// The members, which share the partition keys; at least one.
    pub members: Vec<Member>,
    /// The types of the events; at least one pattern.
    pub types: Vec<Pattern>,
    /// The maximum number of keys in delivery at the same time, 1 to
    /// [`Self::CONCURRENCY_LIMIT`].
    pub concurrency_max: usize,
    /// The number of deliveries of an event, including the first one, before it becomes a dead
    /// letter; at least 1.
    pub attempts_max: u32,
    /// Where a new subscription starts.
    pub start_at: StartAt,
}

/// One component of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id of the component.
    pub component: String,
    /// The path on its private route: `/events`.
    pub path: String,
    /// The mode of its requests.
    pub mode: Mode,
}

/// The mode of the CloudEvents HTTP binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Attributes in header fields, data in the body.
    Binary,
    /// One JSON object.
    Structured,
    /// A JSON array of events of one partition key.
    Batch {
        /// The maximum number of events in one request, 1 to [`Subscription::BATCH_LIMIT`].
        events_max: usize,
    },
}

impl Mode {
    /// The maximum number of events in one request.
    pub fn events_max(self) -> usize {
        match self {
            Self::Binary | Self::Structured => 1,
            Self::Batch { events_max } => events_max,
        }
    }
}

/// Where a new subscription starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StartAt {
    /// With the oldest event in the log.
    #[default]
    Start,
    /// With the next published event.
    Now,
}

impl Subscription {
    /// The maximum of `concurrency_max`.
    pub const CONCURRENCY_LIMIT: usize = 1_024;
    /// The maximum number of events in one request.
    pub const BATCH_LIMIT: usize = 256;
    /// The default of `concurrency_max`.
    pub const CONCURRENCY_DEFAULT: usize = 16;
    /// The default of `attempts_max`.
    pub const ATTEMPTS_DEFAULT: u32 = 16;

    /// Whether events of this type match.
    pub fn wants(&self, kind: &str) -> bool {
        self.types.iter().any(|pattern| pattern.matches(kind))
    }

    /// Checks the limits.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for the first violation.
    pub fn check(&self) -> Result<()> {
        let fail = |reason: &str| {
            Err(Error::Invalid(format!("the subscription `{}` {reason}", self.name)))
        };
        if self.name.is_empty() || self.name.len() > 128 {
            return fail("needs a name of at most 128 bytes");
        }
        if self.members.is_empty() || self.types.is_empty() {
            return fail("needs at least one member and one type");
        }
        let distinct: BTreeSet<_> =
            self.members.iter().map(|member| (&member.component, &member.path)).collect();
        if distinct.len() < self.members.len() {
            return fail("names a member twice");
        }
        if !(1..=Self::CONCURRENCY_LIMIT).contains(&self.concurrency_max) {
            return fail("may have 1 to 1024 keys in delivery at the same time");
        }
        if self.attempts_max == 0 {
            return fail("needs at least one attempt");
        }
        let events = |member: &Member| (1..=Self::BATCH_LIMIT).contains(&member.mode.events_max());
        if !self.members.iter().all(events) {
            return fail("may have 1 to 256 events in a request");
        }
        Ok(())
    }
}
