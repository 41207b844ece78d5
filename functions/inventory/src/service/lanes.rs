//! SKUs with more concurrent reservations than one value can hold: further reservations go into
//! lanes, which are separate values. See [`crate::domain::Lane`] for how pieces are transferred.

use super::Inventory;
use crate::domain::{Hold, HoldRefused, LANES_MAX, Levels, Refusal, Stock, Verdict};
use chassis::store::Store;

/// How often a hold is tried while other requests transfer its pieces.
pub(super) const TRIES_MAX: u32 = 8;

impl<S: Store> Inventory<S> {
    /// The numbers of the lanes that hold pieces for this reservation. There can be several after
    /// concurrent attempts.
    pub(super) async fn lanes_of(
        &self,
        sku: &str,
        stock: &Stock,
        id: &str,
    ) -> Result<Vec<usize>, Refusal> {
        let mut numbers = Vec::new();
        for number in 1..=stock.lanes().len() {
            if self.records.lane(sku, number).await?.holds().get(id).is_some() {
                numbers.push(number);
            }
        }
        Ok(numbers)
    }

    /// Holds pieces in the first lane that has room.
    pub(super) async fn hold_in_lanes(
        &self,
        id: &str,
        sku: &str,
        hold: &Hold,
    ) -> Result<Result<(), HoldRefused>, Refusal> {
        for number in 1..=LANES_MAX {
            if !self.records.lane(sku, number).await?.holds().has_room() {
                continue;
            }
            match self.hold_in_lane(number, id, sku, hold).await? {
                Err(HoldRefused::TooMany) => {}
                result => return Ok(result),
            }
        }
        Ok(Err(HoldRefused::TooMany))
    }

    /// Holds pieces in this lane: they are first granted to it, and held when they have arrived.
    pub(super) async fn hold_in_lane(
        &self,
        number: usize,
        id: &str,
        sku: &str,
        hold: &Hold,
    ) -> Result<Result<(), HoldRefused>, Refusal> {
        for _ in 0..TRIES_MAX {
            let lane = self.records.lane(sku, number).await?;
            let own = lane.holds().get(id).map_or(0, |hold| i64::from(hold.quantity));
            let missing = i64::from(hold.quantity) - lane.free() - own;
            let granted = match self.grant(sku, number, missing).await? {
                Ok(granted) => granted,
                Err(refused) => return Ok(Err(refused)),
            };
            let result = self
                .records
                .change_lane(sku, number, |lane| {
                    lane.arrive(granted);
                    lane.hold(id, hold.clone())
                })
                .await?;
            match result {
                Ok(()) => return Ok(Ok(())),
                // Another request that gave pieces back has given back these, too.
                Err(HoldRefused::Short(_)) => {}
                Err(refused) => {
                    self.empty_lane(sku, number).await?;
                    return Ok(Err(refused));
                }
            }
        }
        Err(Refusal::Unavailable(format!("too many concurrent reservations of {sku}")))
    }

    /// Grants pieces to a lane. Returns the total ever granted to it.
    async fn grant(
        &self,
        sku: &str,
        number: usize,
        pieces: i64,
    ) -> Result<Result<u64, HoldRefused>, Refusal> {
        let mut granted = Err(HoldRefused::Short(0));
        self.change_stock(sku, |stock| granted = stock.grant(number, pieces)).await?;
        Ok(granted)
    }

    /// Gives back the unreserved pieces of a lane.
    pub(super) async fn empty_lane(&self, sku: &str, number: usize) -> Result<Stock, Refusal> {
        let given_back = self
            .records
            .change_lane(sku, number, |lane| {
                lane.give_back();
                lane.given_back()
            })
            .await?;
        self.change_stock(sku, |stock| stock.take_from_lane(number, given_back)).await
    }

    /// Turns a reservation's hold into a sale, wherever it is.
    pub(super) async fn sell(&self, sku: &str, id: &str, attempt: u32) -> Result<(), Refusal> {
        let stock = self.change_stock(sku, |stock| stock.sell(id, attempt)).await?;
        self.sell_from_lanes(sku, &stock, id, attempt).await
    }

    /// Turns a reservation's hold into a sale if it is in a lane.
    pub(super) async fn sell_from_lanes(
        &self,
        sku: &str,
        stock: &Stock,
        id: &str,
        attempt: u32,
    ) -> Result<(), Refusal> {
        for number in self.lanes_of(sku, stock, id).await? {
            self.records.change_lane(sku, number, |lane| lane.sell(id, attempt)).await?;
        }
        Ok(())
    }

    /// Releases a reservation's hold, wherever it is.
    pub(super) async fn free(&self, sku: &str, id: &str, attempt: u32) -> Result<(), Refusal> {
        let stock = self.change_stock(sku, |stock| stock.free(id, attempt)).await?;
        for number in self.lanes_of(sku, &stock, id).await? {
            self.records.change_lane(sku, number, |lane| lane.free_hold(id, attempt)).await?;
            self.empty_lane(sku, number).await?;
        }
        Ok(())
    }

    /// Settles expired holds in all lanes and takes back their free pieces. Returns the stock after
    /// that.
    pub(super) async fn settle_lanes(
        &self,
        sku: &str,
        stock: Stock,
        now_ms: u64,
    ) -> Result<Stock, Refusal> {
        let mut settled = stock;
        for number in 1..=settled.lanes().len() {
            let lane = self.records.lane(sku, number).await?;
            let exchange = settled.lanes().get(number - 1).copied().unwrap_or_default();
            if lane.is_at_rest(exchange, now_ms) {
                continue;
            }
            for (id, hold) in lane.holds().expired(now_ms, usize::MAX) {
                self.settle_in_lane(sku, number, &id, &hold, now_ms).await?;
            }
            self.records.change_lane(sku, number, |lane| lane.arrive(exchange.granted)).await?;
            settled = self.empty_lane(sku, number).await?;
        }
        Ok(settled)
    }

    /// Whether fewer than `quantity` pieces are available to a reservation.
    ///
    /// The stock and its lanes are separate values, so reading one after the other can miss pieces
    /// that are transferred in the meantime. The answer is yes only if the stock's counters are the
    /// same before and after all lanes were read, and no lane had pieces to transfer.
    pub(super) async fn is_short(
        &self,
        sku: &str,
        id: &str,
        quantity: u32,
        now_ms: u64,
    ) -> Result<bool, Refusal> {
        let Some(before) = self.settled(sku, now_ms).await? else { return Ok(true) };
        let mut held_in_lanes = 0;
        for (number, exchange) in (1..).zip(before.lanes().to_vec()) {
            let lane = self.records.lane(sku, number).await?;
            if lane.free() > 0 || lane.on_the_way(exchange) > 0 {
                self.settle_lanes(sku, before, now_ms).await?;
                return Ok(false);
            }
            held_in_lanes += lane.holds().get(id).map_or(0, |hold| hold.quantity);
        }
        let after = self.records.stock(sku).await?.unwrap_or_default();
        let available = after.available_to(id).saturating_add(held_in_lanes);
        Ok(after.lanes() == before.lanes() && available < quantity)
    }

    async fn settle_in_lane(
        &self,
        sku: &str,
        number: usize,
        id: &str,
        hold: &Hold,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let verdict = self.judge(id, hold.attempt, now_ms).await?;
        self.records
            .change_lane(sku, number, |lane| match verdict {
                Verdict::Free => lane.free_hold(id, hold.attempt),
                Verdict::Sell | Verdict::TakeBack => lane.sell(id, hold.attempt),
                Verdict::Keep => {}
            })
            .await?;
        if verdict == Verdict::TakeBack {
            let (attempt, quantity) = (hold.attempt, hold.quantity);
            self.give_back(sku, now_ms, |stock| stock.take_back(id, attempt, quantity, now_ms))
                .await?;
        }
        Ok(())
    }

    /// The figures of a SKU with all its lanes.
    pub(super) async fn levels_of(&self, sku: &str, stock: &Stock) -> Result<Levels, Refusal> {
        Ok(stock.levels_with(&self.records.lanes(sku, stock).await?))
    }
}
