//! How orders lie in the store.
//!
//! One value per order holds all of its events and the lease of its driver, and changes by
//! compare-and-swap only. Beside it are two indexes: the orders of a user, and the orders
//! whose saga is unfinished. Both are written *before* the order: what a crash leaves is an
//! entry without an order, which readers skip, never an order that nobody finds.

use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{Event, Order, Placed, Recorded, Step};

/// Entries of one page of a user's index.
const PAGE_ENTRIES_MAX: usize = 100;
/// Parts of the index of unfinished orders, so that concurrent checkouts seldom collide.
pub const OPEN_SHARDS: u32 = 16;
/// From this age on an entry without an order is the rest of a crash, in milliseconds.
const ORPHAN_AGE_MS: u64 = 10 * 60_000;

/// The value of one order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Oldest first, numbered from 1.
    pub events: Vec<Recorded>,
    /// Whoever drives the saga now.
    #[serde(default)]
    pub lease: Option<Lease>,
}

/// The right to drive a saga, until a time in milliseconds since the epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The request that drives, by its unique name.
    pub owner: String,
    /// From then on anybody may drive, in milliseconds since the epoch.
    pub until_ms: u64,
}

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
    /// Whether somebody else holds the lease at that time.
    pub fn is_leased_to_other(&self, owner: &str, at_ms: u64) -> bool {
        let lease = self.record.lease.as_ref();
        lease.is_some_and(|lease| lease.owner != owner && lease.until_ms > at_ms)
    }

    /// Whether `owner` holds the lease at that time.
    pub fn is_leased_to(&self, owner: &str, at_ms: u64) -> bool {
        let lease = self.record.lease.as_ref();
        lease.is_some_and(|lease| lease.owner == owner && lease.until_ms > at_ms)
    }
}

/// An order whose saga is, or is about to be, under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub id: String,
    /// When it was entered, in milliseconds since the epoch.
    pub at_ms: u64,
}

/// The newest page of a user's index; full ones are moved to keys of their own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Newest {
    page: u64,
    ids: Vec<String>,
}

/// Where in a user's index a listing goes on: entries before this one, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Pages count from 0, the oldest.
    pub page: u64,
    /// Entries of the page that are still to come.
    pub index: usize,
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

    /// Makes an order durable, leased to its creator, with its first step begun. If one
    /// with this id exists already, nothing changes.
    pub async fn create(&self, placed: Placed, at_ms: u64, lease: Lease) -> Result<(), StoreError> {
        let key = order_key(&placed.id);
        if self.store.get(&key).await?.is_some() {
            return Ok(());
        }
        self.open(&placed.id, at_ms).await?;
        self.enter(&placed.user_id, &placed.id).await?;
        let first = Event::StepStarted { step: Step::Reserve };
        let events = vec![
            Recorded { sequence: 1, at_ms, event: Event::Placed(Box::new(placed)) },
            Recorded { sequence: 2, at_ms, event: first },
        ];
        self.store.create_guarded(&key, &Record { events, lease: Some(lease) }).await?;
        Ok(())
    }

    /// The order with this id.
    pub async fn load(&self, id: &str) -> Result<Option<Loaded>, StoreError> {
        let key = order_key(id);
        let Some(bytes) = self.store.get(&key).await? else { return Ok(None) };
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|error| corrupt(&key, error.to_string()))?;
        let order = Order::fold(&record.events)
            .ok_or_else(|| corrupt(&key, "the first event is not `placed`".to_owned()))?;
        Ok(Some(Loaded { record, order, bytes }))
    }

    /// Adds events and sets the lease, in one swap. False if the order has changed since
    /// it was read.
    pub async fn append(
        &self,
        loaded: &mut Loaded,
        events: Vec<Recorded>,
        lease: Option<Lease>,
    ) -> Result<bool, StoreError> {
        let mut record = loaded.record.clone();
        record.events.extend(events);
        record.lease = lease;
        let key = order_key(&loaded.order.placed.id);
        let bytes =
            serde_json::to_vec(&record).map_err(|error| corrupt(&key, error.to_string()))?;
        if !self.store.compare_and_swap(&key, Some(&loaded.bytes), &bytes).await? {
            return Ok(false);
        }
        if let Some(order) = Order::fold(&record.events) {
            *loaded = Loaded { record, order, bytes };
        }
        Ok(true)
    }

    /// Enters an order among the unfinished ones. Idempotent.
    pub async fn open(&self, id: &str, at_ms: u64) -> Result<(), StoreError> {
        self.store
            .update(&open_key(shard_of(id)), |entries: Option<Vec<Open>>| {
                let mut entries = entries.unwrap_or_default();
                if !entries.iter().any(|entry| entry.id == id) {
                    entries.push(Open { id: id.to_owned(), at_ms });
                }
                Ok::<_, StoreError>((entries, ()))
            })
            .await
    }

    /// Removes an order from the unfinished ones. Idempotent.
    pub async fn close(&self, id: &str) -> Result<(), StoreError> {
        self.store
            .update(&open_key(shard_of(id)), |entries: Option<Vec<Open>>| {
                let mut entries = entries.unwrap_or_default();
                entries.retain(|entry| entry.id != id);
                Ok::<_, StoreError>((entries, ()))
            })
            .await
    }

    /// The entries of one part of the index of unfinished orders.
    pub async fn unfinished(&self, shard: u32) -> Result<Vec<Open>, StoreError> {
        Ok(self.store.read(&open_key(shard)).await?.unwrap_or_default())
    }

    /// Whether an entry without an order will never have one.
    pub fn is_orphan(entry: &Open, now_ms: u64) -> bool {
        entry.at_ms.saturating_add(ORPHAN_AGE_MS) < now_ms
    }

    /// Enters an order in its user's index. A full page is copied to its own key before
    /// the newest page is begun again, so that a crash between the two repeats the copy.
    async fn enter(&self, user_id: &str, id: &str) -> Result<(), StoreError> {
        let key = newest_key(user_id);
        let newest: Newest = self.store.read(&key).await?.unwrap_or_default();
        let full = newest.ids.len() >= PAGE_ENTRIES_MAX;
        if full {
            self.store.write(&page_key(user_id, newest.page), &newest.ids).await?;
        }
        let copied = full.then_some((newest.page, newest.ids.len()));
        self.store
            .update(&key, |newest: Option<Newest>| {
                let mut newest = newest.unwrap_or_default();
                // Pages only grow: the same length is the same page as was copied.
                if copied == Some((newest.page, newest.ids.len())) {
                    newest = Newest { page: newest.page + 1, ids: Vec::new() };
                }
                if !newest.ids.iter().any(|known| known == id) {
                    newest.ids.push(id.to_owned());
                }
                Ok::<_, StoreError>((newest, ()))
            })
            .await
    }

    /// Up to `limit` of a user's orders, newest first, and where the rest begins.
    pub async fn of_user(
        &self,
        user_id: &str,
        from: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Loaded>, Option<Position>), StoreError> {
        let newest: Newest = self.store.read(&newest_key(user_id)).await?.unwrap_or_default();
        let mut at = from.unwrap_or(Position { page: newest.page, index: newest.ids.len() });
        let mut found = Vec::with_capacity(limit);
        let mut ids = self.page(user_id, &newest, at.page).await?;
        loop {
            if at.index == 0 {
                if at.page == 0 {
                    return Ok((found, None));
                }
                at.page -= 1;
                ids = self.page(user_id, &newest, at.page).await?;
                at.index = ids.len();
                continue;
            }
            if found.len() == limit {
                return Ok((found, Some(at)));
            }
            at.index -= 1;
            if let Some(id) = ids.get(at.index) {
                found.extend(self.load(id).await?);
            }
        }
    }

    async fn page(
        &self,
        user: &str,
        newest: &Newest,
        page: u64,
    ) -> Result<Vec<String>, StoreError> {
        if page == newest.page {
            return Ok(newest.ids.clone());
        }
        Ok(self.store.read(&page_key(user, page)).await?.unwrap_or_default())
    }
}

fn corrupt(key: &str, reason: String) -> StoreError {
    StoreError::Corrupt { key: key.to_owned(), reason }
}

fn order_key(id: &str) -> String {
    format!("order:{id}")
}

fn newest_key(user_id: &str) -> String {
    format!("orders_of:{user_id}")
}

fn page_key(user_id: &str, page: u64) -> String {
    format!("orders_of:{user_id}:{page}")
}

fn open_key(shard: u32) -> String {
    format!("unfinished:{shard}")
}

/// FNV-1a over the id: spreads evenly and is the same in every build.
fn shard_of(id: &str) -> u32 {
    let hash = id
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % OPEN_SHARDS
}
