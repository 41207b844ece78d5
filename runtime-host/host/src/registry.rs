//! Who answers for a component now.
//!
//! Every way in resolves its callee here, so that a change of revision holds for all of
//! them at once. Reading takes no lock.

use crate::calls::{CallError, Gate, Kind};
use crate::engine::Revision;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::collections::BTreeMap;
use std::sync::Arc;
use tessera_manifest::ComponentId;

/// One component: what stands in front of it, and the revision behind.
pub(crate) struct Slot {
    pub(crate) gate: Gate,
    pub(crate) revision: ArcSwap<Revision>,
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
