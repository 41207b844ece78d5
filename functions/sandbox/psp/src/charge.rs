//! A charge: a card, an amount, and its state. Pure: time comes in as a value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::card::Card;

/// The number of attempts to send a notice.
pub const NOTICE_ATTEMPTS_MAX: u32 = 8;
/// The delay of the next attempt to send a notice, in milliseconds.
pub const NOTICE_RETRY_MS: u64 = 5_000;
/// How long a hold lasts, in milliseconds: seven days.
pub const HOLD_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// The maximum number of partial reversals of one charge.
pub const REVERSALS_MAX: usize = 100;

/// The request of a merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// The merchant's reference of the charge.
    pub merchant_ref: String,
    /// Minor units, more than zero.
    pub value: i64,
    /// ISO 4217.
    pub ccy: String,
    /// The card, as a token.
    pub source: String,
}

/// The state of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not decided yet.
    Processing,
    /// The money is on hold.
    Hold,
    /// The money is captured, and not all of it is reversed.
    Approved,
    /// The hold is released or all money is reversed.
    Reversed,
    /// The hold has expired.
    Lapsed,
    /// The card was declined.
    Refused,
}

impl State {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::Hold => "hold",
            Self::Approved => "approved",
            Self::Reversed => "reversed",
            Self::Lapsed => "lapsed",
            Self::Refused => "refused",
        }
    }
}

/// A webhook that is not delivered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Identifies the event.
    pub id: String,
    /// For example `charge.hold`.
    pub kind: String,
    /// Not before this, in milliseconds since the epoch.
    pub due_ms: u64,
    /// Attempts so far.
    pub attempts: u32,
}

/// Why money moved between the provider and the merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Captured from the card.
    Capture,
    /// Reversed by the merchant.
    Reversal,
    /// Charged back by the card's bank.
    Chargeback,
}

/// A line of the merchant's statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Its number in the statement.
    pub line: u64,
    /// Why the money moved.
    pub kind: Kind,
    /// Minor units; negative if the merchant loses them.
    pub value: i64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
}

/// A charge with its undelivered notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Identifies the charge.
    pub id: String,
    /// The request that created it.
    pub instruction: Instruction,
    /// The state after it is decided.
    state: State,
    /// The ISO 8583 code, if the card was declined.
    pub refusal_code: Option<String>,
    /// When it is decided, in milliseconds since the epoch.
    pub decided_at_ms: u64,
    /// Milliseconds since the epoch.
    pub created_at_ms: u64,
    /// Captured so far, in minor units.
    pub captured: i64,
    /// Reversed so far, in minor units.
    pub reversed: i64,
    /// Charged back by the card's bank so far, in minor units.
    #[serde(default)]
    pub charged_back: i64,
    /// Its lines in the statement.
    #[serde(default)]
    pub movements: Vec<Movement>,
    /// Partial reversals by their idempotency keys.
    #[serde(default)]
    reversals: BTreeMap<String, i64>,
    /// The number of responses to its creation that will be lost.
    #[serde(rename = "answers_to_lose")]
    pub responses_to_lose: u32,
    notices_made: u32,
    /// In the order of the changes.
    pub notices: Vec<Notice>,
}

/// The time of an operation, and the line of the statement that is reserved for it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Milliseconds since the epoch.
    pub now_ms: u64,
    /// `None` if no money is expected to move.
    pub line: Option<u64>,
}

/// Why an operation on a charge failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Its state does not allow the operation.
    WrongState(State),
    /// The amount is greater than what is left.
    TooMuch,
    /// This idempotency key was already used with different content.
    Mismatch,
    /// Money has to move, but no line of the statement is reserved for it. Retry with a line.
    NoLine,
}

impl Charge {
    /// Creates a charge; `None` if the card network is down. `delay_ms` is the delay of a slow
    /// card.
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
            charged_back: 0,
            movements: Vec::new(),
            reversals: BTreeMap::new(),
            responses_to_lose: u32::from(card == Card::LosesResponse),
            notices_made: 0,
            notices: Vec::new(),
        };
        charge.notify(decided_at_ms);
        Some(charge)
    }

    /// The state at a time.
    pub fn state(&self, now_ms: u64) -> State {
        match self.state {
            _ if now_ms < self.decided_at_ms => State::Processing,
            State::Hold if now_ms >= self.decided_at_ms.saturating_add(HOLD_MS) => State::Lapsed,
            state => state,
        }
    }

    /// The amount that is or was on hold, in minor units.
    pub fn value(&self) -> i64 {
        let requested = self.instruction.value;
        if self.card() == Card::HoldsMore { requested.saturating_add(1) } else { requested }
    }

    /// The captured amount less reversals and chargebacks, in minor units.
    pub fn balance(&self) -> i64 {
        self.captured - self.reversed - self.charged_back
    }

    /// Captures the money that is on hold.
    pub fn capture(&mut self, at: Moment) -> Result<(), Error> {
        if self.state(at.now_ms) != State::Hold {
            return Err(Error::WrongState(self.state(at.now_ms)));
        }
        let value = match self.card() {
            Card::RefusesLater => {
                self.refusal_code = Some("05".to_owned());
                self.state = State::Refused;
                0
            }
            Card::LapsesLater => {
                self.state = State::Lapsed;
                0
            }
            Card::TakesLess => self.value() / 10,
            _ => self.value(),
        };
        if value > 0 {
            self.state = State::Approved;
            self.captured = value;
            self.book(Kind::Capture, value, at)?;
        }
        self.notify(at.now_ms);
        Ok(())
    }

    /// Releases the hold or reverses all money that is left.
    pub fn reverse(&mut self, at: Moment) -> Result<(), Error> {
        match self.state(at.now_ms) {
            State::Hold => {
                self.state = State::Reversed;
                self.notify(at.now_ms);
                Ok(())
            }
            // This card reverses half, once.
            State::Approved if self.card() == Card::GivesBackLess => match self.reversed {
                0 => self.book_reversal(self.balance() / 2, at),
                _ => Err(Error::WrongState(State::Approved)),
            },
            State::Approved if self.balance() > 0 => self.book_reversal(self.balance(), at),
            state => Err(Error::WrongState(state)),
        }
    }

    /// Reverses some money, once for each key.
    pub fn reverse_some(&mut self, key: &str, value: i64, at: Moment) -> Result<(), Error> {
        match self.reversals.get(key) {
            Some(known) if *known == value => return Ok(()),
            Some(_) => return Err(Error::Mismatch),
            None => {}
        }
        if self.state(at.now_ms) != State::Approved {
            return Err(Error::WrongState(self.state(at.now_ms)));
        }
        if value > self.balance() || self.reversals.len() >= REVERSALS_MAX {
            return Err(Error::TooMuch);
        }
        self.reversals.insert(key.to_owned(), value);
        let reversed = if self.card() == Card::GivesBackLess { value / 2 } else { value };
        self.book_reversal(reversed, at)
    }

    /// The card's bank charges back all money that is left.
    pub fn charge_back(&mut self, at: Moment) -> Result<(), Error> {
        let value = self.balance();
        if self.state(at.now_ms) != State::Approved || value <= 0 {
            return Err(Error::WrongState(self.state(at.now_ms)));
        }
        self.charged_back += value;
        self.book(Kind::Chargeback, -value, at)?;
        self.notify(at.now_ms);
        Ok(())
    }

    fn book_reversal(&mut self, value: i64, at: Moment) -> Result<(), Error> {
        self.reversed += value;
        if self.balance() == 0 {
            self.state = State::Reversed;
        }
        self.book(Kind::Reversal, -value, at)?;
        self.notify(at.now_ms);
        Ok(())
    }

    fn book(&mut self, kind: Kind, value: i64, at: Moment) -> Result<(), Error> {
        let line = at.line.ok_or(Error::NoLine)?;
        self.movements.push(Movement { line, kind, value, at_ms: at.now_ms });
        Ok(())
    }

    fn card(&self) -> Card {
        Card::of(&self.instruction.source)
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

    /// Begins an attempt to send a due notice. False if it is not due, or if another attempt has
    /// just begun, because the merchant looks up the charge while it handles the notice.
    pub fn begin_notice(&mut self, id: &str, now_ms: u64) -> bool {
        let is_due = |notice: &&mut Notice| notice.id == id && notice.due_ms <= now_ms;
        let Some(notice) = self.notices.iter_mut().find(is_due) else { return false };
        notice.attempts += 1;
        notice.due_ms = now_ms.saturating_add(NOTICE_RETRY_MS);
        true
    }

    /// Removes a notice that was delivered or has failed too often.
    pub fn settle_notice(&mut self, id: &str, delivered: bool) {
        self.notices.retain(|notice| {
            notice.id != id || (!delivered && notice.attempts < NOTICE_ATTEMPTS_MAX)
        });
    }
}

#[cfg(test)]
mod tests;
