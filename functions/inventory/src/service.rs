//! The use cases. Each is a few compare-and-swaps, ordered so that a crash between any two of them
//! leaves a state that can be repaired.

mod audit;
mod lanes;
mod restock;
mod steps;
mod sweep;

pub use audit::BOOKS_CLAIMS_MAX;
pub use sweep::{SWEEP_SKUS_MAX, Swept};

use crate::domain::{
    Availability, Begin, LINES_MAX, Levels, Line, Record, Refusal, Reservation, State, Stock,
    check_name, check_ttl, normalize,
};
use chassis::register::Register;
use chassis::store::{Store, StoreError};

/// Inventory over a store.
#[derive(Clone, Debug)]
pub struct Inventory<S> {
    store: S,
}

impl<S: Store> Inventory<S> {
    /// Inventory in this store.
    pub fn new(store: S) -> Inventory<S> {
        Inventory { store }
    }

    /// Reserve all lines or none, until `now_ms + ttl_ms`.
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
        let record = match self.store.update(&record_key(id), begin).await? {
            Begin::Known(record) => record,
            Begin::Attempt(record) => self.attempt(id, record, now_ms).await?,
        };
        if record.is_void() {
            self.free_all(id, &record).await?;
        }
        record.standing(id, now_ms)
    }

    /// Sell a reservation.
    pub async fn commit(&self, id: &str, now_ms: u64) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let commit = |record: Option<Record>| -> Result<_, Refusal> {
            let record = record.ok_or_else(|| unknown(id))?.commit(id, now_ms)?;
            Ok((record.clone(), record))
        };
        let record = self.store.update(&record_key(id), commit).await?;
        for line in &record.lines {
            self.sell(&line.sku, id, record.attempt).await?;
        }
        Ok(())
    }

    /// Give a reservation back, and bar its id.
    pub async fn release(&self, id: &str) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let release = |record| Record::release(record, id).map(|record| (record.clone(), record));
        let record = self.store.update(&record_key(id), release).await?;
        self.free_unless_returned(id, &record).await
    }

    /// Undo a reservation, sold or not.
    pub async fn take_back(&self, id: &str, now_ms: u64) -> Result<(), Refusal> {
        check_name("reservation id", id)?;
        let begin = |record| Record::begin_return(record, id).map(|now| (now.clone(), now));
        let record = self.store.update(&record_key(id), begin).await?;
        if record.state != State::Returning {
            return self.free_unless_returned(id, &record).await;
        }
        for Line { sku, quantity } in &record.left() {
            let (attempt, quantity) = (record.attempt, *quantity);
            // Holds in lanes are turned into sales first.
            if let Some(stock) = self.store.read::<Stock>(&stock_key(sku)).await? {
                self.sell_from_lanes(sku, &stock, id, attempt).await?;
            }
            self.give_back(sku, now_ms, |stock| stock.take_back(id, attempt, quantity, now_ms))
                .await?;
        }
        let finish = |record: Option<Record>| -> Result<_, Refusal> {
            Ok((record.ok_or_else(|| unknown(id))?.finish_return(), ()))
        };
        self.store.update(&record_key(id), finish).await?;
        for line in &record.lines {
            self.forget_returns(&line.sku, now_ms).await?;
        }
        Ok(())
    }

    /// What can be reserved of these SKUs, in the order asked.
    pub async fn available(
        &self,
        skus: &[String],
        now_ms: u64,
    ) -> Result<Vec<Availability>, Refusal> {
        if skus.len() > LINES_MAX {
            return Err(Refusal::Invalid(format!("at most {LINES_MAX} SKUs")));
        }
        let mut answer = Vec::with_capacity(skus.len());
        for sku in skus {
            check_name("SKU", sku)?;
            let stock = self.swept_if_short(sku, u32::MAX, now_ms).await?;
            let available = stock.map_or(0, |stock| stock.available_to(""));
            answer.push(Availability { sku: sku.clone(), available });
        }
        Ok(answer)
    }

    /// The figures of a SKU; `None` if it was never received.
    pub async fn levels(&self, sku: &str, now_ms: u64) -> Result<Option<Levels>, Refusal> {
        check_name("SKU", sku)?;
        match self.swept(sku, now_ms).await? {
            Some(stock) => {
                let stock = self.settle_lanes(sku, stock, now_ms).await?;
                self.levels_of(sku, &stock).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Set how many pieces of a SKU were ever received.
    pub async fn receive(&self, sku: &str, received: u32, now_ms: u64) -> Result<Levels, Refusal> {
        check_name("SKU", sku)?;
        // Free pieces in lanes come back first, because they are not reserved.
        let known = self.swept_if_short(sku, u32::MAX, now_ms).await?;
        let place = match known.and_then(|stock| stock.place()) {
            Some(place) => place,
            None => self.register().enter(sku).await?,
        };
        let receive = |stock: Option<Stock>| -> Result<_, Refusal> {
            let mut stock = stock.unwrap_or_default();
            stock.settle_at(Some(place));
            stock.receive(received).map_err(|least| {
                Refusal::Conflict(format!("{least} pieces of {sku} are reserved or sold"))
            })?;
            Ok((stock.clone(), stock))
        };
        let stock = self.store.update(&stock_key(sku), receive).await?;
        self.levels_of(sku, &stock).await
    }

    /// All SKUs in the order of their first receipt.
    fn register(&self) -> Register<S> {
        Register::new(self.store.clone(), "sku")
    }
}

fn record_key(id: &str) -> String {
    format!("reservation/{id}")
}

fn stock_key(sku: &str) -> String {
    format!("stock/{sku}")
}

fn unknown(id: &str) -> Refusal {
    Refusal::NotFound(format!("no reservation {id}"))
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests;
