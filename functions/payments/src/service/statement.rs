//! Importing the provider's statement into the ledger.
//!
//! Each line becomes one event of its payment. If a line has a movement that the payment does not
//! know (its webhook was lost, or the provider moved money by itself), the provider is asked about
//! that payment until its response and its statement agree. A line about an unknown payment is
//! booked under its id, so that checks across functions find it.

use chassis::Clock;
use chassis::store::Store;

use super::{Payments, Refusal};
use crate::domain::{Event, Funds, Line, Payment, Statement};
use crate::ports::{Provider, ProviderError};

/// The maximum number of pages that are read at once. The next call continues from there.
const PAGES_MAX: u32 = 50;

/// The result of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// New lines.
    pub lines: u32,
    /// Whether there are more lines to read.
    pub more: bool,
}

impl<S: Store, P: Provider, C: Clock> Payments<S, P, C> {
    /// Imports new lines of the provider's statement.
    pub async fn import_statement(&self) -> Result<Imported, Refusal> {
        let mut imported = Imported::default();
        for _ in 0..PAGES_MAX {
            let after = self.records.statement_position().await?;
            let page = self.statement(after).await?;
            for line in &page.lines {
                imported.lines += u32::from(self.book(line).await?);
            }
            // After a crash here, the lines are booked again, which has no effect.
            self.records.advance_statement(page.next).await?;
            imported.more = page.more;
            if !page.more {
                break;
            }
        }
        Ok(imported)
    }

    /// A page of the provider's current statement.
    pub async fn statement(&self, after: u64) -> Result<Statement, Refusal> {
        self.provider.statement(after).await.map_err(|error| match error {
            ProviderError::NotExecuted(reason) | ProviderError::OutcomeUnknown(reason) => {
                Refusal::Unavailable(reason)
            }
        })
    }

    /// Books a line. Returns whether it was new.
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
        // Also if the line is known, because a crash may have happened before this.
        self.catch_up(&payment).await?;
        Ok(is_new)
    }

    /// Asks the provider about a payment if its statement has unknown movements. While the two do
    /// not agree, the payment is watched, so that the provider is asked again.
    async fn catch_up(&self, payment: &Payment) -> Result<(), Refusal> {
        if payment.funds == Funds::NotRequested || !payment.is_behind_statement() {
            return Ok(());
        }
        let id = &payment.id;
        if let Err(refusal) = self.look_up(id).await {
            eprintln!("payments: {id} and its statement: {refusal:?}");
        }
        let known = self.records.load(id).await?;
        if known.is_some_and(|(payment, _)| payment.is_behind_statement()) {
            self.watch(id).await?;
        }
        Ok(())
    }
}

fn knows(payment: &Payment, line: &Line) -> bool {
    payment.lines.contains(&line.number)
}
