//! What end-to-end tests stand on: a real `tessera` process, and a client at its front door.
//!
//! Nothing here reaches into the host: a test sees what a user sees, that is answers, log
//! lines, files and exit codes. The scenarios of the shop run against any base URL
//! (`TESSERA_BASE_URL`), stock Spin included.

// A harness is part of tests: what it can't go on from is a failure of the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
pub mod frames;
pub mod hostile;
mod paths;
mod patience;
mod process;
mod stranger;

pub use client::{Answer, Client};
pub use paths::{built_component, built_guest, repository, tessera_binary};
pub use patience::soon;
pub use process::{Host, HostBuilder, LogLine, share_compiled_code};
pub use stranger::{Stranger, read_to_end, read_until, status_of};
