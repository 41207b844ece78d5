//! The HTTP trigger: connections in, answers out.
//!
//! [`listener`] owns the sockets, [`clients`] counts the usage of each client, and [`workers`] are
//! the threads that serve them. [`connection`] is the life of a connection, [`protocol`] its HTTP
//! version. [`watched`], [`half_close`] and [`watchdog`] end it when its client makes no progress.
//!
//! [`service`] is the life of one request, and [`router`] finds its component. [`request_body`],
//! [`ahead`], [`unread`] and [`pace`] receive its body, and [`headers`] adds Spin's header fields.
//! [`answer`] sends the response, and [`problem`] is the response if no component could produce
//! one. [`well_known`] are the paths of Spin itself.

mod access_log;
mod ahead;
mod answer;
mod clients;
mod connected;
mod connection;
mod described;
mod half_close;
mod headers;
mod limits;
pub(crate) mod listener;
mod matching;
mod pace;
mod problem;
mod protocol;
mod request_body;
mod request_id;
pub(crate) mod router;
pub(crate) mod service;
mod timer;
pub(crate) mod tls;
mod unread;
mod watchdog;
mod watched;
mod well_known;
mod workers;

pub(crate) use clients::Clients;
pub(crate) use limits::FrontLimits;
pub(crate) use listener::{DrainOutcome, Listener};
pub(crate) use router::Router;
pub(crate) use service::Service;
pub(crate) use well_known::WellKnown;
pub(crate) use workers::Workers;
