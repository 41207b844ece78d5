//! Finishing what others have left.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::advance::Outcome;
use super::{Orders, TOUCH_MS};
use crate::ports::{Clock, Participants};
use crate::records::{MARK_AGE_MS, Mark, OPEN_SHARDS, ORPHAN_AGE_MS, shard_of};

/// How long a sweep works, in milliseconds: longer than a lease, so that a sweep right
/// after a crash outlives the leases of the dead.
pub const SWEEP_MS: u64 = 20_000;
/// The wait between two rounds of a sweep, in milliseconds.
const ROUND_MS: u64 = 1_000;

/// What a sweep has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Orders that it has brought to their end.
    pub settled: u32,
    /// Orders that will need another sweep.
    pub unfinished: u32,
    /// Orders, and parts of the index of the unfinished ones, that an error keeps from being
    /// worked on.
    pub failed: u32,
    /// Ids of orders that wait for a person.
    pub parked: Vec<String>,
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Moves all unfinished orders on, round by round, until none is left or [`SWEEP_MS`]
    /// are over. What fails is passed over, so that one order that can't be read does not
    /// hold up the others; it is an error only if nothing of the index can be read.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let until_ms = self.clock.now_ms() + SWEEP_MS;
        let mut swept = Swept::default();
        loop {
            swept.unfinished = 0;
            swept.failed = 0;
            swept.parked.clear();
            self.sweep_round(until_ms, &mut swept).await?;
            if swept.unfinished == 0 || self.clock.now_ms() + ROUND_MS >= until_ms {
                return Ok(swept);
            }
            self.clock.sleep(ROUND_MS).await;
        }
    }

    /// One look at the whole index. Each sweep begins at another part of it, by its unique
    /// name: where time is short, no part is always the last.
    async fn sweep_round(&self, until_ms: u64, swept: &mut Swept) -> Result<(), StoreError> {
        let first = shard_of(&self.owner);
        let mut unread = 0;
        if let Err(error) = self.records.adopt_marks().await {
            eprintln!("orders: the former index of unfinished orders was not swept: {error}");
            swept.failed += 1;
        }
        for step in 0..OPEN_SHARDS {
            let shard = (first + step) % OPEN_SHARDS;
            match self.records.marks(shard).await {
                Ok(marks) => self.sweep_shard(marks, until_ms, swept).await,
                Err(error) => {
                    eprintln!("orders: part {shard} of the unfinished is not swept: {error}");
                    unread += 1;
                    if unread == OPEN_SHARDS {
                        return Err(error);
                    }
                }
            }
        }
        swept.failed += unread;
        Ok(())
    }

    async fn sweep_shard(&self, marks: Vec<Mark>, until_ms: u64, swept: &mut Swept) {
        let mut orders: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
        for mark in marks {
            orders.entry(mark.id.clone()).or_default().push(mark);
        }
        for (id, marks) in orders {
            if self.clock.now_ms() >= until_ms {
                swept.unfinished += 1;
            } else if let Err(error) = self.sweep_order(&id, marks, swept).await {
                eprintln!("orders: {id} is not swept: {error}");
                swept.failed += 1;
            }
        }
    }

    async fn sweep_order(
        &self,
        id: &str,
        mut marks: Vec<Mark>,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let Some(mut loaded) = self.records.load(id).await? else {
            marks.retain(|mark| mark.is_older(ORPHAN_AGE_MS, now_ms));
            return self.records.forget(id, &marks).await;
        };
        self.records.register_late(&mut loaded).await?;
        if loaded.is_settled(now_ms) {
            self.records.erase_if_forgotten(&mut loaded).await?;
            marks.retain(|mark| mark.is_older(MARK_AGE_MS, now_ms));
            if !marks.is_empty() {
                self.records.retire(&mut loaded, &marks).await?;
            }
            return Ok(());
        }
        match self.driver().go_on(loaded, now_ms + TOUCH_MS).await? {
            Some(Outcome::Settled(_)) => swept.settled += 1,
            Some(Outcome::Unfinished(_) | Outcome::Busy(_)) => swept.unfinished += 1,
            Some(Outcome::Parked(_)) => swept.parked.push(id.to_owned()),
            None => {}
        }
        Ok(())
    }
}
