//! Ways in: what makes a component run.

pub(crate) mod events;
pub(crate) mod hooks;
pub(crate) mod http;
mod post;
pub(crate) mod schedule;
