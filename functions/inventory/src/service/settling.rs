//! Settling expired holds: their records decide whether they are released or become sales.

use super::Inventory;
use crate::domain::{Record, Refusal, Stock, Verdict};
use chassis::store::Store;

/// The maximum number of expired holds of a SKU that are settled at once.
pub(super) const SETTLED_MAX: usize = 64;

impl<S: Store> Inventory<S> {
    /// The stock after settling expired holds. Expired holds and free pieces in its lanes are
    /// settled only if fewer than `quantity` pieces are available otherwise.
    pub(super) async fn settled_if_short(
        &self,
        sku: &str,
        quantity: u32,
        now_ms: u64,
    ) -> Result<Option<Stock>, Refusal> {
        let Some(stock) = self.settled(sku, now_ms).await? else { return Ok(None) };
        if stock.lanes().is_empty() || stock.on_hand() >= i64::from(quantity) {
            return Ok(Some(stock));
        }
        self.settle_lanes(sku, stock, now_ms).await.map(Some)
    }

    /// The stock after settling up to [`SETTLED_MAX`] expired holds; `None` if there is none.
    pub(super) async fn settled(&self, sku: &str, now_ms: u64) -> Result<Option<Stock>, Refusal> {
        let Some(stock) = self.records.stock(sku).await? else { return Ok(None) };
        let expired = stock.holds().expired(now_ms, SETTLED_MAX);
        if expired.is_empty() {
            return Ok(Some(stock));
        }
        let mut verdicts = Vec::with_capacity(expired.len());
        for (id, hold) in expired {
            let verdict = self.judge(&id, hold.attempt, now_ms).await?;
            verdicts.push((id, hold, verdict));
        }
        let settle = |stock: &mut Stock| {
            for (id, hold, verdict) in &verdicts {
                match verdict {
                    Verdict::Free => stock.free(id, hold.attempt),
                    Verdict::Sell => stock.sell(id, hold.attempt),
                    // If there is no room to note it, the hold stays.
                    Verdict::TakeBack => {
                        stock.take_back(id, hold.attempt, hold.quantity, now_ms);
                    }
                    Verdict::Keep => {}
                }
            }
        };
        self.change_stock(sku, settle).await.map(Some)
    }

    /// Decides in the record, before the hold changes.
    pub(super) async fn judge(
        &self,
        id: &str,
        attempt: u32,
        now_ms: u64,
    ) -> Result<Verdict, Refusal> {
        let judge = |record: Option<Record>| match record {
            Some(record) => Ok(record.judge(attempt, now_ms)),
            None => Err(Refusal::NotFound(id.to_owned())),
        };
        match self.records.change_reservation(id, judge).await {
            // Records are written before holds, so this hold has no reservation.
            Err(Refusal::NotFound(_)) => Ok(Verdict::Free),
            other => other,
        }
    }
}
