//! Triggers: the causes of calls from outside of components.

pub(crate) mod command;
pub(crate) mod cron;
pub(crate) mod events;
mod failures;
pub(crate) mod hooks;
pub(crate) mod http;
mod post;
pub(crate) mod redis;
mod refused;
pub(crate) mod runs;
pub(crate) mod schedule;
