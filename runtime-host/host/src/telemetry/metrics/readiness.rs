//! Whether the host and what it stores can be used.

use super::declarations::{Declarations, LabelSet, labels};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

labels! {
    /// Labels of what a store has.
    StoreLabels {
        /// Its label in manifests.
        store: String,
    }
}

/// The gauges: 1 for what can be used, else 0.
#[derive(Debug)]
pub(super) struct Readiness {
    ready: Gauge,
    stores: Family<StoreLabels, Gauge>,
    log: Gauge,
}

impl Readiness {
    pub(super) fn declare(all: &mut Declarations) -> Self {
        let log: Gauge = all.count(
            "event_log_usable",
            "1, or 0 while the event log is damaged or full. 1 if there is none",
        );
        log.set(1);
        Self {
            ready: all.count("ready", "1 if `/readyz` succeeds, else 0"),
            stores: all
                .count("store_usable", "1, or 0 while the key-value store is damaged or full"),
            log,
        }
    }

    pub(super) fn set<'a>(
        &self,
        is_ready: bool,
        stores: impl Iterator<Item = (&'a str, bool)>,
        log_is_usable: bool,
    ) {
        self.ready.set(is_ready.into());
        self.log.set(log_is_usable.into());
        for (store, is_usable) in stores {
            let labels = StoreLabels { store: store.to_owned() };
            self.stores.get_or_create(&labels).set(is_usable.into());
        }
    }
}
