//! Kills of the host, after which the books must agree.
//!
//! `matrix` kills the host at every fault point of the work that an order causes. `soak` kills and
//! pauses the host and repeats events while customers order and hostile clients attack. `siege`
//! sends hostile clients of every kind at the same time and kills nothing. All end with the same
//! oracle: the shop's own reconciliation, the answers that customers got, and the mailbox.

mod day;
mod matrix;
mod oracle;
mod plant;
mod siege;
mod soak;

use plant::Plant;
