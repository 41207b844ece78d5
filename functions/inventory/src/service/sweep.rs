//! Settling holds of SKUs that nobody looks at.
//!
//! Whoever touches a SKU settles the holds whose time has come; this goes round all SKUs so
//! that one which nobody touches does not keep pieces for ever. The register of SKUs says
//! where to look and the SKU's own value what is open, so there is no second list that a crash
//! could leave behind. Where the round has come to is only a hint: losing it costs a round.
//!
//! A SKU that can't be settled is passed over: it must not keep the others' pieces too.

use super::{Inventory, stock_key};
use crate::domain::{HOLDS_MAX, Refusal, Stock};
use chassis::store::Store;
use serde::Serialize;

/// SKUs that one sweep looks at; the next one goes on from there.
pub const SWEEP_SKUS_MAX: u32 = 500;
/// Where the round has come to.
const ROUND_KEY: &str = "sweep_round";
/// Touches that settle all holds of one SKU, however many are over at once.
const TOUCHES_MAX: usize = HOLDS_MAX / super::steps::SWEEP_MAX + 1;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// SKUs that it looked at.
    pub skus: u32,
    /// Of those, SKUs that could not be settled; the next round tries again.
    pub failed: u32,
    /// Pieces that were reserved by reservations which had run out, and are free again.
    pub freed: u32,
    /// Pieces whose sale was decided and is now booked.
    pub sold: u32,
}

impl<S: Store> Inventory<S> {
    /// Settle what is over among the next [`SWEEP_SKUS_MAX`] SKUs of the round. Fails only
    /// where the register or the place of the round can't be read or written.
    pub async fn sweep(&self, now_ms: u64) -> Result<Swept, Refusal> {
        let at = self.store.read::<u64>(ROUND_KEY).await?.unwrap_or(0);
        let mut swept = Swept::default();
        let next = self.go_round(at, now_ms, &mut swept).await;
        // After a register that can't be read the round begins anew: what lies before the
        // trouble is looked after all the same.
        self.store.write(ROUND_KEY, next.as_ref().unwrap_or(&0)).await?;
        next.map(|_| swept)
    }

    /// Where the next sweep begins.
    async fn go_round(&self, at: u64, now_ms: u64, swept: &mut Swept) -> Result<u64, Refusal> {
        let (mut at, mut left) = (at, SWEEP_SKUS_MAX);
        while left > 0 {
            let page = self
                .register()
                .stretch(at, left, |_, sku| async move { Ok::<_, Refusal>(Some(sku)) })
                .await?;
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
        let stock: Option<Stock> = self.store.read(&stock_key(sku)).await?;
        let Some(stock) = stock else { return Ok(()) };
        let is_over = !stock.expired(now_ms, 1).is_empty();
        if !is_over && stock.lanes().is_empty() {
            return Ok(());
        }
        let before = self.levels_of(sku, &stock).await?;
        let mut after = stock;
        for _ in 0..TOUCHES_MAX {
            let Some(touched) = self.swept(sku, now_ms).await? else { return Ok(()) };
            after = touched;
            if after.expired(now_ms, 1).is_empty() {
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
