//! What the engine has to know of a component, shared by all its instances.

use crate::calls::{Cycle, Limits};
use crate::telemetry::Telemetry;
use std::path::PathBuf;
use std::sync::Arc;

/// A component: its name, its limits, and its environment in the sense of WASI.
pub(crate) struct ComponentContext {
    pub(crate) id: Arc<str>,
    pub(crate) limits: Limits,
    /// The cycle of components that it belongs to, if any.
    pub(crate) cycle: Option<Cycle>,
    pub(crate) environment: Vec<(String, String)>,
    /// A folder that the guest sees as `/`, read-only.
    pub(crate) files: Option<PathBuf>,
    pub(crate) telemetry: Arc<Telemetry>,
}
