//! Claims: which side got something first that must be done once.
//!
//! The claim is written before the side is asked. So a repetition, and a delivery of the same event
//! after the mode has changed, goes to the same side, which knows by its own means that it has done
//! it.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::Facade;
use crate::domain::{Family, Side};
use crate::ports::Ports;

/// How long a claim is kept, in milliseconds. Events are delivered for some hours, and `orders` knows
/// its idempotency keys for a day.
pub const CLAIM_MS: u64 = 7 * 86_400_000;

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Claim {
    side: Side,
    until_ms: u64,
}

impl<P: Ports> Facade<P> {
    /// The side that has this, which is the side of the family's mode the first time.
    pub(super) async fn claim(
        &self,
        family: Family,
        customer: u64,
        name: &str,
    ) -> Result<Side, StoreError> {
        match self.claimed(name).await? {
            Some(side) => Ok(side),
            None => {
                let side = self.decision(family, customer).await.side();
                self.claim_for(side, name).await
            }
        }
    }

    /// The side that has this; none if no side has it yet.
    pub(super) async fn claimed(&self, name: &str) -> Result<Option<Side>, StoreError> {
        let claim: Option<Claim> = self.store().read(&key(name)).await?;
        Ok(claim.map(|claim| claim.side))
    }

    /// Claims this for a side. Returns the side that has it, which is another one if a concurrent
    /// request was first.
    pub(super) async fn claim_for(&self, side: Side, name: &str) -> Result<Side, StoreError> {
        let key = key(name);
        let until_ms = self.now_ms() + CLAIM_MS;
        chassis::expiry::expire_at(self.store(), &key, until_ms).await?;
        if self.store().create_guarded(&key, &Claim { side, until_ms }).await? {
            return Ok(side);
        }
        let first: Option<Claim> = self.store().read(&key).await?;
        first.map(|claim| claim.side).ok_or(StoreError::Contended(key))
    }

    /// Removes claims that have expired, where the platform does not.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let now_ms = self.now_ms();
        let is_over = |value: &[u8]| {
            let claim: Option<Claim> = serde_json::from_slice(value).ok();
            claim.is_none_or(|claim| claim.until_ms <= now_ms)
        };
        Ok(chassis::expiry::sweep(self.store(), now_ms, is_over).await?.removed)
    }
}

fn key(name: &str) -> String {
    format!("claim/{name}")
}
