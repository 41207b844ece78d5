//! The host, seen from outside: a real process, requests at its front door, its log, its
//! files and its exit code. One file per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bodies;
mod build;
mod doctor;
mod hostile;
mod key_value;
mod lifecycle;
mod limits;
mod links;
mod manifest;
mod outbound;
mod protocols;
mod routing;
mod startup;
mod support;
mod telemetry;
mod variables;
