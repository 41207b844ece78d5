//! One charge: a card, an amount, and how far it has come. Pure; time comes in as a value.

use serde::{Deserialize, Serialize};

/// Tries of one notice before it is dropped.
pub const NOTICE_ATTEMPTS_MAX: u32 = 8;

/// What a merchant asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// The merchant's own name for the charge.
    pub merchant_ref: String,
    /// Minor units, more than zero.
    pub value: i64,
    /// ISO 4217.
    pub ccy: String,
    /// The card, as a token.
    pub source: String,
}

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
    /// Nobody home: the request is not even looked at.
    Unreachable,
}

impl Card {
    /// The behaviour of a card token.
    pub fn of(source: &str) -> Self {
        match source {
            "tok_approved" => Self::Good,
            "tok_declined" => Self::Refused("05"),
            "tok_insufficient_funds" => Self::Refused("51"),
            "tok_slow" => Self::Slow,
            "tok_lost_answer" => Self::LosesAnswer,
            "tok_unreachable" => Self::Unreachable,
            _ => Self::Refused("14"),
        }
    }
}

/// Where a charge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not decided yet.
    Processing,
    /// The money is set aside on the card.
    Hold,
    /// The money is taken.
    Approved,
    /// The hold is lifted or the money is given back.
    Reversed,
    /// The card said no.
    Refused,
}

impl State {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Hold => "hold",
            Self::Approved => "approved",
            Self::Reversed => "reversed",
            Self::Refused => "refused",
        }
    }
}

/// Something to tell the merchant through a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub id: String,
    /// As `charge.hold`.
    pub kind: String,
    /// Not before this, in milliseconds since the epoch.
    pub due_ms: u64,
    /// Fruitless tries so far.
    pub attempts: u32,
}

/// A charge with its undelivered notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    pub id: String,
    pub instruction: Instruction,
    /// What it is, or will be once it is decided.
    state: State,
    /// The card's code of ISO 8583, if it said no.
    pub refusal_code: Option<String>,
    /// Undecided until then, in milliseconds since the epoch.
    pub decided_at_ms: u64,
    /// Milliseconds since the epoch.
    pub created_at_ms: u64,
    /// Taken so far, in minor units.
    pub captured: i64,
    /// Given back so far, in minor units.
    pub reversed: i64,
    /// Answers to creation that will be lost.
    pub answers_to_lose: u32,
    notices_made: u32,
    pub notices: Vec<Notice>,
}

/// A move that the charge's state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongState(pub State);

impl Charge {
    /// The charge that an instruction makes; none if nobody is home. `delay_ms` is how long
    /// a slow card takes.
    pub fn open(id: String, instruction: Instruction, now_ms: u64, delay_ms: u64) -> Option<Self> {
        let card = Card::of(&instruction.source);
        let refusal_code = match card {
            Card::Unreachable => return None,
            Card::Refused(code) => Some(code.to_owned()),
            _ => None,
        };
        let decided_at_ms = if card == Card::Slow { now_ms + delay_ms } else { now_ms };
        let mut charge = Self {
            id,
            instruction,
            state: if refusal_code.is_some() { State::Refused } else { State::Hold },
            refusal_code,
            decided_at_ms,
            created_at_ms: now_ms,
            captured: 0,
            reversed: 0,
            answers_to_lose: u32::from(card == Card::LosesAnswer),
            notices_made: 0,
            notices: Vec::new(),
        };
        charge.notify(decided_at_ms);
        Some(charge)
    }

    /// The state at a time.
    pub fn state(&self, now_ms: u64) -> State {
        if now_ms < self.decided_at_ms { State::Processing } else { self.state }
    }

    /// Takes the money that is on hold.
    pub fn capture(&mut self, now_ms: u64) -> Result<(), WrongState> {
        match self.state(now_ms) {
            State::Hold => {
                self.state = State::Approved;
                self.captured = self.instruction.value;
                self.notify(now_ms);
                Ok(())
            }
            state => Err(WrongState(state)),
        }
    }

    /// Lifts the hold or gives the money back.
    pub fn reverse(&mut self, now_ms: u64) -> Result<(), WrongState> {
        match self.state(now_ms) {
            State::Hold | State::Approved => {
                self.state = State::Reversed;
                self.reversed = self.captured;
                self.notify(now_ms);
                Ok(())
            }
            state => Err(WrongState(state)),
        }
    }

    fn notify(&mut self, due_ms: u64) {
        self.notices_made += 1;
        self.notices.push(Notice {
            id: format!("evt_{}_{}", self.id, self.notices_made),
            kind: format!("charge.{}", self.state.as_str()),
            due_ms,
            attempts: 0,
        });
    }

    /// Forgets a notice that was delivered, or counts a fruitless try.
    pub fn settle_notice(&mut self, id: &str, delivered: bool) {
        if let Some(notice) = self.notices.iter_mut().find(|notice| notice.id == id) {
            notice.attempts += 1;
        }
        self.notices.retain(|notice| {
            notice.id != id || (!delivered && notice.attempts < NOTICE_ATTEMPTS_MAX)
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn charge(source: &str) -> Charge {
        let instruction = Instruction {
            merchant_ref: "r".to_owned(),
            value: 500,
            ccy: "EUR".to_owned(),
            source: source.to_owned(),
        };
        Charge::open("ch_1".to_owned(), instruction, 1_000, 3_000).unwrap()
    }

    #[test]
    fn money_moves_only_along_the_allowed_ways() {
        let mut it = charge("tok_approved");
        assert_eq!(it.state(1_000), State::Hold);
        it.capture(1_001).unwrap();
        assert_eq!(it.capture(1_002), Err(WrongState(State::Approved)));
        it.reverse(1_003).unwrap();
        assert_eq!((it.captured, it.reversed), (500, 500));
        assert_eq!(it.reverse(1_004), Err(WrongState(State::Reversed)));
    }

    #[test]
    fn a_lifted_hold_gives_nothing_back() {
        let mut it = charge("tok_approved");
        it.reverse(1_001).unwrap();
        assert_eq!((it.captured, it.reversed), (0, 0));
        assert_eq!(it.capture(1_002), Err(WrongState(State::Reversed)));
    }

    #[test]
    fn a_slow_card_is_undecided_for_a_while() {
        let mut it = charge("tok_slow");
        assert_eq!(it.state(3_999), State::Processing);
        assert_eq!(it.capture(3_999), Err(WrongState(State::Processing)));
        assert_eq!(it.state(4_000), State::Hold);
    }

    #[test]
    fn refused_cards_say_why() {
        assert_eq!(charge("tok_declined").refusal_code.as_deref(), Some("05"));
        assert_eq!(charge("tok_insufficient_funds").refusal_code.as_deref(), Some("51"));
        assert_eq!(charge("4111").refusal_code.as_deref(), Some("14"));
    }

    #[test]
    fn a_notice_is_dropped_after_so_many_tries() {
        let mut it = charge("tok_approved");
        let id = it.notices[0].id.clone();
        for _ in 0..NOTICE_ATTEMPTS_MAX {
            assert_eq!(it.notices.len(), 1);
            it.settle_notice(&id, false);
        }
        assert!(it.notices.is_empty());
    }
}
