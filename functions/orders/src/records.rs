//! How orders are stored.
//!
//! One value per order (`value`) contains its events, its outbox, its inbox, and the lease of its
//! driver; it changes only by compare-and-swap. There are also three indexes: the register of all
//! orders, the orders of a user (`listing`) and the unfinished orders (`marks`). All are written
//! *before* the order: a crash leaves an entry without an order, which readers skip, never an order
//! without an entry. There is a mark for each user who has deleted their account (`erasure`).

mod erasure;
mod listing;
mod marks;
#[cfg(test)]
mod tests;
mod upcast;
mod value;

pub use listing::Position;
pub(crate) use marks::shard_of;
pub use marks::{MARK_AGE_MS, MARKS_MAX, Mark, OPEN_SHARDS, ORPHAN_AGE_MS};
pub use value::{Lease, Record, SNAPSHOT_EVERY, SNAPSHOT_SCHEMA, Snapshot};

use chassis::register::Register;
use chassis::store::{Store, StoreError};

use crate::domain::saga::{self, Next};
use crate::domain::{Event, Order, Placed, Recorded, Step};

/// How often a write is tried again because something else of the order's value changed.
const REBASES_MAX: u32 = 16;

/// An order as it was read, with what is needed to swap it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the store holds.
    pub record: Record,
    /// The fold of its events.
    pub order: Order,
    /// The value as it was read.
    bytes: Vec<u8>,
}

impl Loaded {
    /// Whether another owner that may still be alive holds the lease at that time.
    pub fn is_leased_to_other(&self, owner: &str, incarnation: Option<u64>, at_ms: u64) -> bool {
        let lease = self.record.lease.as_ref();
        lease.is_some_and(|lease| {
            lease.owner != owner
                && lease.until_ms > at_ms
                && !chassis::incarnation::is_over(lease.incarnation, incarnation)
        })
    }

    /// Whether `owner` holds the lease at that time.
    pub fn is_leased_to(&self, owner: &str, at_ms: u64) -> bool {
        let lease = self.record.lease.as_ref();
        lease.is_some_and(|lease| lease.owner == owner && lease.until_ms > at_ms)
    }

    /// Whether nothing is left to be done, and everything is published.
    pub fn is_settled(&self, now_ms: u64) -> bool {
        self.record.outbox.is_empty() && saga::next(&self.order, now_ms) == Next::Settled
    }

    /// All events of the order, in today's form.
    pub fn history(&self) -> Result<Vec<Recorded>, StoreError> {
        let key = order_key(&self.order.placed.id);
        self.record.history().map_err(|reason| corrupt(&key, reason))
    }
}

/// The orders in a store.
#[derive(Clone)]
pub struct Records<S> {
    store: S,
}

impl<S: Store> Records<S> {
    /// The orders in this store.
    pub fn new(store: S) -> Self {
        Self { store }
    }

    /// All orders in the order of their creation.
    pub fn register(&self) -> Register<S> {
        Register::new(self.store.clone(), "order")
    }

    /// Makes an order durable, leased to its creator, with its first step begun. None if one
    /// with this id exists already; nothing of it changes then.
    pub async fn create(
        &self,
        placed: Placed,
        at_ms: u64,
        lease: Lease,
    ) -> Result<Option<Loaded>, StoreError> {
        let (id, user_id) = (placed.id.clone(), placed.user_id.clone());
        let place = self.register().enter(&id).await?;
        self.mark_new(&id, &lease.owner, at_ms).await?;
        let page = self.enter(&user_id, &id).await?;
        let first = Event::StepStarted { step: Step::Reserve };
        let events = [
            Recorded { sequence: 1, at_ms, event: Event::Placed(Box::new(placed)) },
            Recorded { sequence: 2, at_ms, event: first },
        ];
        let key = order_key(&id);
        let mut record = Record::at(place, page, lease);
        let order = record.append(None, &events).map_err(|fault| corrupt(&key, fault))?;
        let bytes = encode(&key, &record)?;
        let created = self.store.create_bytes_guarded(&key, &bytes).await?;
        Ok(created.then_some(Loaded { record, order, bytes }))
    }

    /// The order with this id.
    pub async fn load(&self, id: &str) -> Result<Option<Loaded>, StoreError> {
        let key = order_key(id);
        let Some(bytes) = self.store.get(&key).await? else { return Ok(None) };
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|error| corrupt(&key, error.to_string()))?;
        let order = record.order().map_err(|fault| corrupt(&key, fault))?;
        Ok(Some(Loaded { record, order, bytes }))
    }

    /// Adds events after those that were read, with all that others are to hear of them, and
    /// sets the lease, in one swap. False if the order has other events or another driver by
    /// now; then nothing was written.
    pub async fn append(
        &self,
        loaded: &mut Loaded,
        events: &[Recorded],
        lease: Option<Lease>,
    ) -> Result<bool, StoreError> {
        for _ in 0..REBASES_MAX {
            let mut record = loaded.record.clone();
            record.lease.clone_from(&lease);
            if self.extend(loaded, record, events).await? {
                return Ok(true);
            }
            if !self.rebase(loaded).await? {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Enters an order that is older than the register. Does nothing if it is entered already,
    /// or if it has changed since it was read.
    pub async fn register_late(&self, loaded: &mut Loaded) -> Result<(), StoreError> {
        if loaded.record.place == 0 {
            let record = loaded.record.clone();
            self.extend(loaded, record, &[]).await?;
        }
        Ok(())
    }

    /// Swaps the order's value for `record` with more events. False if it has changed in any
    /// way since it was read. An order that is older than the register takes its place there
    /// now; a place whose swap fails leads to an order of another place, and is passed over.
    pub async fn extend(
        &self,
        loaded: &mut Loaded,
        mut record: Record,
        events: &[Recorded],
    ) -> Result<bool, StoreError> {
        let key = order_key(&loaded.order.placed.id);
        let order = match events {
            [] => loaded.order.clone(),
            events => record
                .append(Some(&loaded.order), events)
                .map_err(|fault| StoreError::Unavailable(format!("`{key}`: {fault}")))?,
        };
        if record.place == 0 {
            record.place = self.register().enter(&order.placed.id).await?;
        }
        let bytes = encode(&key, &record)?;
        if !self.store.compare_and_swap(&key, Some(&loaded.bytes), &bytes).await? {
            return Ok(false);
        }
        *loaded = Loaded { record, order, bytes };
        Ok(true)
    }

    /// Reads an order again whose swap has failed. True if it still has the same events, the
    /// same driver and the same fence: somebody has published or heard of something
    /// meanwhile, which changes nothing about what was decided.
    async fn rebase(&self, loaded: &mut Loaded) -> Result<bool, StoreError> {
        let Some(fresh) = self.load(&loaded.order.placed.id).await? else { return Ok(false) };
        let same = fresh.order.version == loaded.order.version
            && fresh.record.lease == loaded.record.lease
            && fresh.record.fence == loaded.record.fence;
        if same {
            *loaded = fresh;
        }
        Ok(same)
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
