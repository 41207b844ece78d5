//! The HTTP trigger: connections in, answers out.
//!
//! [`listener`] owns the sockets, [`clients`] counts what each client has of them, [`workers`] are
//! the threads that serve them. [`connection`] is the life of a connection, [`protocol`] its version
//! of HTTP, [`watched`] and [`watchdog`] end it when its client does not go on. [`service`] is the
//! life of one request, [`router`] who answers it, [`request_body`] and [`pace`] how its body comes
//! in, [`headers`] what the component is told about it, [`answer`] how the answer goes out, and
//! [`problem`] what the client is told when no component could answer.

mod answer;
pub(crate) mod client;
mod clients;
mod connected;
mod connection;
pub(crate) mod headers;
mod limits;
pub(crate) mod listener;
mod pace;
mod problem;
mod protocol;
mod request_body;
mod request_id;
pub(crate) mod router;
pub(crate) mod service;
pub(crate) mod tls;
mod watchdog;
mod watched;
mod workers;

pub(crate) use clients::Clients;
pub(crate) use limits::FrontLimits;
pub(crate) use listener::{Drain, Listener};
pub(crate) use router::Router;
pub(crate) use service::Service;
pub(crate) use workers::Workers;
