//! Readiness for new requests: false while a store is damaged or full, and after the host was asked
//! to stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tessera_events::embedded::Embedded as Events;
use tessera_storage::Health;
use tessera_storage::embedded::Embedded as Stores;

/// The inputs of readiness.
#[derive(Default)]
pub(crate) struct Readiness {
    stores: Option<Arc<Stores>>,
    /// The labels of the stores of each component.
    labels: BTreeMap<String, Vec<String>>,
    events: Option<Arc<Events>>,
    stopping: AtomicBool,
}

impl Readiness {
    pub(crate) fn new(
        stores: Arc<Stores>,
        labels: BTreeMap<String, Vec<String>>,
        events: Option<Arc<Events>>,
    ) -> Self {
        Self { stores: Some(stores), labels, events, stopping: AtomicBool::new(false) }
    }

    /// From now on the host is not ready.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Why the host is not ready, for the operator; empty if it is ready.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.is_stopping() {
            reasons.push("the host is stopping".to_owned());
        }
        let labels: BTreeSet<&String> = self.labels.values().flatten().collect();
        reasons.extend(labels.into_iter().filter_map(|label| self.trouble(label)));
        reasons.extend(self.events.as_ref().and_then(|events| events.trouble()));
        reasons
    }

    /// Whether a component is ready, as far as the host knows.
    pub(crate) fn is_ready(&self, component: &str) -> bool {
        let labels = self.labels.get(component).map_or(&[][..], Vec::as_slice);
        !self.is_stopping() && labels.iter().all(|label| self.trouble(label).is_none())
    }

    /// The stores by their labels, and whether they can be used.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (&str, bool)> {
        let labels: BTreeSet<&String> = self.labels.values().flatten().collect();
        labels.into_iter().filter_map(move |label| {
            // One that was never opened has no state.
            self.stores.as_ref()?.health(label)?;
            Some((label.as_str(), self.trouble(label).is_none()))
        })
    }

    /// Whether the event log can be used, if there is one.
    pub(crate) fn log_is_usable(&self) -> bool {
        self.events.as_ref().is_none_or(|events| events.trouble().is_none())
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn trouble(&self, label: &str) -> Option<String> {
        let stores = self.stores.as_ref()?;
        match stores.health(label)? {
            Health::Sound => None,
            Health::Full => Some(format!("the store `{label}` is full")),
            Health::Damaged => Some(format!(
                "the store `{label}` is damaged: restore {} from a backup or move it away",
                stores.path(label).display()
            )),
        }
    }
}
