//! The use cases: processing events, queries, rebuilds.

mod audit;
mod read;
mod rebuild;
mod status;
mod waits;

pub use audit::AUDIT_LIMIT_MAX;
pub use read::{
    OrderPage, POSITION_AHEAD_MAX, POSITION_NEW_MAX_MS, POSITION_POLL_MS, POSITION_WAIT_MAX_MS,
    Query, ReadError, SCANNED_MAX,
};
pub use rebuild::{GRACE_MS, READ_LIMIT, SWEEP_MS, Started, SweepError, SweepReport};
pub use status::{DIGESTED_MAX, DayFigures, SUMMARY_DAYS_MAX, Status};

use chassis::clock::Timer;
use chassis::events::Event;
use chassis::sealed::{Unreadable, readable};
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{self, Change, Malformed};
use crate::ports::EventLog;
use crate::records::{ApplyError, Generation};

/// The key of the value [`Control`].
const CONTROL: &str = "control";

/// The projection with its store, the event log and a clock.
#[derive(Clone, Debug)]
pub struct OrderHistory<S, L, C> {
    store: S,
    log: L,
    clock: C,
}

/// Why an event was not processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiveError {
    /// It is malformed in each delivery.
    Malformed(Malformed),
    /// An earlier event of the order is missing; the next one has this sequence number.
    Early { expected: u64 },
    /// The store failed. Some of the writes may have happened; the event can be processed again.
    Store(StoreError),
}

impl From<StoreError> for ReceiveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ApplyError> for ReceiveError {
    fn from(untaken: ApplyError) -> Self {
        match untaken {
            ApplyError::Gap { expected } => Self::Early { expected },
            ApplyError::Store(error) => Self::Store(error),
        }
    }
}

/// The generations of the projection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Control {
    /// The generation that is read.
    serving: u64,
    /// The highest number so far.
    newest: u64,
    /// The generation that is being built.
    building: Option<Building>,
    /// Generations that are no longer read and not yet removed.
    retired: Vec<Retired>,
    /// When the serving generation was finished, in milliseconds since the epoch; `None` for the
    /// first, which was not rebuilt.
    rebuilt_at_ms: Option<u64>,
}

/// A running rebuild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Building {
    /// The generation that it builds.
    pub generation: u64,
    /// Its progress.
    pub stage: Stage,
    /// In milliseconds since the epoch.
    pub started_at_ms: u64,
    /// Events of the log that were read.
    pub events: u64,
}

/// The progress of a rebuild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The log is read, through this position.
    Reading { position: u64 },
    /// Orders without events in the log are copied, through this day.
    Carrying { after: Option<String> },
    /// Names are copied, of the shards below this one.
    Naming { shard: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Retired {
    generation: u64,
    since_ms: u64,
}

impl Default for Control {
    fn default() -> Self {
        Self { serving: 1, newest: 1, building: None, retired: Vec::new(), rebuilt_at_ms: None }
    }
}

impl<S: Store, L: EventLog, C: Timer> OrderHistory<S, L, C> {
    /// The projection in `store`.
    pub fn new(store: S, log: L, clock: C) -> Self {
        Self { store, log, clock }
    }

    /// Processes an event. When this returns, all its effects are stored.
    ///
    /// During a rebuild, a live event is applied to both generations. A delivery that has not seen
    /// the rebuild has an event that was in the log before the rebuild began, so the rebuild reads
    /// it there.
    pub async fn receive(&self, event: &Event) -> Result<(), ReceiveError> {
        let change = self.change_of(event).await?;
        if change == Change::None {
            return Ok(());
        }
        let control = self.control().await?;
        let serving = self.generation(control.serving);
        match &change {
            Change::Order(entry) => serving.apply_next(entry).await?,
            Change::User(named) => serving.apply_name(named).await?,
            Change::None => {}
        }
        if let Some(building) = control.building {
            apply_newer(&self.generation(building.generation), &change).await?;
        }
        Ok(())
    }

    /// The effect of an event. An event about an erased user has none.
    async fn change_of(&self, event: &Event) -> Result<Change, ReceiveError> {
        let damaged = || {
            let reason = Unreadable::Damaged.to_string();
            ReceiveError::Malformed(Malformed { id: event.id.clone(), reason })
        };
        match readable(event, &self.log).await {
            Ok(Some(event)) => domain::read(&event).map_err(ReceiveError::Malformed),
            Ok(None) => Ok(Change::None),
            Err(Unreadable::Damaged) => Err(damaged()),
            Err(unavailable) => {
                Err(ReceiveError::Store(StoreError::Unavailable(unavailable.to_string())))
            }
        }
    }

    async fn control(&self) -> Result<Control, StoreError> {
        Ok(self.store.read(CONTROL).await?.unwrap_or_default())
    }

    async fn serving(&self) -> Result<Generation<S>, StoreError> {
        Ok(self.generation(self.control().await?.serving))
    }

    fn generation(&self, number: u64) -> Generation<S> {
        Generation::new(self.store.clone(), number)
    }
}

async fn apply_newer<S: Store>(into: &Generation<S>, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Order(entry) => into.apply_newer(entry).await,
        Change::User(named) => into.apply_name(named).await,
        Change::None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
