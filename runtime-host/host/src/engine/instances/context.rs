//! What the engine has to know of a component, shared by all its instances.

use crate::calls::{Cycle, Limits};
use crate::telemetry::{OutputSink, Telemetry};
use std::path::PathBuf;
use std::sync::Arc;

/// A component: its name, its limits, and its environment in the sense of WASI.
pub(crate) struct ComponentContext {
    pub(crate) id: Arc<str>,
    pub(crate) limits: Limits,
    /// The cycle of components that it belongs to, if any.
    pub(crate) cycle: Option<Cycle>,
    pub(crate) environment: Vec<(String, String)>,
    /// The arguments, with placeholders, if it is called by the rules of CGI.
    pub(crate) script_arguments: Option<Arc<str>>,
    /// The folders that the guest sees.
    pub(crate) files: Vec<Mount>,
    pub(crate) output: OutputSinks,
    /// The arguments of a program, whose output is that of this process. `None` for a component that
    /// serves calls.
    pub(crate) command: Option<Vec<String>>,
    pub(crate) telemetry: Arc<Telemetry>,
}

/// A folder that a guest sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Its path on this machine.
    pub(crate) folder: PathBuf,
    /// Its path for the guest.
    pub(crate) path: String,
    /// Whether the guest may write to it.
    pub(crate) writable: bool,
}

/// Where the output of a component goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct OutputSinks {
    pub(crate) stdout: OutputSink,
    pub(crate) stderr: OutputSink,
}
