//! Finishing what others have left.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{Orders, TOUCH_MS};
use crate::driver::Outcome;
use crate::ports::{Clock, Participants};
use crate::records::{MARK_AGE_MS, Mark, OPEN_SHARDS, ORPHAN_AGE_MS};

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
    /// Ids of orders that wait for a person.
    pub parked: Vec<String>,
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Moves all unfinished orders on, round by round, until none is left or [`SWEEP_MS`]
    /// are over.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let until_ms = self.clock.now_ms() + SWEEP_MS;
        let mut swept = Swept::default();
        loop {
            swept.unfinished = 0;
            swept.parked.clear();
            for shard in 0..OPEN_SHARDS {
                let marks = self.records.marks(shard).await?;
                self.sweep_shard(marks, until_ms, &mut swept).await?;
            }
            if swept.unfinished == 0 || self.clock.now_ms() + ROUND_MS >= until_ms {
                return Ok(swept);
            }
            self.clock.sleep(ROUND_MS).await;
        }
    }

    async fn sweep_shard(
        &self,
        marks: Vec<Mark>,
        until_ms: u64,
        swept: &mut Swept,
    ) -> Result<(), StoreError> {
        let mut orders: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
        for mark in marks {
            orders.entry(mark.id.clone()).or_default().push(mark);
        }
        for (id, marks) in orders {
            match self.clock.now_ms() < until_ms {
                true => self.sweep_order(&id, marks, swept).await?,
                false => swept.unfinished += 1,
            }
        }
        Ok(())
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
        if loaded.is_settled(now_ms) {
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
