//! Figures for everybody, and the bell that wakes delivery.
//!
//! The writer counts what a transaction changes and makes it known once that is committed: figures
//! need no query, and never tell of what was rolled back.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::Statistics;

/// What is known without asking the file.
pub(super) struct Meter {
    statistics: Mutex<Statistics>,
    subscriptions: Vec<Gauge>,
    /// The last failure that needs an operator, and its time.
    trouble: Mutex<Option<(Instant, String)>>,
}

/// How long such a failure is reported.
const TROUBLE_FOR: Duration = Duration::from_secs(30);

/// One subscription.
#[derive(Default)]
struct Gauge {
    pending: AtomicU64,
    retrying: AtomicU64,
    dead: AtomicU64,
    changed: Notify,
}

/// Events of a subscription, or how their numbers change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) pending: i64,
    pub(super) retrying: i64,
    pub(super) dead: i64,
    /// Has something become due that was not?
    pub(super) woken: bool,
}

/// What a transaction changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) subscriptions: Vec<Counts>,
    pub(super) statistics: Statistics,
}

impl Meter {
    pub(super) fn new(statistics: Statistics, counts: &[Counts]) -> Self {
        let meter = Self {
            statistics: Mutex::new(statistics),
            subscriptions: counts.iter().map(|_| Gauge::default()).collect(),
            trouble: Mutex::default(),
        };
        meter.count(counts);
        meter
    }

    /// Records that a transaction failed because the log is full or damaged.
    pub(super) fn note_trouble(&self, trouble: String) {
        let mut noted = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = Some((Instant::now(), trouble));
    }

    /// Such a failure, if there was a recent one.
    pub(super) fn trouble(&self) -> Option<String> {
        let noted = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = noted.as_ref().filter(|(at, _)| at.elapsed() < TROUBLE_FOR);
        recent.map(|(_, trouble)| trouble.clone())
    }

    /// Makes known what was committed.
    pub(super) fn publish(&self, changes: &Changes) {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner) = changes.statistics;
        self.count(&changes.subscriptions);
    }

    fn count(&self, counts: &[Counts]) {
        for (gauge, counts) in self.subscriptions.iter().zip(counts) {
            gauge.pending.fetch_add(counts.pending.cast_unsigned(), Ordering::Relaxed);
            gauge.retrying.fetch_add(counts.retrying.cast_unsigned(), Ordering::Relaxed);
            gauge.dead.fetch_add(counts.dead.cast_unsigned(), Ordering::Relaxed);
            if counts.woken {
                gauge.changed.notify_one();
            }
        }
    }

    pub(super) fn statistics(&self) -> Statistics {
        *self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pending, of those retrying, and dead.
    pub(super) fn read(&self, place: usize) -> [u64; 3] {
        let gauge = &self.subscriptions[place];
        [&gauge.pending, &gauge.retrying, &gauge.dead].map(|count| count.load(Ordering::Relaxed))
    }

    pub(super) async fn changed(&self, place: usize) {
        match self.subscriptions.get(place) {
            Some(gauge) => gauge.changed.notified().await,
            None => std::future::pending().await,
        }
    }
}
