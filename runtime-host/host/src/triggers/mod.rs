//! Ways in: what makes a component run.

pub(crate) mod http;
