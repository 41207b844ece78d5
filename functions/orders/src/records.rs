//! How orders are stored.
//!
//! One value per order (`value`) contains its events, its outbox, its inbox, and the lease of the
//! request that continues its saga; it changes only by compare-and-swap. There are also three
//! indexes: the register of all orders, the orders of a user (`listing`) and the unfinished orders
//! (`marks`). All are written *before* the order: a crash leaves an entry without an order, which
//! readers skip, never an order without an entry. There is an entry for each user who has deleted
//! their account (`erasure`).

mod erasure;
mod listing;
mod loaded;
mod marks;
#[cfg(test)]
mod tests;
mod upcast;
mod value;

pub use listing::Position;
pub use loaded::Loaded;
pub use marks::{MARK_AGE_MS, MARKS_MAX, Mark, ORPHAN_AGE_MS, SHARDS};
pub use value::{Lease, Record, SNAPSHOT_EVERY, SNAPSHOT_SCHEMA, Snapshot};

use chassis::register::Register;
use chassis::store::{Conflicts, Store, StoreError, same_bytes};

use crate::domain::{Event, Placed, Step};

/// The orders in a store, as one request uses them.
#[derive(Clone)]
pub struct Records<S> {
    store: S,
    /// The unique name of the request, for its marks.
    request: String,
}

impl<S: Store> Records<S> {
    /// The orders in this store. `request` must be unique to the request that uses them.
    pub fn new(store: S, request: impl Into<String>) -> Self {
        Self { store, request: request.into() }
    }

    /// All orders, in the order of their creation.
    pub fn register(&self) -> Register<S> {
        Register::new(self.store.clone(), "order")
    }

    /// Creates an order with its first step started, leased to its creator. `None` if an order with
    /// this id exists already; then that one is not changed.
    pub async fn create(
        &self,
        placed: Placed,
        at_ms: u64,
        lease: Lease,
    ) -> Result<Option<Loaded>, StoreError> {
        let id = placed.id.clone();
        let number = self.register().enter(&id).await?;
        self.mark_new(&id, at_ms).await?;
        let page = self.enter(&placed.user_id, &id).await?;
        let mut loaded = Loaded::new(Record::new(number, page, lease), placed, at_ms)?;
        loaded.push(Event::StepStarted { step: Step::Reserve }, at_ms)?;
        let key = order_key(&id);
        let bytes = encode(&key, &loaded.record)?;
        if !self.store.create_bytes_guarded(&key, &bytes).await? {
            return Ok(None);
        }
        loaded.saved(bytes);
        Ok(Some(loaded))
    }

    /// The order with this id.
    pub async fn load(&self, id: &str) -> Result<Option<Loaded>, StoreError> {
        let key = order_key(id);
        let Some(bytes) = self.store.get(&key).await? else { return Ok(None) };
        Loaded::read(&key, bytes).map(Some)
    }

    /// Reads an order again.
    pub(crate) async fn reload(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        let id = &loaded.order.placed.id;
        let removed = || corrupt(&order_key(id), "it was removed".to_owned());
        *loaded = self.load(id).await?.ok_or_else(removed)?;
        Ok(())
    }

    /// Changes an order as `decide` does, which must have no other effects. If the order has
    /// changed since it was read, it is read again, and `decide` is called with it. If events are
    /// added, the order is marked as unfinished before.
    pub async fn decide<R, E>(
        &self,
        loaded: &mut Loaded,
        decide: impl FnMut(&mut Loaded) -> Result<R, E> + Send,
    ) -> Result<R, E>
    where
        R: Send,
        E: From<StoreError> + Send,
    {
        self.change(loaded, true, decide).await
    }

    /// Writes the added events and the lease of an order that is marked already. If only the outbox
    /// or the inbox has changed since the order was read, the decisions are still valid and are
    /// applied to the new value. Otherwise nothing is written, `loaded` is the order as it is now,
    /// and the result is false.
    pub(crate) async fn save(
        &self,
        loaded: &mut Loaded,
        lease: Option<Lease>,
    ) -> Result<bool, StoreError> {
        let expected = loaded.saga_state();
        let events = loaded.unsaved.clone();
        let append = |current: &mut Loaded| {
            if current.saga_state() != expected {
                return Ok(false);
            }
            if !current.has_unsaved() {
                for recorded in &events {
                    current.push(recorded.event.clone(), recorded.at_ms)?;
                }
            }
            current.record.lease.clone_from(&lease);
            Ok(true)
        };
        self.change(loaded, false, append).await
    }

    async fn change<R, E>(
        &self,
        loaded: &mut Loaded,
        marks: bool,
        mut decide: impl FnMut(&mut Loaded) -> Result<R, E> + Send,
    ) -> Result<R, E>
    where
        R: Send,
        E: From<StoreError> + Send,
    {
        let id = loaded.order.placed.id.clone();
        let mut conflicts = Conflicts::default();
        loop {
            let decided = decide(loaded)?;
            if let Some(last) = loaded.unsaved.last().filter(|_| marks) {
                self.mark(&id, last.at_ms).await?;
            }
            if self.swap(loaded).await? {
                return Ok(decided);
            }
            conflicts.count(&order_key(&id))?;
            self.reload(loaded).await?;
        }
    }

    /// Writes an order if it has changes. False if the stored value has changed since it was read.
    /// An order that is older than the register is added to it. If the swap fails, the entry in the
    /// register leads to an order with another number, which readers skip.
    async fn swap(&self, loaded: &mut Loaded) -> Result<bool, StoreError> {
        let id = &loaded.order.placed.id;
        let key = order_key(id);
        if loaded.record.register_number == 0 {
            loaded.record.register_number = self.register().enter(id).await?;
        }
        if loaded.has_unsaved() {
            loaded.record.take_snapshot(&loaded.order);
        }
        let bytes = encode(&key, &loaded.record)?;
        let unchanged = same_bytes(&bytes, &loaded.stored);
        if !unchanged && !self.store.compare_and_swap(&key, Some(&loaded.stored), &bytes).await? {
            return Ok(false);
        }
        loaded.saved(bytes);
        Ok(true)
    }
}

fn encode(key: &str, record: &Record) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|error| corrupt(key, error.to_string()))
}

fn corrupt(key: &str, reason: String) -> StoreError {
    StoreError::Corrupt { key: key.to_owned(), reason }
}

fn order_key(id: &str) -> String {
    format!("order:{id}")
}
