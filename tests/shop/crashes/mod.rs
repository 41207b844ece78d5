//! The power goes off, again and again, and the books must agree afterwards.
//!
//! `matrix` kills the host at every boundary of the work that an order causes; `soak` lets
//! customers do what they like while the host is killed and paused and events come twice. Both
//! end with the same oracle: the shop's own reconciliation, what customers were told, and what
//! lies in the mailbox.

mod buyer;
mod matrix;
mod oracle;
mod plant;
mod soak;

use plant::Plant;
