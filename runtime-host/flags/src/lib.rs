//! Feature flags: definitions, their validation, and evaluation.
//!
//! A document of definitions is read into [`Flags`], which are valid by construction; all problems
//! are reported at once, with their places. Evaluation is a plain function of flags and a
//! [`Context`]: it has no clock, no random numbers, and no failure. The host and the bridge for
//! stock Spin share this code, so that the same user gets the same variant on both.

mod bucket;
mod context;
mod contract;
mod evaluate;
mod flag;
mod flags;
mod json;
pub mod limits;
mod problem;
mod read;
mod rule;

pub use context::{Attribute, Context, InvalidContext, TARGETING_KEY};
pub use evaluate::{Error, ErrorCode, Evaluation, Reason};
pub use flag::{Flag, Kind, Value, Variant};
pub use flags::{Flags, TooManyFlags};
pub use problem::{Problem, Problems};
