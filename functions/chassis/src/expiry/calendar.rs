//! Ids that need another look at some time, in stores that can't list keys.
//!
//! A note names an id. Notes are numbered within a period (an hour, a day). Periods are
//! consecutive, so they need no index: a sweep goes through past periods, and continues where the
//! last sweep stopped.

use crate::store::{Store, StoreError};
use std::collections::BTreeMap;

/// The maximum number of notes that one sweep processes. The next sweep continues after them.
pub const SWEEP_NOTES_MAX: usize = 200;
/// The maximum number of periods that one sweep goes through. In the first sweep most of them are
/// empty.
const SWEEP_PERIODS_MAX: usize = 2_000;

/// Where a calendar is stored, and how long its periods are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The prefix of its keys.
    pub prefix: &'static str,
    /// The key of the sweep's progress.
    pub progress_key: &'static str,
    /// The name of a period in the progress, for example `hour`.
    pub unit: &'static str,
    /// The length of a period, in milliseconds.
    pub period_ms: u64,
    /// The first period that can have notes, counted from the epoch.
    pub first_period: u64,
    /// How long a sweep waits after the end of a period, in milliseconds. By then all notes for that
    /// period must be written.
    pub settled_ms: u64,
}

/// A note's place in the calendar; as a progress, that of the last processed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The period, counted from the epoch.
    pub period: u64,
    /// The number of the note in its period, from 1. 0 is before the first note.
    pub number: u64,
}

/// A calendar in a store.
#[derive(Clone, Debug)]
pub struct Calendar<S> {
    store: S,
    options: Options,
}

impl<S: Store> Calendar<S> {
    /// The calendar in this store.
    pub fn new(store: S, options: Options) -> Self {
        Self { store, options }
    }

    /// The period of a time (milliseconds since the epoch), at least the first one.
    pub fn period(&self, at_ms: u64) -> u64 {
        (at_ms / self.options.period_ms.max(1)).max(self.options.first_period)
    }

    /// Notes that the id needs a look after this time (milliseconds since the epoch). Call this
    /// before the change that makes the look necessary, so that a crash can't lose it.
    ///
    /// # Errors
    /// The store's errors.
    pub async fn note(&self, id: &str, at_ms: u64) -> Result<(), StoreError> {
        let period = self.period(at_ms);
        let number = self.store.increment(&self.period_key(period), 1).await?.unsigned_abs();
        self.store.write(&self.note_key(Position { period, number }), &id).await
    }

    /// How far sweeps have come.
    ///
    /// # Errors
    /// The store's errors.
    pub async fn progress(&self) -> Result<Position, StoreError> {
        Ok(self.stored_progress().await?.unwrap_or(self.start()))
    }

    /// Lets `look` process the ids of a bounded number of notes whose period is over, and removes
    /// the notes. Returns the number of processed notes; if there are `notes_max`, more may be left.
    /// Safe to repeat and to run concurrently.
    ///
    /// # Errors
    /// The first error of `look`, at which the sweep stops; the store's errors.
    pub async fn sweep<X, F>(
        &self,
        now_ms: u64,
        notes_max: usize,
        mut look: impl FnMut(String) -> F + Send,
    ) -> Result<usize, X>
    where
        X: From<StoreError> + Send,
        F: Future<Output = Result<(), X>> + Send,
    {
        let known = self.stored_progress().await?;
        let mut at = known.unwrap_or(self.start());
        let mut left = notes_max;
        for _ in 0..SWEEP_PERIODS_MAX {
            let end_ms = (at.period + 1).saturating_mul(self.options.period_ms);
            let is_settled = now_ms >= end_ms.saturating_add(self.options.settled_ms);
            if !is_settled || !self.sweep_period(&mut at, &mut left, &mut look).await? {
                break;
            }
        }
        if known != Some(at) {
            self.advance(at).await?;
        }
        Ok(notes_max - left)
    }

    /// Processes the notes of a period after `at` and advances `at`. Returns whether the period is
    /// finished.
    async fn sweep_period<X, F>(
        &self,
        at: &mut Position,
        left: &mut usize,
        look: &mut (impl FnMut(String) -> F + Send),
    ) -> Result<bool, X>
    where
        X: From<StoreError> + Send,
        F: Future<Output = Result<(), X>> + Send,
    {
        let counter = self.period_key(at.period);
        // Reading a counter through `increment` would create it.
        if self.store.get(&counter).await?.is_some() {
            let last = self.store.increment(&counter, 0).await?.unsigned_abs();
            while at.number < last {
                if *left == 0 {
                    return Ok(false);
                }
                let note = self.note_key(Position { number: at.number + 1, ..*at });
                if let Some(id) = self.noted(&note).await? {
                    look(id).await?;
                    self.store.delete(&note).await?;
                }
                at.number += 1;
                *left -= 1;
            }
            self.store.delete(&counter).await?;
        }
        *at = Position { period: at.period + 1, number: 0 };
        Ok(true)
    }

    /// The id that a note names. An unreadable note is skipped, so that the sweep continues.
    async fn noted(&self, note: &str) -> Result<Option<String>, StoreError> {
        match self.store.read(note).await {
            Err(error @ StoreError::Corrupt { .. }) => {
                eprintln!("{}: {error}", self.options.prefix);
                Ok(None)
            }
            read => read,
        }
    }

    fn start(&self) -> Position {
        Position { period: self.options.first_period, number: 0 }
    }

    async fn stored_progress(&self) -> Result<Option<Position>, StoreError> {
        let stored = self.store.read(self.options.progress_key).await?;
        Ok(stored.as_ref().map(|stored| self.position(stored)))
    }

    async fn advance(&self, at: Position) -> Result<(), StoreError> {
        let advance = |known: Option<BTreeMap<String, u64>>| {
            let at = known.as_ref().map_or(at, |known| self.position(known).max(at));
            let unit = self.options.unit.to_owned();
            Ok((BTreeMap::from([(unit, at.period), ("place".to_owned(), at.number)]), ()))
        };
        self.store.update(self.options.progress_key, advance).await
    }

    fn position(&self, stored: &BTreeMap<String, u64>) -> Position {
        let member = |name| stored.get(name).copied().unwrap_or(0);
        let period = member(self.options.unit).max(self.options.first_period);
        Position { period, number: member("place") }
    }

    /// The key of the number of notes of this period.
    fn period_key(&self, period: u64) -> String {
        format!("{}/{period}", self.options.prefix)
    }

    fn note_key(&self, at: Position) -> String {
        format!("{}/{}/{}", self.options.prefix, at.period, at.number)
    }
}
