//! Settling expired holds of SKUs that no request uses.
//!
//! Each request settles the expired holds of its SKUs. Sweeps go through all SKUs, so that no SKU
//! keeps pieces forever. The register lists the SKUs, and their values have the holds, so there is
//! no second list that a crash could leave wrong. The position of the next sweep is only a hint:
//! if it is lost, sweeps begin again with the first SKU.
//!
//! A SKU that can't be settled is skipped, so that it does not stop the others.

use super::Inventory;
use super::settling::SETTLED_MAX;
use crate::domain::{HOLDS_MAX, Refusal};
use chassis::store::Store;
use serde::Serialize;

/// The maximum number of SKUs of one sweep; the next one continues after them.
pub const SWEEP_SKUS_MAX: u32 = 500;
/// Enough rounds to settle all holds of one SKU.
const ROUNDS_MAX: usize = HOLDS_MAX / SETTLED_MAX + 1;

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// SKUs that were checked.
    pub skus: u32,
    /// Of those, SKUs that could not be settled; they are tried again in the next round.
    pub failed: u32,
    /// Pieces of expired reservations that are free again.
    pub freed: u32,
    /// Pieces whose sale was decided and is now booked.
    pub sold: u32,
}

impl<S: Store> Inventory<S> {
    /// Settles the next [`SWEEP_SKUS_MAX`] SKUs.
    ///
    /// # Errors
    /// The register or the position of the sweep can't be read or written.
    pub async fn sweep(&self, now_ms: u64) -> Result<Swept, Refusal> {
        let at = self.records.sweep_position().await?;
        let mut swept = Swept::default();
        let next = self.sweep_from(at, now_ms, &mut swept).await;
        // If the register can't be read, the SKUs before that position are still swept.
        self.records.set_sweep_position(*next.as_ref().unwrap_or(&0)).await?;
        next.map(|_| swept)
    }

    /// Returns the position at which the next sweep begins.
    async fn sweep_from(&self, at: u64, now_ms: u64, swept: &mut Swept) -> Result<u64, Refusal> {
        let (mut at, mut left) = (at, SWEEP_SKUS_MAX);
        while left > 0 {
            let id = |_, sku: String| async move { Ok::<_, Refusal>(Some(sku)) };
            let page = self.records.skus().stretch(at, left, id).await?;
            for sku in page.entries {
                if let Err(error) = self.sweep_sku(&sku, now_ms, swept).await {
                    eprintln!("inventory: {sku} is not settled: {error:?}");
                    swept.failed += 1;
                }
                left = left.saturating_sub(1);
            }
            at = page.next.unwrap_or(0);
            if at == 0 {
                break;
            }
        }
        Ok(at)
    }

    async fn sweep_sku(&self, sku: &str, now_ms: u64, swept: &mut Swept) -> Result<(), Refusal> {
        swept.skus += 1;
        let Some(stock) = self.records.stock(sku).await? else { return Ok(()) };
        if stock.holds().expired(now_ms, 1).is_empty() && stock.lanes().is_empty() {
            return Ok(());
        }
        let before = self.levels_of(sku, &stock).await?;
        let mut after = stock;
        for _ in 0..ROUNDS_MAX {
            let Some(settled) = self.settled(sku, now_ms).await? else { return Ok(()) };
            after = settled;
            if after.holds().expired(now_ms, 1).is_empty() {
                break;
            }
        }
        let after = self.settle_lanes(sku, after, now_ms).await?;
        let after = self.levels_of(sku, &after).await?;
        swept.freed += after.on_hand.saturating_sub(before.on_hand);
        swept.sold += after.sold.saturating_sub(before.sold);
        Ok(())
    }
}
