//! The operations, one file each.

mod publish;
mod replay;
mod settle;
mod tidy;

pub(super) use publish::Publish;
pub(super) use replay::{Discard, Replay, ReplayKey, ReplayRange};
pub(super) use settle::Settle;
pub(super) use tidy::Tidy;
