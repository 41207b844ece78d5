//! Finishing orders that other requests have left unfinished.

use std::collections::BTreeMap;

use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::advance::Progress;
use super::{Orders, TOUCH_MS};
use crate::ports::{Clock, Participants};
use crate::records::{MARK_AGE_MS, Mark, OPEN_SHARDS, ORPHAN_AGE_MS, shard_of};

/// The time limit of a sweep, in milliseconds: longer than a lease, so that a sweep right after a
/// crash outlasts the leases of dead requests.
pub const SWEEP_MS: u64 = 20_000;
/// The pause between two rounds of a sweep, in milliseconds.
const ROUND_MS: u64 = 1_000;

/// The result of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// The number of orders that the sweep has settled.
    pub settled: u32,
    /// The number of orders that need another sweep.
    pub unfinished: u32,
    /// The number of orders, and of parts of the index, that could not be processed because of an
    /// error.
    pub failed: u32,
    /// The ids of orders that wait for an operator.
    pub parked: Vec<String>,
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Continues all unfinished orders, round by round, until none is left or [`SWEEP_MS`] have
    /// passed. Failures are skipped, so that one unreadable order does not block the others. It is
    /// an error only if the whole index is unreadable.
    pub async fn sweep(&self) -> Result<SweepReport, StoreError> {
        let until_ms = self.clock.now_ms() + SWEEP_MS;
        let mut settled = 0;
        loop {
            let mut report = SweepReport { settled, ..SweepReport::default() };
            self.sweep_round(until_ms, &mut report).await?;
            if report.unfinished == 0 || self.clock.now_ms() + ROUND_MS >= until_ms {
                return Ok(report);
            }
            settled = report.settled;
            self.clock.sleep(ROUND_MS).await;
        }
    }

    /// Processes the whole index once. Each sweep starts at another part of it, according to its
    /// unique name, so that no part is always the last when time is short.
    async fn sweep_round(&self, until_ms: u64, report: &mut SweepReport) -> Result<(), StoreError> {
        let first = shard_of(&self.owner);
        let mut unread = 0;
        if let Err(error) = self.records.adopt_marks().await {
            eprintln!("orders: the former index of unfinished orders was not swept: {error}");
            report.failed += 1;
        }
        for step in 0..OPEN_SHARDS {
            let shard = (first + step) % OPEN_SHARDS;
            match self.records.marks(shard).await {
                Ok(marks) => self.sweep_shard(marks, until_ms, report).await,
                Err(error) => {
                    eprintln!("orders: part {shard} of the index was not swept: {error}");
                    unread += 1;
                    if unread == OPEN_SHARDS {
                        return Err(error);
                    }
                }
            }
        }
        report.failed += unread;
        Ok(())
    }

    async fn sweep_shard(&self, marks: Vec<Mark>, until_ms: u64, report: &mut SweepReport) {
        let mut orders: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
        for mark in marks {
            orders.entry(mark.id.clone()).or_default().push(mark);
        }
        for (id, marks) in orders {
            if self.clock.now_ms() >= until_ms {
                report.unfinished += 1;
            } else if let Err(error) = self.sweep_order(&id, marks, report).await {
                eprintln!("orders: {id} was not swept: {error}");
                report.failed += 1;
            }
        }
    }

    async fn sweep_order(
        &self,
        id: &str,
        mut marks: Vec<Mark>,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let Some(mut loaded) = self.records.load(id).await? else {
            marks.retain(|mark| mark.is_older(ORPHAN_AGE_MS, now_ms));
            return self.records.remove_marks(id, &marks).await;
        };
        self.records.register_late(&mut loaded).await?;
        if loaded.is_settled(now_ms) {
            self.records.erase_if_deleted(&mut loaded).await?;
            marks.retain(|mark| mark.is_older(MARK_AGE_MS, now_ms));
            if !marks.is_empty() {
                self.records.retire(&mut loaded, &marks).await?;
            }
            return Ok(());
        }
        match self.advance(&mut loaded, now_ms + TOUCH_MS).await? {
            Progress::Settled => report.settled += 1,
            Progress::Unfinished | Progress::Busy => report.unfinished += 1,
            Progress::Parked => report.parked.push(id.to_owned()),
        }
        Ok(())
    }
}
