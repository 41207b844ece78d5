//! Finishing orders that other requests have left unfinished.

use chassis::clock::Timer;
use chassis::hash::fnv1a_64;
use chassis::store::{Store, StoreError};
use chassis::worklist::Group;
use serde::Serialize;

use super::advance::Progress;
use super::{Orders, TOUCH_MS};
use crate::ports::Participants;
use crate::records::{MARK_AGE_MS, Mark, ORPHAN_AGE_MS, SHARDS};

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

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
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
        if let Err(error) = self.records.adopt_marks().await {
            eprintln!("orders: the former index of unfinished orders was not swept: {error}");
            report.failed += 1;
        }
        let index = self.records.unfinished();
        let mut round = index.round(fnv1a_64(self.owner.bytes()));
        while let Some(shard) = round.next().await {
            for group in shard.groups {
                if self.clock.now_ms() >= until_ms {
                    report.unfinished += 1;
                } else if let Err(error) = self.sweep_order(&group, report).await {
                    eprintln!("orders: {} was not swept: {error}", group.subject);
                    report.failed += 1;
                }
            }
        }
        let unread = round.unread();
        report.failed += unread;
        if unread < SHARDS { Ok(()) } else { round.end() }
    }

    async fn sweep_order(
        &self,
        group: &Group<Mark>,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
        let (id, now_ms) = (&group.subject, self.clock.now_ms());
        let Some(mut loaded) = self.records.load(id).await? else {
            return self.records.remove_marks(id, &group.older(ORPHAN_AGE_MS, now_ms)).await;
        };
        // Without a change, this adds an order to the register that is older than the register.
        self.records.decide(&mut loaded, |_| Ok::<_, StoreError>(())).await?;
        if loaded.is_settled(now_ms) {
            self.records.erase_if_deleted(&mut loaded).await?;
            let old = group.older(MARK_AGE_MS, now_ms);
            return match old.is_empty() {
                true => Ok(()),
                false => self.records.retire(&mut loaded, &old).await,
            };
        }
        match self.advance(&mut loaded, now_ms + TOUCH_MS).await? {
            Progress::Settled => report.settled += 1,
            Progress::Unfinished | Progress::Busy => report.unfinished += 1,
            Progress::Parked => report.parked.push(id.clone()),
        }
        Ok(())
    }
}
