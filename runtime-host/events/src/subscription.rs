//! Who gets which events, and how.

use std::collections::BTreeSet;

use crate::{Error, Pattern, Result};

/// A consumer group: every event that it asks for goes to one of its members, which one being
/// decided by the event's partition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The name of the group. Progress is kept under it.
    pub name: String,
    /// Who takes turns, key by key; at least one.
    pub members: Vec<Member>,
    /// Types asked for; at least one pattern.
    pub types: Vec<Pattern>,
    /// Keys in delivery at the same time, 1 to [`Self::CONCURRENCY_LIMIT`].
    pub concurrency_max: usize,
    /// Deliveries of an event, the first one included, before it becomes a dead letter; at
    /// least 1.
    pub attempts_max: u32,
    /// Where a subscription begins that the log has never seen.
    pub start_at: StartAt,
}

/// One component of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id of the component.
    pub component: String,
    /// Where it takes events, on its private route: `/events`.
    pub path: String,
    /// How it wants them.
    pub mode: Mode,
}

/// The mode of the CloudEvents HTTP binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Attributes in headers, data in the body.
    Binary,
    /// One JSON object.
    Structured,
    /// A JSON array of events of one partition key.
    Batch {
        /// Events in one request, 1 to [`Subscription::BATCH_LIMIT`].
        events_max: usize,
    },
}

impl Mode {
    /// How many events a request may carry.
    pub fn events_max(self) -> usize {
        match self {
            Self::Binary | Self::Structured => 1,
            Self::Batch { events_max } => events_max,
        }
    }
}

/// Where a new subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StartAt {
    /// With the oldest event that the log has.
    #[default]
    Start,
    /// With what is published from now on.
    Now,
}

impl Subscription {
    /// Most keys in delivery at the same time.
    pub const CONCURRENCY_LIMIT: usize = 1_024;
    /// Most events in one request.
    pub const BATCH_LIMIT: usize = 256;
    /// What `concurrency_max` is unless said otherwise.
    pub const CONCURRENCY_DEFAULT: usize = 16;
    /// What `attempts_max` is unless said otherwise.
    pub const ATTEMPTS_DEFAULT: u32 = 16;

    /// Does it ask for events of this type?
    pub fn wants(&self, kind: &str) -> bool {
        self.types.iter().any(|pattern| pattern.matches(kind))
    }

    /// [`Error::Invalid`] with the first thing that is wrong.
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
