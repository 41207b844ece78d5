//! The HTTP trigger: connections in, answers out.
//!
//! [`listener`] owns the sockets, [`clients`] counts what each client has of them, [`workers`] are
//! the threads that serve them. [`connection`] is the life of a connection, [`protocol`] its
//! version of HTTP. [`watched`], [`half_close`] and [`watchdog`] end it when its client does not go
//! on.
//!
//! [`service`] is the life of one request, and [`router`] finds who answers it. [`request_body`],
//! [`ahead`], [`unread`] and [`pace`] are how its body comes in, [`headers`] what its component gets
//! to know of it. [`answer`] is how the answer goes out, and [`problem`] the answer where no
//! component could give one.

mod ahead;
mod answer;
pub(crate) mod client;
mod clients;
mod connected;
mod connection;
mod half_close;
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
mod unread;
mod watchdog;
mod watched;
mod workers;

pub(crate) use clients::Clients;
pub(crate) use limits::FrontLimits;
pub(crate) use listener::{Drain, Listener};
pub(crate) use router::Router;
pub(crate) use service::Service;
pub(crate) use workers::Workers;
