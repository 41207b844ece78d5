//! Figures in memory, and notifications of delivery.
//!
//! The writer counts the changes of a transaction and publishes them after the commit. So figures
//! need no query, and never include changes that were rolled back.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

use crate::Statistics;

/// Figures that need no query.
pub(super) struct Meter {
    statistics: Mutex<Statistics>,
    subscriptions: Vec<Gauge>,
}

/// One subscription.
#[derive(Default)]
struct Gauge {
    pending: AtomicU64,
    retrying: AtomicU64,
    dead: AtomicU64,
    changed: Notify,
}

/// The numbers of events of a subscription, or their changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) pending: i64,
    pub(super) retrying: i64,
    pub(super) dead: i64,
    /// Whether events have become due.
    pub(super) woken: bool,
}

/// The changes of a transaction.
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
        };
        meter.count(counts);
        meter
    }

    /// Publishes the changes of a committed transaction.
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

    /// The numbers of pending events, of those that are retried, and of dead letters.
    pub(super) fn read(&self, index: usize) -> [u64; 3] {
        let gauge = &self.subscriptions[index];
        [&gauge.pending, &gauge.retrying, &gauge.dead].map(|count| count.load(Ordering::Relaxed))
    }

    pub(super) async fn changed(&self, index: usize) {
        match self.subscriptions.get(index) {
            Some(gauge) => gauge.changed.notified().await,
            None => std::future::pending().await,
        }
    }
}
