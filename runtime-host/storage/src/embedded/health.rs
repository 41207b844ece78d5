//! Whether a database can be relied on, as far as is known.
//!
//! A damaged file is not written to any more: writing spreads damage. What can still be read is
//! read. A file that was too full for a write is called full until some time has passed without
//! another such write.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{Error, ErrorKind, Health, Result};

/// How long a database is called full after a write that it had no room for.
const FULL_FOR: Duration = Duration::from_secs(30);

/// What is known of one database.
#[derive(Debug, Default)]
pub(super) struct Known {
    damaged: AtomicBool,
    full_since: Mutex<Option<Instant>>,
}

impl Known {
    /// Takes note of what a failure says about the file.
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

    /// Fails for a file that is damaged.
    pub(super) fn check_writable(&self, store: &str) -> Result<()> {
        if !self.damaged.load(Ordering::Acquire) {
            return Ok(());
        }
        let message = format!(
            "the store `{store}` is damaged and is not written to any more; restore its file from \
             a backup or move it away, and start again"
        );
        Err(Error::new(ErrorKind::Corrupt, message))
    }

    fn full(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.full_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
