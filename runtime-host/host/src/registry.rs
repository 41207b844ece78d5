//! The components that can be called, by id.
//!
//! Everything that calls a component looks it up here when it makes a call. So links can be
//! defined before the components that they lead to exist.

use crate::calls::{CallError, ComponentEntry, Kind, Protocol};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// All components that can be called by one protocol. Empty until they are installed.
pub(crate) struct Registry<P: Protocol> {
    entries: OnceLock<BTreeMap<String, Arc<ComponentEntry<P>>>>,
}

impl<P: Protocol> Default for Registry<P> {
    fn default() -> Self {
        Self { entries: OnceLock::new() }
    }
}

impl<P: Protocol> Registry<P> {
    /// Takes the components of the application into service. Only the first installation counts.
    pub(crate) fn install(&self, entries: BTreeMap<String, Arc<ComponentEntry<P>>>) {
        let _ = self.entries.set(entries);
    }

    /// The component with this id.
    pub(crate) fn resolve(&self, id: &str) -> Result<Arc<ComponentEntry<P>>, CallError> {
        let entry = self.entries.get().and_then(|entries| entries.get(id)).cloned();
        entry.ok_or_else(|| CallError::new(Kind::NotFound, format!("no component `{id}` runs")))
    }
}
