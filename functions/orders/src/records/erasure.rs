//! Erasing customers from their orders after they have deleted their account.
//!
//! An order needs its address until it has ended. Its lines, amounts and ids stay, for accounting.
//! Two requests can overlap here without a lock: one that ends an order, and one that handles the
//! deletion of the account. The first writes the end of the order and then reads the entry of the
//! customer; the second writes the entry and then reads the orders. So at least one of them sees
//! both. If one of them dies in between, it is repeated: the order is still marked as unfinished,
//! and the event is delivered again.
//!
//! Entries are permanent: a request that was in progress when the account was deleted may still
//! place an order.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::{Loaded, Records};

/// The entry of a customer who deleted their account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct DeletedAccount {
    /// The number of pages of the customer's index that are left, counted from the oldest. `None`
    /// before they were counted.
    pages_left: Option<u64>,
}

impl<S: Store> Records<S> {
    /// Records that a customer deleted their account. Returns the number of pages of their index
    /// that are left.
    pub async fn record_deletion(&self, user_id: &str) -> Result<u64, StoreError> {
        let key = deletion_key(user_id);
        let create = |entry: &mut DeletedAccount| Ok::<_, StoreError>(entry.pages_left);
        if let Some(pages_left) = self.store.modify(&key, create).await? {
            return Ok(pages_left);
        }
        // Counted after the entry was written: later orders find the entry.
        let pages = self.pages(user_id).await?;
        self.set_pages_left(user_id, pages).await
    }

    /// Stores the number of pages that are left, which only decreases. Returns it.
    pub async fn set_pages_left(&self, user_id: &str, left: u64) -> Result<u64, StoreError> {
        let set = |known: Option<DeletedAccount>| {
            let known = known.unwrap_or_default().pages_left.unwrap_or(left);
            let left = known.min(left);
            Ok::<_, StoreError>((DeletedAccount { pages_left: Some(left) }, left))
        };
        self.store.update(&deletion_key(user_id), set).await
    }

    /// Erases the customer from an order that has ended, if they have deleted their account.
    pub async fn erase_if_deleted(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        if !loaded.order.is_erasable() {
            return Ok(());
        }
        match self.store.get(&deletion_key(&loaded.order.placed.user_id)).await? {
            Some(_) => self.erase(loaded).await,
            None => Ok(()),
        }
    }

    /// Erases the customer from an order, if it has ended.
    pub async fn erase(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        let erase = |loaded: &mut Loaded| match loaded.order.is_erasable() {
            true => loaded.erase_customer(),
            false => Ok(()),
        };
        self.decide(loaded, erase).await
    }
}

fn deletion_key(user_id: &str) -> String {
    format!("forgotten:{user_id}")
}
