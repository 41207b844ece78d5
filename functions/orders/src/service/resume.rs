//! Letting an order go on that waits for a person.

use chassis::store::{Store, StoreError};

use super::{Orders, PATIENCE_MS};
use crate::domain::{Event, Recorded};
use crate::ports::{Clock, Participants};
use crate::records::Loaded;

/// How often a write is repeated when somebody else wrote the order meanwhile.
const CONFLICTS_MAX: u32 = 16;

/// Why an order does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresumed {
    /// There is no such order.
    NotFound,
    /// It does not wait for anybody.
    NotParked,
    /// Too many orders are unfinished. Safe to repeat.
    Backlog(StoreError),
    /// Safe to repeat.
    Unavailable(String),
}

impl From<StoreError> for Unresumed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Backlog { .. } => Self::Backlog(error),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// Lets a parked order go on, in the name of the user `by`: with as many tries as at the
    /// first time.
    pub async fn resume(&self, id: &str, by: &str) -> Result<Loaded, Unresumed> {
        let until_ms = self.clock.now_ms() + PATIENCE_MS;
        for _ in 0..CONFLICTS_MAX {
            let mut loaded = self.records.load(id).await?.ok_or(Unresumed::NotFound)?;
            if loaded.order.saga.parked.is_none() {
                return Err(Unresumed::NotParked);
            }
            let now_ms = self.clock.now_ms();
            self.records.mark(id, &self.owner, now_ms).await?;
            let event = Event::Resumed { by: by.to_owned() };
            let sequence = loaded.order.version + 1;
            let event = Recorded { sequence, at_ms: now_ms, event };
            let lease = loaded.record.lease.clone();
            if self.records.append(&mut loaded, &[event], lease).await? {
                let driven = self.resume_patiently(id, until_ms).await?;
                return driven.ok_or(Unresumed::NotFound);
            }
        }
        Err(Unresumed::Unavailable("the order changes too fast".to_owned()))
    }
}
