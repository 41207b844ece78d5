//! What a writer has done.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a database has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Operations that were answered, with or without success.
    pub writes: u64,
    /// Committed transactions. Fewer than writes under load.
    pub commits: u64,
    /// Operations that are queued or being applied.
    pub queued: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    answered: AtomicU64,
    commits: AtomicU64,
}

impl Counters {
    pub(crate) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn count_answered(&self) {
        self.answered.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn count_commit(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn read(&self) -> Statistics {
        let answered = self.answered.load(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Acquire);
        Statistics {
            writes: answered,
            commits: self.commits.load(Ordering::Acquire),
            queued: accepted.saturating_sub(answered),
        }
    }
}
