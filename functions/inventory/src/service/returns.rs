//! Returns of sales, whole or in part.

use super::Inventory;
use crate::domain::{Line, Record, Refusal, State, Stock, check_name, normalize};
use chassis::store::Store;

/// The maximum number of noted returns that one return checks for removal.
const FORGET_MAX: usize = 16;
/// How long a return is noted, in milliseconds: longer than any call takes.
pub(super) const RETURN_NOTED_MS: u64 = 15 * 60 * 1_000;

impl<S: Store> Inventory<S> {
    /// Undoes a reservation, sold or not.
    pub async fn take_back(&self, id: &str, now_ms: u64) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let begin = |record| Record::begin_return(record, id).map(|now| (now.clone(), now));
        let record = self.records.change_reservation(id, begin).await?;
        if record.state != State::Returning {
            return self.free_unless_returned(id, &record).await;
        }
        for Line { sku, quantity } in &record.left() {
            let (attempt, quantity) = (record.attempt, *quantity);
            // Holds in lanes are turned into sales first.
            if let Some(stock) = self.records.stock(sku).await? {
                self.sell_from_lanes(sku, &stock, id, attempt).await?;
            }
            self.give_back(sku, now_ms, |stock| stock.take_back(id, attempt, quantity, now_ms))
                .await?;
        }
        self.change_record(id, |record| Ok(record.finish_return())).await?;
        self.forget_returns(&record.lines, now_ms).await
    }

    /// Puts a part of a sold reservation back into stock, once for each name of a return.
    pub async fn restock(
        &self,
        id: &str,
        name: &str,
        lines: &[Line],
        now_ms: u64,
    ) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        check_name("return id", name)?;
        let lines = normalize(lines)?;
        let record =
            self.change_record(id, |record| record.begin_restock(id, name, &lines)).await?;
        if record.returns.get(name).is_some_and(|known| known.done) {
            return Ok(());
        }
        for Line { sku, quantity } in &lines {
            // The sale is decided in the record, but may not be booked yet.
            self.sell(sku, id, record.attempt).await?;
            let part = format!("{id}/{name}");
            self.give_back(sku, now_ms, |stock| stock.restock(&part, *quantity, now_ms)).await?;
        }
        self.change_record(id, |record| Ok(record.finish_restock(name))).await?;
        self.forget_returns(&lines, now_ms).await
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
            self.change_stock(sku, |stock| is_done = change(stock)).await?;
            if is_done {
                return Ok(());
            }
            self.forget_returns_of(sku, now_ms).await?;
        }
        Err(Refusal::Unavailable(format!("too many concurrent returns of {sku}")))
    }

    async fn forget_returns(&self, lines: &[Line], now_ms: u64) -> Result<(), Refusal> {
        for line in lines {
            self.forget_returns_of(&line.sku, now_ms).await?;
        }
        Ok(())
    }

    /// Removes notes of returns that are finished and so old that no call can still repeat them.
    async fn forget_returns_of(&self, sku: &str, now_ms: u64) -> Result<(), Refusal> {
        let Some(stock) = self.records.stock(sku).await? else { return Ok(()) };
        let mut over = Vec::new();
        for id in stock.returns_before(now_ms.saturating_sub(RETURN_NOTED_MS), FORGET_MAX) {
            // The name of a partial return begins with its reservation.
            let (reservation, part) = id.split_once('/').unwrap_or((&id, ""));
            let record = self.records.reservation(reservation).await?;
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
        self.change_stock(sku, forget).await.map(drop)
    }
}
