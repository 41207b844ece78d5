//! Resuming an order that waits for an operator.

use chassis::clock::Timer;
use chassis::store::{Store, StoreError};

use super::{Orders, WAIT_MS};
use crate::domain::Event;
use crate::ports::Participants;
use crate::records::Loaded;

/// Why an order was not resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeError {
    /// There is no such order.
    NotFound,
    /// It is not parked.
    NotParked,
    /// The store failed, or too many orders are unfinished. Safe to repeat.
    Store(StoreError),
}

impl From<StoreError> for ResumeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
    /// Resumes a parked order on behalf of the user `by`, with the full number of attempts.
    pub async fn resume(&self, id: &str, by: &str) -> Result<Loaded, ResumeError> {
        let until_ms = self.clock.now_ms() + WAIT_MS;
        let mut loaded = self.records.load(id).await?.ok_or(ResumeError::NotFound)?;
        let resume = |loaded: &mut Loaded| {
            if loaded.order.saga.parked.is_none() {
                return Err(ResumeError::NotParked);
            }
            Ok(loaded.push(Event::Resumed { by: by.to_owned() }, self.clock.now_ms())?)
        };
        self.records.decide(&mut loaded, resume).await?;
        self.advance_patiently(&mut loaded, until_ms).await?;
        Ok(loaded)
    }
}
