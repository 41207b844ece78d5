//! Instances: what they are made from, what they may use, and which are kept.

mod budget;
mod context;
mod held;
mod instance;
mod memory;
mod pool;
mod revision;
mod state;

pub(crate) use budget::InstanceBudget;
pub(crate) use context::ComponentContext;
pub(crate) use held::{Arguments, InFlight, fields, values, which_is_full};
pub(crate) use instance::Instance;
pub(crate) use memory::{MemoryBudget, Refused};
pub(crate) use pool::configure as configure_pool;
pub(crate) use revision::Revision;
pub(crate) use state::{CurrentCall, State};
