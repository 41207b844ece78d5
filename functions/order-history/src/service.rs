//! What can be asked of the projection, and how events come into it.

mod audit;
mod read;
mod rebuild;
mod status;
mod waiting;

pub use audit::AUDIT_LIMIT_MAX;
pub use read::{
    Listed, POSITION_AHEAD_MAX, POSITION_NEW_MAX_MS, POSITION_POLL_MS, POSITION_WAIT_MAX_MS, Query,
    SCANNED_MAX, Unread,
};
pub use rebuild::{GRACE_MS, READ_LIMIT, SWEEP_MS, Started, Swept, Unswept};
pub use status::{DIGESTED_MAX, DayFigures, Rebuilding, SUMMARY_DAYS_MAX, Status};

use chassis::events::Event;
use chassis::sealed::{Unreadable, readable};
use chassis::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::domain::{self, Change, Malformed};
use crate::ports::{Clock, EventLog};
use crate::projection::{Generation, Untaken};

/// Which generation serves, and which are being made or removed.
const CONTROL: &str = "control";

/// The projection over its store, the log that it can be made from, and a clock.
#[derive(Clone, Debug)]
pub struct OrderHistory<S, L, C> {
    store: S,
    log: L,
    clock: C,
}

/// Why an event was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It will never fit.
    Malformed(Malformed),
    /// An earlier event of the order has not arrived yet; this sequence number is the next.
    Early { expected: u64 },
    /// The store failed. Some of the writes may have happened; repeating is safe.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Untaken> for Refused {
    fn from(untaken: Untaken) -> Self {
        match untaken {
            Untaken::Gap { expected } => Self::Early { expected },
            Untaken::Store(error) => Self::Store(error),
        }
    }
}

/// The generations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Control {
    /// The one that is read.
    serving: u64,
    /// The highest number that was ever given.
    newest: u64,
    /// The one that is being made.
    building: Option<Building>,
    /// Those that are no longer read and not yet removed.
    retired: Vec<Retired>,
    /// When the one that serves was finished, in milliseconds since the epoch; never for the
    /// first, which grew with the shop.
    rebuilt_at_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Building {
    generation: u64,
    stage: Stage,
    started_at_ms: u64,
    /// Events of the log that were looked at.
    events: u64,
}

/// How far a rebuild has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// The log is read through this position.
    Reading { position: u64 },
    /// Orders are carried over that the log has no events of any more, through this day.
    Carrying { after: Option<String> },
    /// So are names, of the shards below this one.
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

impl<S: Store, L: EventLog, C: Clock> OrderHistory<S, L, C> {
    /// The projection in `store`.
    pub fn new(store: S, log: L, clock: C) -> Self {
        Self { store, log, clock }
    }

    /// Takes an event in. Once this answers, everything that follows from it is stored.
    ///
    /// While a rebuild runs, a live event goes into both generations. An event that was
    /// delivered by somebody who did not know of the rebuild yet was in the log before it
    /// began, so the rebuild reads it there.
    pub async fn receive(&self, event: &Event) -> Result<(), Refused> {
        let change = self.change_of(event).await?;
        if change == Change::None {
            return Ok(());
        }
        let control = self.control().await?;
        let serving = self.generation(control.serving);
        match &change {
            Change::Order(entry) => serving.take_next(entry).await?,
            Change::User(named) => serving.take_name(named).await?,
            Change::None => {}
        }
        if let Some(building) = control.building {
            take_newer(&self.generation(building.generation), &change).await?;
        }
        Ok(())
    }

    /// The change in the event. An event about an erased user has none.
    async fn change_of(&self, event: &Event) -> Result<Change, Refused> {
        let damaged = || {
            let reason = Unreadable::Damaged.to_string();
            Refused::Malformed(Malformed { id: event.id.clone(), reason })
        };
        match readable(event, &self.log).await {
            Ok(Some(event)) => domain::read(&event).map_err(Refused::Malformed),
            Ok(None) => Ok(Change::None),
            Err(Unreadable::Damaged) => Err(damaged()),
            Err(unavailable) => {
                Err(Refused::Store(StoreError::Unavailable(unavailable.to_string())))
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

async fn take_newer<S: Store>(into: &Generation<S>, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Order(entry) => into.take_newer(entry).await,
        Change::User(named) => into.take_name(named).await,
        Change::None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
