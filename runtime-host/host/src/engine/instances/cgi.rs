//! A script: a component that runs once for each request, and gets it by the rules of CGI.

use std::sync::Arc;
use wasmtime::component::{ComponentExportIndex, InstancePre, TypedFunc};

/// The interface that a script exports, in all versions of WASI 0.2.
const INTERFACE: &str = "wasi:cli/run@0.2.";
/// Its function.
const FUNCTION: &str = "run";
/// The size of the output of a script, which is its response.
pub(super) const OUTPUT_MAX_BYTES: usize = 32 << 20;

/// How to run an instance.
pub(crate) struct Script {
    pub(in crate::engine) run: Run,
    /// The arguments, with placeholders.
    pub(in crate::engine) arguments: Arc<str>,
}

pub(super) type Run = TypedFunc<(), (Result<(), ()>,)>;

/// The function that runs a component.
pub(super) fn find<T: 'static>(linked: &InstancePre<T>) -> Option<ComponentExportIndex> {
    let component = linked.component();
    let ty = component.component_type();
    let mut exports = ty.exports(linked.engine()).map(|(name, _)| name.to_owned());
    let interface = exports.find(|name| name.starts_with(INTERFACE))?;
    let interface = component.get_export_index(None, &interface)?;
    component.get_export_index(Some(&interface), FUNCTION)
}
