//! The host, seen from outside: a real process, requests at its front door, its log, its
//! files and its exit code. One file per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod build;
mod clients;
mod costs;
mod dead_letters;
mod delivery;
mod doctor;
mod event_log;
mod fault_points;
mod framing;
mod hostile;
mod key_value;
mod lifecycle;
mod limits;
mod links;
mod manifest;
mod memory;
mod modules;
mod neighbors;
mod nesting;
mod outbound;
mod protocols;
mod routing;
mod schedules;
mod secrets;
mod startup;
mod state;
mod streams;
mod support;
mod telemetry;
mod variables;
