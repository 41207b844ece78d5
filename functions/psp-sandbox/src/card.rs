//! What the test cards do.

/// What a test card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// Says yes.
    Good,
    /// Refused with this code of ISO 8583.
    Refused(&'static str),
    /// Good, after a delay.
    Slow,
    /// Good, but the first answer never arrives.
    LosesAnswer,
    /// The card's network is down: the request is not even looked at.
    Unreachable,
    /// Holds a cent more than was asked for.
    HoldsMore,
    /// Holds the money, and refuses when it is to be taken.
    RefusesLater,
    /// Holds the money, and has let go of it when it is to be taken.
    LapsesLater,
    /// Lets only a tenth of the held money be taken.
    TakesLess,
    /// Good, but only half of a reversal arrives.
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
            "tok_lost_answer" => Self::LosesAnswer,
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
