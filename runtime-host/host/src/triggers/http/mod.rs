//! The HTTP trigger: connections in, answers out.
//!
//! [`listener`] owns sockets and TLS, [`protocol`] tells versions of HTTP apart, [`workers`] the threads that serve them, [`service`] the
//! life of one request, [`router`] who answers it, [`headers`] what the component is told about
//! it, [`problem`] what the client is told when nobody could answer.

pub(crate) mod client;
pub(crate) mod headers;
pub(crate) mod listener;
mod problem;
mod protocol;
mod request_body;
mod request_id;
pub(crate) mod router;
pub(crate) mod service;
pub(crate) mod tls;
mod workers;

pub(crate) use listener::{Drain, Listener};
pub(crate) use router::Router;
pub(crate) use service::Service;
pub(crate) use workers::Workers;
