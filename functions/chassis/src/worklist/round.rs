//! One pass over a list of unfinished work.

use super::{Entry, Worklist};
use crate::store::{Store, StoreError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// What became of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do.
    Finished,
    /// Another sweep has to continue.
    Left,
}

/// The result of a sweep: the response of a `/sweep` route. Functions that report more flatten it
/// into their own response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Pieces of work that the sweep has tried to do.
    pub looked_at: usize,
    /// Of these, the finished ones.
    pub finished: usize,
    /// Known work for another sweep, failed work included.
    pub left: usize,
    /// Work that failed.
    pub failed: usize,
}

impl Swept {
    /// Counts a piece of work. An error is logged under this name; the work is then left for
    /// another sweep.
    pub fn count<X: Debug>(&mut self, name: &str, result: Result<Outcome, X>) -> Outcome {
        self.looked_at += 1;
        let outcome = result.unwrap_or_else(|error| {
            eprintln!("{name} is left for another sweep: {error:?}");
            self.failed += 1;
            Outcome::Left
        });
        match outcome {
            Outcome::Finished => self.finished += 1,
            Outcome::Left => self.left += 1,
        }
        outcome
    }
}

/// All entries of one subject in a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<E> {
    /// What the work is about.
    pub subject: String,
    /// In the order of the shard; at least one.
    pub entries: Vec<E>,
}

impl<E: Entry> Group<E> {
    /// The entries that were begun at least `age_ms` before `now_ms`: their requests are dead.
    pub fn older(&self, age_ms: u64, now_ms: u64) -> Vec<E> {
        let is_old = |entry: &&E| now_ms.saturating_sub(entry.since_ms()) >= age_ms;
        self.entries.iter().filter(is_old).cloned().collect()
    }
}

/// A shard as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard<E> {
    /// Its number.
    pub number: u32,
    /// Its entries by subject.
    pub groups: Vec<Group<E>>,
}

impl<E: Entry> Shard<E> {
    fn new(number: u32, entries: Vec<E>, seed: u64) -> Self {
        let mut subjects = BTreeMap::<String, Vec<E>>::new();
        for entry in entries {
            subjects.entry(entry.subject().to_owned()).or_default().push(entry);
        }
        let group = |(subject, entries)| Group { subject, entries };
        let mut groups: Vec<Group<E>> = subjects.into_iter().map(group).collect();
        let first = seed.checked_rem(groups.len() as u64).unwrap_or(0);
        groups.rotate_left(usize::try_from(first).unwrap_or(0));
        Self { number, groups }
    }
}

/// A pass over all shards of a list. An unreadable shard does not stop it.
#[derive(Debug)]
pub struct Round<'a, S, E> {
    list: &'a Worklist<S, E>,
    seed: u64,
    step: u32,
    unread: u32,
    error: Option<StoreError>,
}

impl<'a, S: Store, E: Entry> Round<'a, S, E> {
    pub(super) fn new(list: &'a Worklist<S, E>, seed: u64) -> Self {
        Self { list, seed, step: 0, unread: 0, error: None }
    }

    /// The next shard that can be read; `None` after all of them.
    pub async fn next(&mut self) -> Option<Shard<E>> {
        let shards = self.list.options.shards;
        while self.step < shards {
            let number = (self.seed + u64::from(self.step)) % u64::from(shards);
            let number = u32::try_from(number).unwrap_or(0);
            self.step += 1;
            // Other bits of the seed than those that selected the first shard.
            let seed = self.seed / u64::from(shards);
            match self.list.entries_in(number).await {
                Ok(entries) => return Some(Shard::new(number, entries, seed)),
                Err(error) => {
                    self.unread += 1;
                    self.note(Err(error));
                }
            }
        }
        None
    }

    /// The number of shards that could not be read so far.
    pub fn unread(&self) -> u32 {
        self.unread
    }

    /// Logs an error that does not stop the round, and keeps it for [`Round::end`].
    pub fn note(&mut self, result: Result<(), StoreError>) {
        if let Err(error) = result {
            eprintln!("{}: a shard was not swept: {error}", self.list.options.prefix);
            self.error.get_or_insert(error);
        }
    }

    /// Ends the round.
    ///
    /// # Errors
    /// The first error.
    pub fn end(self) -> Result<(), StoreError> {
        self.error.map_or(Ok(()), Err)
    }
}
