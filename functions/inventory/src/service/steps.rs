//! The steps that the use cases are made of: each ends in one compare-and-swap.

use super::{Inventory, record_key, stock_key, unknown};
use crate::domain::{
    Availability, Hold, HoldRefused, Line, Record, Refusal, State, Stock, Verdict,
};
use chassis::store::Store;

/// Expired holds that one touch of a SKU settles at most; the next touch goes on.
pub(super) const SWEEP_MAX: usize = 64;
/// Noted returns that one take-back looks at for forgetting.
const FORGET_MAX: usize = 16;
/// How long a return is noted, in milliseconds: longer than any call lives.
pub(super) const RETURN_NOTED_MS: u64 = 15 * 60 * 1_000;

impl<S: Store> Inventory<S> {
    /// Make the holds of an attempt and say so in the record, as far as it has not moved on.
    pub(super) async fn attempt(
        &self,
        id: &str,
        record: Record,
        now_ms: u64,
    ) -> Result<Record, Refusal> {
        let short = self.hold_all(id, &record, now_ms).await?;
        let conclude = |current: Option<Record>| -> Result<_, Refusal> {
            let current = current.ok_or_else(|| unknown(id))?;
            let current = current.conclude(record.attempt, &short);
            Ok((current.clone(), current))
        };
        self.store.update(&record_key(id), conclude).await
    }

    /// Make the holds of an attempt, in the one order that all attempts keep; the SKUs that
    /// fall short. Once one does the attempt has failed: it holds nothing more, so that it
    /// can't take the last piece from one that would have succeeded, and only looks whether
    /// the rest is there.
    async fn hold_all(
        &self,
        id: &str,
        record: &Record,
        now_ms: u64,
    ) -> Result<Vec<Availability>, Refusal> {
        let mut short = Vec::new();
        for line in &record.lines {
            if !short.is_empty() {
                short.extend(self.shortage(id, line, now_ms).await?);
                continue;
            }
            let hold = Hold {
                quantity: line.quantity,
                attempt: record.attempt,
                expires_at_ms: record.expires_at_ms,
            };
            match self.hold(id, &line.sku, hold, now_ms).await? {
                Ok(()) => {}
                // Whoever overtook this attempt concludes it.
                Err(HoldRefused::Overtaken) => break,
                Err(HoldRefused::TooMany) => {
                    let sku = &line.sku;
                    return Err(Refusal::Unavailable(format!("too many reservations of {sku}")));
                }
                Err(HoldRefused::Short(available)) => {
                    short.push(Availability { sku: line.sku.clone(), available });
                }
            }
        }
        Ok(short)
    }

    /// What can be had of a line that is not there in full, without holding it.
    async fn shortage(
        &self,
        id: &str,
        line: &Line,
        now_ms: u64,
    ) -> Result<Option<Availability>, Refusal> {
        let stock = self.swept_if_short(&line.sku, line.quantity, now_ms).await?;
        let available = stock.map_or(0, |stock| stock.available_to(id));
        let short = available < line.quantity;
        Ok(short.then(|| Availability { sku: line.sku.clone(), available }))
    }

    async fn hold(
        &self,
        id: &str,
        sku: &str,
        hold: Hold,
        now_ms: u64,
    ) -> Result<Result<(), HoldRefused>, Refusal> {
        let Some(stock) = self.swept_if_short(sku, hold.quantity, now_ms).await? else {
            return Ok(Err(HoldRefused::Short(0)));
        };
        if let Some(number) = self.lanes_of(sku, &stock, id).await?.first() {
            return self.hold_in_lane(*number, id, sku, &hold).await;
        }
        let place = |stock: Option<Stock>| -> Result<_, Refusal> {
            let mut stock = stock.unwrap_or_default();
            let result = stock.hold(id, hold.clone());
            Ok((stock, result))
        };
        match self.store.update(&stock_key(sku), place).await? {
            Err(HoldRefused::TooMany) => self.hold_in_lanes(id, sku, &hold).await,
            result => Ok(result),
        }
    }

    /// The stock after settling expired holds. Expired holds and free pieces in its lanes are
    /// settled only if fewer than `quantity` pieces are available otherwise.
    pub(super) async fn swept_if_short(
        &self,
        sku: &str,
        quantity: u32,
        now_ms: u64,
    ) -> Result<Option<Stock>, Refusal> {
        let Some(stock) = self.swept(sku, now_ms).await? else { return Ok(None) };
        if stock.lanes().is_empty() || stock.on_hand() >= i64::from(quantity) {
            return Ok(Some(stock));
        }
        self.settle_lanes(sku, stock, now_ms).await.map(Some)
    }

    pub(super) async fn free_unless_returned(
        &self,
        id: &str,
        record: &Record,
    ) -> Result<(), Refusal> {
        if record.state == State::Returned { Ok(()) } else { self.free_all(id, record).await }
    }

    pub(super) async fn free_all(&self, id: &str, record: &Record) -> Result<(), Refusal> {
        for line in &record.lines {
            self.free(&line.sku, id, record.attempt).await?;
        }
        Ok(())
    }

    /// The stock after settling the holds whose time has come; `None` if there is none.
    pub(super) async fn swept(&self, sku: &str, now_ms: u64) -> Result<Option<Stock>, Refusal> {
        let Some(stock) = self.store.read::<Stock>(&stock_key(sku)).await? else {
            return Ok(None);
        };
        let expired = stock.expired(now_ms, SWEEP_MAX);
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
        self.change(sku, settle).await.map(Some)
    }

    /// Decide in the record, before anything happens to the hold.
    pub(super) async fn judge(
        &self,
        id: &str,
        attempt: u32,
        now_ms: u64,
    ) -> Result<Verdict, Refusal> {
        let judge = |record: Option<Record>| -> Result<_, Refusal> {
            Ok(record.ok_or_else(|| unknown(id))?.judge(attempt, now_ms))
        };
        match self.store.update(&record_key(id), judge).await {
            // Records are written before holds, so this hold is of no reservation.
            Err(Refusal::NotFound(_)) => Ok(Verdict::Free),
            other => other,
        }
    }

    /// Puts pieces of a sale back; `change` returns whether it is done. If too many returns are
    /// noted, expired notes are removed first.
    pub(super) async fn give_back(
        &self,
        sku: &str,
        now_ms: u64,
        mut change: impl FnMut(&mut Stock) -> bool + Send,
    ) -> Result<(), Refusal> {
        for _ in 0..2 {
            let mut is_done = true;
            self.change(sku, |stock| is_done = change(stock)).await?;
            if is_done {
                return Ok(());
            }
            self.forget_returns(sku, now_ms).await?;
        }
        Err(Refusal::Unavailable(format!("too many concurrent returns of {sku}")))
    }

    /// Forget returns that are over and so old that nobody can still be at them.
    pub(super) async fn forget_returns(&self, sku: &str, now_ms: u64) -> Result<(), Refusal> {
        let Some(stock) = self.store.read::<Stock>(&stock_key(sku)).await? else { return Ok(()) };
        let mut over = Vec::new();
        for id in stock.returns_before(now_ms.saturating_sub(RETURN_NOTED_MS), FORGET_MAX) {
            // The name of a partial return begins with its reservation.
            let (reservation, part) = id.split_once('/').unwrap_or((&id, ""));
            let record = self.store.read::<Record>(&record_key(reservation)).await?;
            let is_over = record.is_some_and(|record| match record.returns.get(part) {
                Some(part) => part.done,
                None => record.state == State::Returned,
            });
            if is_over {
                over.push(id);
            }
        }
        if over.is_empty() {
            return Ok(());
        }
        let forget = |stock: &mut Stock| over.iter().for_each(|id| stock.forget_return(id));
        self.change(sku, forget).await.map(drop)
    }

    /// Change a SKU that there is; one that was never received stays so.
    pub(super) async fn change(
        &self,
        sku: &str,
        mut change: impl FnMut(&mut Stock) + Send,
    ) -> Result<Stock, Refusal> {
        let change = |stock: Option<Stock>| {
            let mut stock = stock.ok_or_else(|| Refusal::NotFound(sku.to_owned()))?;
            change(&mut stock);
            Ok((stock.clone(), stock))
        };
        match self.store.update(&stock_key(sku), change).await {
            Err(Refusal::NotFound(_)) => Ok(Stock::default()),
            other => other,
        }
    }
}
