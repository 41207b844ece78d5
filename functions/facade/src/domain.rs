//! Families of requests and their modes, and the translation between the API of the older shop and
//! the contracts of the functions. Pure.

mod compare;
mod family;
mod mode;
pub mod translate;

pub use compare::{DIFFERENCES_MAX, Difference, TEXT_CHARS_MAX, differences};
pub use family::{Family, Wanted, customer_of};
pub use mode::{Decision, Mode, Side};

/// An answer in the style of the older shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The JSON body.
    pub body: serde_json::Value,
}

impl Answer {
    /// An error in the style of the older shop.
    pub fn error(status: u16, code: &str, message: &str) -> Answer {
        Answer { status, body: serde_json::json!({"error": code, "message": message}) }
    }
}
