//! Processing events.

use chassis::events::Event;
use chassis::store::{Store, StoreError};
use serde::{Serialize, de::DeserializeOwned};

use super::{Freshness, Recommendations};
use crate::domain::{
    self, Change, Companions, Confirmed, Malformed, Newest, Popular, Product, Purchases,
};
use crate::records::{FRESHNESS, NEWEST, POPULAR, Products, order_key, sku_key, user_key};

/// Why an event was not processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is invalid, also when it is delivered again.
    Malformed(Malformed),
    /// The store failed. Some of the writes may have happened. Retrying is safe.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<S: Store> Recommendations<S> {
    /// Processes an event at this time. After success, all changes are stored.
    pub async fn receive(&self, event: &Event, now_ms: u64) -> Result<(), Refused> {
        let event_at_ms = match domain::read(event).map_err(Refused::Malformed)? {
            Change::Confirmed(order) => {
                self.learn(event, &order).await?;
                order.at_ms
            }
            Change::Product(product) => {
                self.copy(&product).await?;
                product.since_ms
            }
            // It says nothing about purchases, so it does not change their freshness.
            Change::Gone(user_id) => return Ok(self.forget(&user_id).await?),
            Change::None => return Ok(()),
        };
        let freshness = Freshness { event_at_ms, received_at_ms: now_ms };
        self.change(FRESHNESS, |newest: &mut Freshness| {
            if newest.event_at_ms < freshness.event_at_ms {
                *newest = freshness;
            }
        })
        .await?;
        Ok(())
    }

    async fn learn(&self, event: &Event, order: &Confirmed) -> Result<(), StoreError> {
        let done = order_key(&order.order_id);
        if self.store.get(&done).await?.is_some() {
            return Ok(());
        }
        let mut counted = Vec::with_capacity(order.skus.len());
        for sku in &order.skus {
            let others = || order.skus.iter().map(String::as_str).filter(|other| other != sku);
            let count = |companions: &mut Companions| {
                companions.count(event, others());
                Ok::<_, StoreError>(companions.orders())
            };
            counted.push((sku, self.store.modify(&sku_key(sku), count).await?));
        }
        self.change(POPULAR, |popular: &mut Popular| {
            counted.iter().for_each(|(sku, orders)| popular.note(sku, *orders));
        })
        .await?;
        self.change(&user_key(&order.user_id), |purchases: &mut Purchases| {
            for sku in &order.skus {
                purchases.add(sku, order.at_ms);
            }
        })
        .await?;
        self.store.write(&done, &order.at_ms).await
    }

    /// Erases the purchases of a customer. The counts, which contain no customer data, keep them.
    async fn forget(&self, user_id: &str) -> Result<(), StoreError> {
        self.change(&user_key(user_id), Purchases::forget).await
    }

    /// Copies a product. The list of the newest is always written: the last attempt may have ended
    /// before it.
    async fn copy(&self, state: &Product) -> Result<(), StoreError> {
        let product = Products::new(self.store.clone()).put(state).await?;
        self.change(NEWEST, |newest: &mut Newest| newest.note(&product.sku, product.since_ms)).await
    }

    async fn change<T>(
        &self,
        key: &str,
        change: impl Fn(&mut T) + Send + Sync,
    ) -> Result<(), StoreError>
    where
        T: Default + Serialize + DeserializeOwned + Send + Sync,
    {
        let change = |value: &mut T| {
            change(value);
            Ok(())
        };
        self.store.modify(key, change).await
    }
}
