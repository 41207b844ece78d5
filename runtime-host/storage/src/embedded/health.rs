//! The known health of a database.
//!
//! A damaged file is no longer written, because writes spread the damage. It can still be read as
//! far as possible. After a write failed for lack of space, the file is reported as full until some
//! time has passed without another such failure.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{Error, ErrorKind, Health, Result};

/// How long a database is reported as full after such a failure.
const FULL_FOR: Duration = Duration::from_secs(30);

/// The health of one database.
#[derive(Debug, Default)]
pub(super) struct Known {
    damaged: AtomicBool,
    full_since: Mutex<Option<Instant>>,
}

impl Known {
    /// Records what a failure reveals about the file.
    pub(super) fn note(&self, error: &Error) {
        match error.kind {
            ErrorKind::Corrupt => self.damaged.store(true, Ordering::Release),
            ErrorKind::Full => *self.full() = Some(Instant::now()),
            _ => {}
        }
    }

    pub(super) fn health(&self) -> Health {
        if self.damaged.load(Ordering::Acquire) {
            return Health::Damaged;
        }
        match *self.full() {
            Some(since) if since.elapsed() < FULL_FOR => Health::Full,
            _ => Health::Sound,
        }
    }

    /// Fails if the file is damaged.
    pub(super) fn check_writable(&self, store: &str) -> Result<()> {
        if !self.damaged.load(Ordering::Acquire) {
            return Ok(());
        }
        let message = format!(
            "the store `{store}` is damaged and read-only; restore its file from a backup or move \
             it away, and start again"
        );
        Err(Error::new(ErrorKind::Corrupt, message))
    }

    fn full(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.full_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
