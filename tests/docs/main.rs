//! The documentation: its links resolve, its reference pages are complete, and its tutorial works as
//! it is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod compatibility;
mod links;
mod pages;
mod reference;
mod tutorial;
