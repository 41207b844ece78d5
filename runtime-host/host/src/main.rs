//! `tessera`: runs a Spin application as a mesh of components in one process.

mod admin;
mod application;
mod background;
mod calls;
mod capabilities;
mod chaos;
mod commands;
mod engine;
mod exporter;
mod fault_points;
mod feature_flags;
mod links;
mod message;
mod oci;
mod private_file;
mod problem;
mod progress;
mod readiness;
#[cfg(test)]
mod reference;
mod registry;
mod rollouts;
mod runtime_config;
mod telemetry;
mod triggers;

use std::process::ExitCode;

#[cfg(not(feature = "fault-points"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
#[cfg(feature = "fault-points")]
#[global_allocator]
static ALLOCATOR: fault_points::Counting<mimalloc::MiMalloc> =
    fault_points::Counting(mimalloc::MiMalloc);

fn main() -> ExitCode {
    match commands::Command::of_process().run() {
        Ok(code) => code,
        Err(error) => {
            commands::report(&error);
            ExitCode::FAILURE
        }
    }
}
