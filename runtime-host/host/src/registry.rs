//! Who answers for a component now.
//!
//! Every way in resolves its callee here, so that a change of revision holds for all of
//! them at once. Reading takes no lock.

use crate::calls::{Admission, CallError, Kind};
use crate::engine::Revision;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tessera_manifest::ComponentId;

/// One component: what stands in front of it, and the revision behind.
pub(crate) struct Slot {
    pub(crate) admission: Admission,
    pub(crate) revision: ArcSwap<Revision>,
    pub(crate) started: Started,
}

/// What it took to take a component into service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    /// Reading and compiling its code, or finding it in the cache.
    pub(crate) code: Duration,
    /// Answering its imports and preparing its instances.
    pub(crate) links: Duration,
}

/// All components by id.
#[derive(Default)]
pub(crate) struct Registry {
    slots: ArcSwapOption<BTreeMap<ComponentId, Arc<Slot>>>,
}

impl Registry {
    /// Take these components into service.
    pub(crate) fn install(&self, slots: BTreeMap<ComponentId, Arc<Slot>>) {
        self.slots.store(Some(Arc::new(slots)));
    }

    /// The component of this name.
    pub(crate) fn resolve(&self, id: &str) -> Result<Arc<Slot>, CallError> {
        let slots = self.slots.load();
        let found = slots.as_ref().and_then(|slots| slots.get(id)).cloned();
        found.ok_or_else(|| CallError::new(Kind::NotFound, format!("no component `{id}` runs")))
    }

    /// All that are in service.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots
            .load()
            .as_ref()
            .map(|slots| slots.values().cloned().collect())
            .unwrap_or_default()
    }
}
