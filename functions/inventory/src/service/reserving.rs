//! Making and releasing the holds of a reservation.

use super::{Inventory, lanes::TRIES_MAX};
use crate::domain::{Availability, Hold, HoldRefused, Line, Record, Refusal, State, Stock};
use chassis::store::Store;

impl<S: Store> Inventory<S> {
    /// Makes the holds of an attempt, and then concludes it in the record.
    pub(super) async fn attempt(
        &self,
        id: &str,
        record: Record,
        now_ms: u64,
    ) -> Result<Record, Refusal> {
        let short = self.hold_all(id, &record, now_ms).await?;
        self.change_record(id, |current| Ok(current.conclude(record.attempt, &short))).await
    }

    /// Makes the holds of an attempt, in the order that all attempts use. Returns the SKUs that
    /// are short. After the first of them, the attempt has failed: it makes no further holds,
    /// which could take the last piece from an attempt that would have succeeded, and only checks
    /// whether the rest is available.
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
                // The later attempt concludes the reservation.
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

    /// The available pieces if they are fewer than the line has. Holds nothing.
    async fn shortage(
        &self,
        id: &str,
        line: &Line,
        now_ms: u64,
    ) -> Result<Option<Availability>, Refusal> {
        let stock = self.settled_if_short(&line.sku, line.quantity, now_ms).await?;
        let available = stock.map_or(0, |stock| stock.available_to(id));
        let short = available < line.quantity;
        Ok(short.then(|| Availability { sku: line.sku.clone(), available }))
    }

    /// Holds pieces, if there are enough. Pieces that are transferred between the stock and its
    /// lanes are waited for.
    async fn hold(
        &self,
        id: &str,
        sku: &str,
        hold: Hold,
        now_ms: u64,
    ) -> Result<Result<(), HoldRefused>, Refusal> {
        for _ in 0..TRIES_MAX {
            let result = self.hold_once(id, sku, &hold, now_ms).await?;
            let is_short = matches!(result, Err(HoldRefused::Short(_)));
            if !is_short || self.is_short(sku, id, hold.quantity, now_ms).await? {
                return Ok(result);
            }
        }
        Err(Refusal::Unavailable(format!("too many concurrent reservations of {sku}")))
    }

    /// Holds pieces that are in the stock, or in the lane that has the reservation. Pieces that are
    /// transferred at that time can be missed.
    async fn hold_once(
        &self,
        id: &str,
        sku: &str,
        hold: &Hold,
        now_ms: u64,
    ) -> Result<Result<(), HoldRefused>, Refusal> {
        let Some(stock) = self.settled_if_short(sku, hold.quantity, now_ms).await? else {
            return Ok(Err(HoldRefused::Short(0)));
        };
        if let Some(number) = self.lanes_of(sku, &stock, id).await?.first() {
            return self.hold_in_lane(*number, id, sku, hold).await;
        }
        let change = |stock: Option<Stock>| {
            let mut stock = stock.unwrap_or_default();
            let result = stock.hold(id, hold.clone());
            Ok((stock, result))
        };
        match self.records.change_stock(sku, change).await? {
            Err(HoldRefused::TooMany) => self.hold_in_lanes(id, sku, hold).await,
            result => Ok(result),
        }
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
}
