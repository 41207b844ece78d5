//! The record of one reservation: it is written before any hold, and its state decides the meaning
//! of all holds of the reservation.
//!
//! ```text
//! Pending ──all held──► Held ──commit──► Committed ──take back──► Returning ──► Returned
//!    │                   │
//!    ├─short─► Refused   ├─time─► Expired
//!    └─time, release─►   └─release─► Released
//! ```
//! A reserve that finds `Pending` (an earlier call has crashed or is still running) begins a new
//! *attempt*. Holds have the number of their attempt, and only those of the record's own attempt
//! can become sales. An earlier attempt that is still running can only leave a hold that is
//! released when it expires.

use super::{Availability, Line, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The maximum number of partial returns of one sale.
pub const RETURNS_MAX: usize = 100;

/// One reservation, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Normalized; empty for an id that was released before it was reserved.
    pub lines: Vec<Line>,
    /// Milliseconds since the epoch.
    pub expires_at_ms: u64,
    /// The number of the last attempt, from 1.
    pub attempt: u32,
    /// Decides the meaning of the holds.
    pub state: State,
    /// Returned parts of the sale, by the names of the returns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub returns: BTreeMap<String, Return>,
}

/// A returned part of a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Normalized.
    pub lines: Vec<Line>,
    /// Whether all of it is back in stock.
    pub done: bool,
}

/// The state of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Holds are being made.
    Pending,
    /// All holds are made.
    Held,
    /// Sold: holds become sales.
    Committed,
    /// Being taken back.
    Returning,
    /// Taken back. Final.
    Returned,
    /// These SKUs were short. Final.
    Refused(Vec<Availability>),
    /// Released by the caller. Final.
    Released,
    /// Expired. Final.
    Expired,
}

/// A reservation that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Chosen by the caller.
    pub id: String,
    /// Normalized.
    pub lines: Vec<Line>,
    /// Milliseconds since the epoch.
    pub expires_at_ms: u64,
}

/// What a call of reserve has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Nothing: the id is known, and [`Record::standing`] is the result.
    Known(Record),
    /// Make the holds of this record's attempt.
    Attempt(Record),
}

/// What happens to an expired hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its pieces are released.
    Free,
    /// Its pieces are sold.
    Sell,
    /// The sale of its pieces is being taken back.
    TakeBack,
    /// The reservation has not expired.
    Keep,
}

impl Record {
    /// Begins or repeats a reserve.
    pub fn begin(
        record: Option<Record>,
        id: &str,
        lines: &[Line],
        ttl_ms: u64,
        now_ms: u64,
    ) -> Result<(Record, Begin), Refusal> {
        let attempt = match record {
            None => 1,
            Some(record) if record.lines.is_empty() => return Err(expired(id)),
            Some(record) if record.lines != lines => {
                return Err(Refusal::Conflict(format!("{id} was reserved with other lines")));
            }
            Some(Record { state: State::Pending, attempt, .. }) => attempt.saturating_add(1),
            Some(record) => return Ok((record.clone(), Begin::Known(record))),
        };
        let expires_at_ms = now_ms.saturating_add(ttl_ms);
        let record = Record {
            lines: lines.to_vec(),
            expires_at_ms,
            attempt,
            state: State::Pending,
            returns: BTreeMap::new(),
        };
        Ok((record.clone(), Begin::Attempt(record)))
    }

    /// The reservation if it is held now.
    ///
    /// # Errors
    /// Why it is not held.
    pub fn standing(&self, id: &str, now_ms: u64) -> Result<Reservation, Refusal> {
        match &self.state {
            State::Held if now_ms < self.expires_at_ms => Ok(Reservation {
                id: id.to_owned(),
                lines: self.lines.clone(),
                expires_at_ms: self.expires_at_ms,
            }),
            State::Pending => Err(Refusal::Unavailable(format!("{id} is being reserved"))),
            State::Committed => Err(Refusal::Committed(format!("{id} is sold"))),
            State::Refused(short) => Err(Refusal::OutOfStock(short.clone())),
            State::Held | State::Returning | State::Returned | State::Released | State::Expired => {
                Err(expired(id))
            }
        }
    }

    /// Whether its remaining holds have to be released.
    pub fn is_void(&self) -> bool {
        matches!(self.state, State::Refused(_) | State::Released | State::Expired)
    }

    /// All holds of an attempt are made, or some SKUs were short. Changes nothing if the record has
    /// changed in the meantime.
    #[must_use]
    pub fn conclude(mut self, attempt: u32, short: &[Availability]) -> Record {
        if self.state == State::Pending && self.attempt == attempt {
            let refused = || State::Refused(short.to_vec());
            self.state = if short.is_empty() { State::Held } else { refused() };
        }
        self
    }

    /// Sells it. This is the decision: before it, the reservation can expire; after it, never.
    pub fn commit(mut self, id: &str, now_ms: u64) -> Result<Record, Refusal> {
        match self.state {
            State::Committed => Ok(self),
            State::Held if now_ms < self.expires_at_ms => {
                self.state = State::Committed;
                Ok(self)
            }
            State::Pending => Err(Refusal::NotFound(format!("{id} is not reserved yet"))),
            State::Refused(_) => Err(Refusal::NotFound(format!("{id} was refused"))),
            _ => Err(expired(id)),
        }
    }

    /// Releases what is not sold. An unknown id is barred.
    pub fn release(record: Option<Record>, id: &str) -> Result<Record, Refusal> {
        let barred = Record {
            lines: Vec::new(),
            expires_at_ms: 0,
            attempt: 0,
            state: State::Released,
            returns: BTreeMap::new(),
        };
        let mut record = record.unwrap_or(barred);
        match record.state {
            State::Committed | State::Returning => {
                Err(Refusal::Committed(format!("{id} is sold; take it back instead")))
            }
            State::Pending | State::Held => {
                record.state = State::Released;
                Ok(record)
            }
            _ => Ok(record),
        }
    }

    /// Begins to take a sale back, and releases anything else.
    pub fn begin_return(record: Option<Record>, id: &str) -> Result<Record, Refusal> {
        match record {
            Some(mut record) if matches!(record.state, State::Committed | State::Returning) => {
                record.state = State::Returning;
                Ok(record)
            }
            other => Record::release(other, id),
        }
    }

    /// Begins the return of a part of the sale, once for each name.
    pub fn begin_restock(
        mut self,
        id: &str,
        name: &str,
        lines: &[Line],
    ) -> Result<Record, Refusal> {
        if let Some(known) = self.returns.get(name) {
            return match known.lines == lines {
                true => Ok(self),
                false => {
                    Err(Refusal::Conflict(format!("the return {name} exists with other lines")))
                }
            };
        }
        if self.state != State::Committed {
            return Err(Refusal::NotFound(format!("{id} is not sold")));
        }
        let left = self.left();
        let sold = |sku: &str| left.iter().find(|it| it.sku == sku).map_or(0, |it| it.quantity);
        if let Some(line) = lines.iter().find(|line| line.quantity > sold(&line.sku)) {
            let (sku, sold) = (&line.sku, sold(&line.sku));
            return Err(Refusal::Conflict(format!(
                "only {sold} pieces of {sku} in {id} are not returned yet"
            )));
        }
        if self.returns.len() >= RETURNS_MAX {
            return Err(Refusal::Conflict(format!("more than {RETURNS_MAX} returns of {id}")));
        }
        self.returns.insert(name.to_owned(), Return { lines: lines.to_vec(), done: false });
        Ok(self)
    }

    /// All pieces of a return are back in stock.
    #[must_use]
    pub fn finish_restock(mut self, name: &str) -> Record {
        if let Some(known) = self.returns.get_mut(name) {
            known.done = true;
        }
        self
    }

    /// The reserved lines that were not returned.
    pub fn left(&self) -> Vec<Line> {
        let back = |sku: &str| -> u32 {
            let lines = self.returns.values().flat_map(|it| &it.lines);
            lines.filter(|line| line.sku == sku).map(|line| line.quantity).sum()
        };
        let left = self.lines.iter().map(|line| Line {
            sku: line.sku.clone(),
            quantity: line.quantity.saturating_sub(back(&line.sku)),
        });
        left.filter(|line| line.quantity > 0).collect()
    }

    /// All lines are taken back.
    #[must_use]
    pub fn finish_return(mut self) -> Record {
        if self.state == State::Returning {
            self.state = State::Returned;
        }
        self
    }

    /// Decides about an expired hold of `attempt`; closes an expired reservation.
    #[must_use]
    pub fn judge(mut self, attempt: u32, now_ms: u64) -> (Record, Verdict) {
        if self.attempt != attempt {
            return (self, Verdict::Free);
        }
        let verdict = match self.state {
            State::Committed => Verdict::Sell,
            State::Returning => Verdict::TakeBack,
            State::Pending | State::Held if now_ms < self.expires_at_ms => Verdict::Keep,
            State::Pending | State::Held => {
                self.state = State::Expired;
                Verdict::Free
            }
            _ => Verdict::Free,
        };
        (self, verdict)
    }
}

fn expired(id: &str) -> Refusal {
    Refusal::Expired(format!("{id} has expired or was released"))
}
