//! How a call shares its thread with others: polls, timers, and CPU time.

mod cpu;
mod lazy_timeout;
mod poll_driver;

pub(crate) use cpu::{CpuClock, CpuLimit, CpuTotal};
pub(crate) use lazy_timeout::{LazyTimeout, within};
pub(crate) use poll_driver::PollDriver;
