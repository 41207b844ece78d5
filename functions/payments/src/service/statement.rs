//! Reading the provider's statement into the ledger.
//!
//! Each line becomes an event of its payment, once. A line that tells of a movement which the
//! payment has not heard of (its webhook was lost, or the provider moved money by itself) makes us
//! ask the provider about that payment, until its answer and its statement agree. A line about a
//! payment that nobody here has ever named is booked under its name all the same, so that checks
//! across functions find it.

use chassis::store::{Store, StoreError};

use super::{Payments, Refusal};
use crate::domain::{Event, Funds, Line, Payment, Statement};
use crate::ports::{Provider, Trouble};

/// Parts of the statement that are read at once at most; the next time goes on from there.
const PARTS_MAX: u32 = 50;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Lines that were not known before.
    pub lines: u32,
    /// Whether there is more to read.
    pub more: bool,
}

impl<S: Store, P: Provider> Payments<S, P> {
    /// Takes in what is new in the provider's statement.
    pub async fn pull(&self) -> Result<Pulled, Refusal> {
        let mut pulled = Pulled::default();
        for _ in 0..PARTS_MAX {
            let after = self.records.statement_position().await?;
            let part = self.statement(after).await?;
            for line in &part.lines {
                pulled.lines += u32::from(self.book(line).await?);
            }
            // Booked again if the power goes off here: that changes nothing.
            self.records.advance_statement(part.next).await?;
            pulled.more = part.more;
            if !part.more {
                break;
            }
        }
        Ok(pulled)
    }

    /// A part of the statement as the provider tells it now.
    pub async fn statement(&self, after: u64) -> Result<Statement, Refusal> {
        self.provider.statement(after).await.map_err(|trouble| match trouble {
            Trouble::NotDone(reason) | Trouble::Unclear(reason) => Refusal::Unavailable(reason),
        })
    }

    /// The order of the payment with this id; empty if we know of none.
    pub async fn order_of(&self, id: &str) -> Result<String, StoreError> {
        let known = self.records.load(id).await?;
        Ok(known.map(|(payment, _)| payment.order_id).unwrap_or_default())
    }

    /// Whether the line was new.
    async fn book(&self, line: &Line) -> Result<bool, Refusal> {
        let id = &line.payment_id;
        let known = self.records.load(id).await?;
        if known.as_ref().is_some_and(|(_, record)| record.has_booked_whole(line.kind)) {
            return Ok(false);
        }
        let is_new = known.is_none_or(|(payment, _)| !knows(&payment, line));
        let stated =
            Event::Stated { line: line.number, kind: line.kind, amount: line.amount.clone() };
        let payment = self
            .records
            .change(id, self.now_ms(), |known| {
                let is_known = known.is_some_and(|payment| knows(payment, line));
                Ok::<_, Refusal>(if is_known { Vec::new() } else { vec![stated.clone()] })
            })
            .await?;
        // Also if the line is known: the power may have gone off before this.
        self.catch_up(&payment).await?;
        Ok(is_new)
    }

    /// Asks the provider about a payment of which its statement tells more than we have heard.
    /// While the two do not agree, the payment is watched, so that it is asked again.
    async fn catch_up(&self, payment: &Payment) -> Result<(), Refusal> {
        if payment.funds == Funds::Untouched || !payment.is_behind_statement() {
            return Ok(());
        }
        let id = &payment.id;
        if let Err(refusal) = self.look_up(id).await {
            eprintln!("payments: {id} and its statement: {refusal:?}");
        }
        let known = self.records.load(id).await?;
        if known.is_some_and(|(payment, _)| payment.is_behind_statement()) {
            self.records.watch(id, self.now_ms()).await?;
        }
        Ok(())
    }
}

fn knows(payment: &Payment, line: &Line) -> bool {
    payment.lines.contains(&line.number)
}
