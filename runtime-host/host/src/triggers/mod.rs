//! Triggers: the causes of calls from outside of components.

pub(crate) mod events;
pub(crate) mod hooks;
pub(crate) mod http;
mod post;
pub(crate) mod schedule;
