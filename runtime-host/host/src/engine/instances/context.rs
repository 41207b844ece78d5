//! What does not change over the life of a revision, shared by all its instances.

use crate::calls::{Cycle, Limits};
use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::variables::Variables;
use crate::telemetry::Telemetry;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tessera_storage::KeyValue;

/// A component's permissions and surroundings.
pub(crate) struct ComponentContext {
    pub(crate) id: Arc<str>,
    pub(crate) limits: Limits,
    /// The cycle of components that it belongs to, if any.
    pub(crate) cycle: Option<Cycle>,
    pub(crate) environment: Vec<(String, String)>,
    /// A folder that the guest sees as `/`, read-only.
    pub(crate) files: Option<PathBuf>,
    /// The stores that it may open, by label.
    pub(crate) stores: BTreeMap<String, Arc<dyn KeyValue>>,
    pub(crate) variables: Variables,
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) telemetry: Arc<Telemetry>,
}
