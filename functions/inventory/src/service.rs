//! The use cases. Each is a few compare-and-swaps, ordered so that a crash between any two of them
//! leaves a state that can be repaired.

mod audit;
mod lanes;
mod reserving;
mod returns;
mod settling;
mod sweep;

pub use audit::BOOKS_CLAIMS_MAX;
pub use sweep::{SWEEP_SKUS_MAX, Swept};

use crate::domain::{
    Availability, Begin, LINES_MAX, Levels, Line, Record, Refusal, Reservation, Stock, check_name,
    check_ttl, normalize,
};
use crate::records::Records;
use chassis::store::{Store, StoreError};

/// Inventory over a store.
#[derive(Clone, Debug)]
pub struct Inventory<S> {
    records: Records<S>,
}

impl<S: Store> Inventory<S> {
    /// Inventory in this store.
    pub fn new(store: S) -> Inventory<S> {
        Inventory { records: Records::new(store) }
    }

    /// Reserves all lines or none, until `now_ms + ttl_ms`.
    pub async fn reserve(
        &self,
        id: &str,
        lines: &[Line],
        ttl_ms: u64,
        now_ms: u64,
    ) -> Result<Reservation, Refusal> {
        check_name("reservation id", id)?;
        check_ttl(ttl_ms)?;
        let lines = normalize(lines)?;
        let begin = |record| Record::begin(record, id, &lines, ttl_ms, now_ms);
        let record = match self.records.change_reservation(id, begin).await? {
            Begin::Known(record) => record,
            Begin::Attempt(record) => self.attempt(id, record, now_ms).await?,
        };
        if record.is_void() {
            self.free_all(id, &record).await?;
        }
        record.standing(id, now_ms)
    }

    /// Sells a reservation.
    pub async fn commit(&self, id: &str, now_ms: u64) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let record = self.change_record(id, |record| record.commit(id, now_ms)).await?;
        for line in &record.lines {
            self.sell(&line.sku, id, record.attempt).await?;
        }
        Ok(())
    }

    /// Releases a reservation, and bars its id.
    pub async fn release(&self, id: &str) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let release = |record| Record::release(record, id).map(|record| (record.clone(), record));
        let record = self.records.change_reservation(id, release).await?;
        self.free_unless_returned(id, &record).await
    }

    /// What can be reserved of these SKUs, in the requested order.
    pub async fn available(
        &self,
        skus: &[String],
        now_ms: u64,
    ) -> Result<Vec<Availability>, Refusal> {
        if skus.len() > LINES_MAX {
            return Err(Refusal::Invalid(format!("at most {LINES_MAX} SKUs")));
        }
        let mut result = Vec::with_capacity(skus.len());
        for sku in skus {
            check_name("SKU", sku)?;
            let stock = self.settled_if_short(sku, u32::MAX, now_ms).await?;
            let available = stock.map_or(0, |stock| stock.available_to(""));
            result.push(Availability { sku: sku.clone(), available });
        }
        Ok(result)
    }

    /// The figures of a SKU; `None` if it was never received.
    pub async fn levels(&self, sku: &str, now_ms: u64) -> Result<Option<Levels>, Refusal> {
        check_name("SKU", sku)?;
        match self.settled(sku, now_ms).await? {
            Some(stock) => {
                let stock = self.settle_lanes(sku, stock, now_ms).await?;
                self.levels_of(sku, &stock).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Sets how many pieces of a SKU were ever received.
    pub async fn receive(&self, sku: &str, received: u32, now_ms: u64) -> Result<Levels, Refusal> {
        check_name("SKU", sku)?;
        // Free pieces in lanes come back first, because they are not reserved.
        let known = self.settled_if_short(sku, u32::MAX, now_ms).await?;
        let position = match known.and_then(|stock| stock.position()) {
            Some(position) => position,
            None => self.records.skus().enter(sku).await?,
        };
        let receive = |stock: Option<Stock>| {
            let mut stock = stock.unwrap_or_default();
            stock.register_at(position);
            stock.receive(received).map_err(|least| {
                Refusal::Conflict(format!("{least} pieces of {sku} are reserved or sold"))
            })?;
            Ok((stock.clone(), stock))
        };
        let stock = self.records.change_stock(sku, receive).await?;
        self.levels_of(sku, &stock).await
    }

    /// Changes the record of an existing reservation. Returns the changed record.
    async fn change_record(
        &self,
        id: &str,
        mut change: impl FnMut(Record) -> Result<Record, Refusal> + Send,
    ) -> Result<Record, Refusal> {
        let change = |record: Option<Record>| {
            let unknown = || Refusal::NotFound(format!("no reservation {id}"));
            change(record.ok_or_else(unknown)?).map(|record| (record.clone(), record))
        };
        self.records.change_reservation(id, change).await
    }

    /// Changes an existing stock. One that was never received stays absent.
    async fn change_stock(
        &self,
        sku: &str,
        mut change: impl FnMut(&mut Stock) + Send,
    ) -> Result<Stock, Refusal> {
        let change = |stock: Option<Stock>| {
            let mut stock = stock.ok_or_else(|| Refusal::NotFound(sku.to_owned()))?;
            change(&mut stock);
            Ok((stock.clone(), stock))
        };
        match self.records.change_stock(sku, change).await {
            Err(Refusal::NotFound(_)) => Ok(Stock::default()),
            other => other,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests;
