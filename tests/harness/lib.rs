//! The base of the end-to-end tests: a real `tessera` process, and clients.
//!
//! Nothing here uses the inside of the host: a test sees what a user sees, which is responses, log
//! lines, files and exit codes. The tests of the shop run against any base URL
//! (`TESSERA_BASE_URL`), including stock Spin.

// A harness is part of the tests: its panics are failures of tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod browser;
mod client;
pub mod collector;
pub mod frames;
pub mod hostile;
mod memory;
pub mod openapi;
mod paths;
mod patience;
mod process;
mod stranger;

pub use client::{Answer, Client};
pub use paths::{build_folder, built_component, built_guest, program, repository, tessera_binary};
pub use patience::{eventually, soon};
pub use process::{Host, HostBuilder, LogLine, fixed_address, send_signal};
pub use process::{share_compiled_code, unwrapped};
pub use stranger::{Stranger, read_to_end, read_until, status_of};
