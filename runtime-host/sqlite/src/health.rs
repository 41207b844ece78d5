//! Failures that an operator has to know about.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{Error, ErrorKind};

/// How long a failure is reported after it happened.
const RECENT: Duration = Duration::from_secs(30);

/// The known failures of one database.
#[derive(Debug, Default)]
pub(crate) struct Health {
    damaged: AtomicBool,
    latest: Mutex<Option<(Instant, Error)>>,
}

impl Health {
    /// Records a failure if the file is damaged or full.
    pub(crate) fn note(&self, error: &Error) {
        match error.kind {
            ErrorKind::Corrupt => self.damaged.store(true, Ordering::Release),
            ErrorKind::Full => {}
            _ => return,
        }
        *self.latest.lock() = Some((Instant::now(), error.clone()));
    }

    /// Whether the file was found to be damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// The latest such failure, if it is recent.
    pub(crate) fn recent(&self) -> Option<Error> {
        let latest = self.latest.lock();
        latest.as_ref().filter(|(at, _)| at.elapsed() < RECENT).map(|(_, error)| error.clone())
    }
}
