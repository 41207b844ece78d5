//! What the engine has to know of a component, shared by all its instances.

use super::memory::MemoryTotal;
use crate::calls::{Cycle, Limits};
use crate::engine::scheduling::CpuTotal;
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
    pub(crate) role: Role,
    /// The folders that the guest sees.
    pub(crate) files: Vec<Mount>,
    pub(crate) output: OutputSinks,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) usage: Usage,
}

/// What all instances of a component use. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usage {
    pub(crate) memory: MemoryTotal,
    pub(crate) cpu: CpuTotal,
}

/// How a component is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// It serves calls of the functions that it exports.
    #[default]
    Service,
    /// It is a command that each request calls, by the rules of CGI.
    Script {
        /// With placeholders.
        arguments: Arc<str>,
    },
    /// It is the application's command, whose output is that of this process.
    Program {
        /// The first one is its name.
        arguments: Vec<String>,
    },
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
