//! What the test cards do.

/// What a test card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// Approves.
    Good,
    /// Declined with this ISO 8583 code.
    Refused(&'static str),
    /// Approves after a delay.
    Slow,
    /// Approves, but the first response is lost.
    LosesResponse,
    /// The card network is down: the request is not processed.
    Unreachable,
    /// Holds a cent more than requested.
    HoldsMore,
    /// Holds the money, and declines the capture.
    RefusesLater,
    /// Holds the money, but the hold has lapsed at the capture.
    LapsesLater,
    /// Captures only a tenth of the held money.
    TakesLess,
    /// Approves, but reverses only half of the amount.
    GivesBackLess,
}

impl Card {
    /// The behavior of a card token.
    pub fn of(source: &str) -> Self {
        match source {
            "tok_approved" => Self::Good,
            "tok_declined" => Self::Refused("05"),
            "tok_insufficient_funds" => Self::Refused("51"),
            "tok_slow" => Self::Slow,
            "tok_lost_answer" => Self::LosesResponse,
            "tok_unreachable" => Self::Unreachable,
            "tok_wrong_amount" => Self::HoldsMore,
            "tok_refused_later" => Self::RefusesLater,
            "tok_hold_lapsed" => Self::LapsesLater,
            "tok_partial_capture" => Self::TakesLess,
            "tok_partial_reversal" => Self::GivesBackLess,
            _ => Self::Refused("14"),
        }
    }
}
