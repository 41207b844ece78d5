//! How consignments, parcels and vans are stored.

use chassis::register::Register;
use chassis::store::{Store, StoreError};

use serde::{Deserialize, Serialize};

use crate::domain::{Consignment, Van, VanId};

/// The key of the progress of erasing old addresses.
const ERASURE_KEY: &str = "addresses_erased";

/// The position in the register up to which old addresses are erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erasure {
    #[serde(rename = "place")]
    pub(crate) position: u64,
    /// The end of the register was reached.
    pub(crate) done: bool,
}

/// The store of shipping.
#[derive(Clone, Debug)]
pub(crate) struct Records<S> {
    store: S,
}

impl<S: Store> Records<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store }
    }

    pub(crate) async fn consignment(
        &self,
        order_id: &str,
    ) -> Result<Option<Consignment>, StoreError> {
        self.store.read(&order_key(order_id)).await
    }

    /// The order of a parcel.
    pub(crate) async fn order_of(&self, parcel_id: &str) -> Result<Option<String>, StoreError> {
        self.store.read(&parcel_key(parcel_id)).await
    }

    /// Stores the order of a new parcel.
    pub(crate) async fn set_order_of(
        &self,
        parcel_id: &str,
        order_id: &str,
    ) -> Result<(), StoreError> {
        self.store.create(&parcel_key(parcel_id), &order_id).await.map(drop)
    }

    pub(crate) async fn van(&self, id: &VanId) -> Result<Van, StoreError> {
        Ok(self.store.read(&van_key(id)).await?.unwrap_or_default())
    }

    /// Changes a van. Returns the result of `change`.
    pub(crate) async fn change_van<R: Send>(
        &self,
        id: &VanId,
        change: impl Fn(&mut Van) -> R + Send + Sync,
    ) -> Result<R, StoreError> {
        self.store.modify(&van_key(id), |van| Ok(change(van))).await
    }

    pub(crate) async fn erasure(&self) -> Result<Erasure, StoreError> {
        Ok(self.store.read(ERASURE_KEY).await?.unwrap_or_default())
    }

    pub(crate) async fn set_erasure(&self, progress: Erasure) -> Result<(), StoreError> {
        self.store.write(ERASURE_KEY, &progress).await
    }

    /// All consignments in the order of their creation.
    pub(crate) fn register(&self) -> Register<S> {
        Register::new(self.store.clone(), "consignment")
    }
}

pub(crate) fn order_key(order_id: &str) -> String {
    format!("order:{order_id}")
}

fn parcel_key(parcel_id: &str) -> String {
    format!("parcel:{parcel_id}")
}

pub(crate) fn van_key(van: &VanId) -> String {
    format!("van:{}:{}", van.courier, van.number)
}
