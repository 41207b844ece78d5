//! How reservations, stocks and lanes are stored: one JSON value each.

use crate::domain::{Lane, Record, Refusal, Stock};
use chassis::register::Register;
use chassis::store::{Store, StoreError};

/// The position in the register at which the next sweep begins. Only a hint.
const SWEEP_KEY: &str = "sweep_round";

/// The store of inventory.
#[derive(Clone, Debug)]
pub(crate) struct Records<S> {
    store: S,
}

impl<S: Store> Records<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store }
    }

    /// The record of a reservation.
    pub(crate) async fn reservation(&self, id: &str) -> Result<Option<Record>, StoreError> {
        self.store.read(&reservation_key(id)).await
    }

    /// Changes the record of a reservation. Returns the changed record and the result.
    pub(crate) async fn change_reservation<R: Send>(
        &self,
        id: &str,
        change: impl FnMut(Option<Record>) -> Result<(Record, R), Refusal> + Send,
    ) -> Result<R, Refusal> {
        self.store.update(&reservation_key(id), change).await
    }

    /// The stock of a SKU; none if it was never received.
    pub(crate) async fn stock(&self, sku: &str) -> Result<Option<Stock>, StoreError> {
        self.store.read(&stock_key(sku)).await
    }

    /// Changes the stock of a SKU. Returns the changed stock and the result.
    pub(crate) async fn change_stock<R: Send>(
        &self,
        sku: &str,
        change: impl FnMut(Option<Stock>) -> Result<(Stock, R), Refusal> + Send,
    ) -> Result<R, Refusal> {
        self.store.update(&stock_key(sku), change).await
    }

    /// A lane of a SKU, counted from 1.
    pub(crate) async fn lane(&self, sku: &str, number: usize) -> Result<Lane, StoreError> {
        Ok(self.store.read(&lane_key(sku, number)).await?.unwrap_or_default())
    }

    /// All lanes of a SKU.
    pub(crate) async fn lanes(&self, sku: &str, stock: &Stock) -> Result<Vec<Lane>, StoreError> {
        let mut lanes = Vec::with_capacity(stock.lanes().len());
        for number in 1..=stock.lanes().len() {
            lanes.push(self.lane(sku, number).await?);
        }
        Ok(lanes)
    }

    /// Changes a lane of a SKU. Returns the result.
    pub(crate) async fn change_lane<R: Send>(
        &self,
        sku: &str,
        number: usize,
        mut change: impl FnMut(&mut Lane) -> R + Send,
    ) -> Result<R, Refusal> {
        self.store.modify(&lane_key(sku, number), |lane| Ok(change(lane))).await
    }

    /// All SKUs in the order of their first receipt.
    pub(crate) fn skus(&self) -> Register<S> {
        Register::new(self.store.clone(), "sku")
    }

    pub(crate) async fn sweep_position(&self) -> Result<u64, StoreError> {
        Ok(self.store.read(SWEEP_KEY).await?.unwrap_or(0))
    }

    pub(crate) async fn set_sweep_position(&self, position: u64) -> Result<(), StoreError> {
        self.store.write(SWEEP_KEY, &position).await
    }
}

pub(crate) fn reservation_key(id: &str) -> String {
    format!("reservation/{id}")
}

pub(crate) fn stock_key(sku: &str) -> String {
    format!("stock/{sku}")
}

pub(crate) fn lane_key(sku: &str, number: usize) -> String {
    format!("{}/{number}", stock_key(sku))
}
