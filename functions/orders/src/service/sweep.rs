//! Finishing what others have left.

use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{Orders, TOUCH_MS};
use crate::domain::saga;
use crate::driver::Outcome;
use crate::ports::{Clock, Participants};
use crate::records::{OPEN_SHARDS, Records};

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
    /// Ids of orders that have failed so often that a person should look at them.
    pub stuck: Vec<String>,
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Moves all unfinished orders on, round by round, until none is left or [`SWEEP_MS`]
    /// are over.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let until_ms = self.clock.now_ms() + SWEEP_MS;
        let mut swept = Swept::default();
        loop {
            swept.unfinished = 0;
            swept.stuck.clear();
            self.sweep_once(until_ms, &mut swept).await?;
            if swept.unfinished == 0 || self.clock.now_ms() + ROUND_MS >= until_ms {
                return Ok(swept);
            }
            self.clock.sleep(ROUND_MS).await;
        }
    }

    async fn sweep_once(&self, until_ms: u64, swept: &mut Swept) -> Result<(), StoreError> {
        for shard in 0..OPEN_SHARDS {
            for entry in self.records.unfinished(shard).await? {
                let now_ms = self.clock.now_ms();
                if now_ms >= until_ms {
                    swept.unfinished += 1;
                    continue;
                }
                let outcome = self.driver().resume(&entry.id, now_ms + TOUCH_MS).await?;
                let orphan = outcome.is_none() && Records::<S>::is_orphan(&entry, now_ms);
                if orphan || matches!(outcome, Some(Outcome::Settled(_))) {
                    self.records.close(&entry.id).await?;
                }
                swept.count(outcome);
            }
        }
        Ok(())
    }
}

impl Swept {
    fn count(&mut self, outcome: Option<Outcome>) {
        match outcome {
            Some(Outcome::Settled(_)) => self.settled += 1,
            Some(Outcome::Unfinished(order) | Outcome::Busy(order)) => {
                self.unfinished += 1;
                if order.saga.attempts >= saga::ATTEMPTS_STUCK {
                    self.stuck.push(order.placed.id);
                }
            }
            None => {}
        }
    }
}
