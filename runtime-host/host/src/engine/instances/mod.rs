//! Instances: what they are made from, what they may use, and which are kept.

mod budget;
mod cgi;
mod context;
mod failure;
mod function_name;
mod guest_state;
mod held;
mod idle;
mod instance;
mod memory;
mod occupancy;
mod output;
mod pool;
pub(super) mod redis;
mod revision;
pub(super) mod spin_v1;
mod state;

pub(crate) use budget::InstanceBudget;
pub(crate) use cgi::Script;
pub(crate) use context::{ComponentContext, Mount, OutputSinks, Role, Usage};
pub(crate) use failure::classify;
pub(crate) use function_name::FunctionName;
pub(crate) use guest_state::GuestState;
pub(crate) use held::{Arguments, InFlight, fields, values};
pub(crate) use instance::{HttpHandler, Instance};
pub(crate) use memory::MemoryBudget;
pub(crate) use occupancy::Occupancy;
pub(crate) use pool::configure as configure_pool;
pub(crate) use redis::RedisExport;
pub(crate) use revision::Revision;
pub(crate) use state::{CurrentCall, State};
