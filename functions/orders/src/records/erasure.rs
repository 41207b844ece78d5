//! Erasing customers from their orders after they have deleted their account.
//!
//! An order needs its address until it has ended. Its lines, sums and ids stay, for the books. Two
//! requests can meet here without a lock: one that ends an order, and one that handles the deletion
//! of the account. The first writes the end of the order and then reads the mark; the second writes
//! the mark and then reads the orders. So at least one of them sees both. If one of them dies in
//! between, it is repeated: the order is still marked as unfinished, and the event is delivered
//! again.
//!
//! Marks are permanent: a request that was under way when the account was deleted may still place
//! an order.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use super::{Loaded, REBASES_MAX, Records, corrupt, encode, order_key};

/// The mark of a customer who deleted their account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Forgotten {
    /// How many pages of the customer's index are left, counted from the oldest. `None` before they
    /// were counted.
    pages_left: Option<u64>,
}

impl<S: Store> Records<S> {
    /// Marks a customer who deleted their account. Returns how many pages of their index are left.
    pub async fn mark_forgotten(&self, user_id: &str) -> Result<u64, StoreError> {
        let key = forgotten_key(user_id);
        let mark = |known: Option<Forgotten>| {
            let mark = known.unwrap_or_default();
            Ok::<_, StoreError>((mark, mark.pages_left))
        };
        if let Some(pages_left) = self.store.update(&key, mark).await? {
            return Ok(pages_left);
        }
        // Counted after the mark was written: orders that are entered later find the mark.
        let pages = self.pages(user_id).await?;
        let count = |known: Option<Forgotten>| {
            let left = known.unwrap_or_default().pages_left.unwrap_or(pages);
            Ok::<_, StoreError>((Forgotten { pages_left: Some(left) }, left))
        };
        self.store.update(&key, count).await
    }

    /// Stores how many pages are left.
    pub async fn note_pages_left(&self, user_id: &str, left: u64) -> Result<(), StoreError> {
        let note = |known: Option<Forgotten>| {
            let known = known.unwrap_or_default().pages_left.unwrap_or(left);
            Ok::<_, StoreError>((Forgotten { pages_left: Some(known.min(left)) }, ()))
        };
        self.store.update(&forgotten_key(user_id), note).await
    }

    /// Erases the customer from an order that has ended, if they have deleted their account.
    pub async fn erase_if_forgotten(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        if !loaded.order.is_erasable() {
            return Ok(());
        }
        let key = forgotten_key(&loaded.order.placed.user_id);
        match self.store.get(&key).await? {
            Some(_) => self.erase(loaded).await,
            None => Ok(()),
        }
    }

    /// Erases the customer from an order, if it has ended.
    pub async fn erase(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        let id = loaded.order.placed.id.clone();
        for _ in 0..REBASES_MAX {
            if !loaded.order.is_erasable() || self.swap_erased(loaded).await? {
                return Ok(());
            }
            match self.load(&id).await? {
                Some(fresh) => *loaded = fresh,
                None => return Ok(()),
            }
        }
        Err(StoreError::Contended(order_key(&id)))
    }

    /// False if the order has changed since it was read.
    async fn swap_erased(&self, loaded: &mut Loaded) -> Result<bool, StoreError> {
        let key = order_key(&loaded.order.placed.id);
        let mut record = loaded.record.clone();
        record.erase_customer().map_err(|reason| corrupt(&key, reason))?;
        let order = record.order().map_err(|reason| corrupt(&key, reason))?;
        let bytes = encode(&key, &record)?;
        if !self.store.compare_and_swap(&key, Some(&loaded.bytes), &bytes).await? {
            return Ok(false);
        }
        *loaded = Loaded { record, order, bytes };
        Ok(true)
    }
}

fn forgotten_key(user_id: &str) -> String {
    format!("forgotten:{user_id}")
}
