//! Manifests from text and from a disk, and the reports about them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod disk;
mod golden;
mod mutations;
mod version_1;
