//! Partial refunds of captured payments.

use chassis::Clock;
use chassis::money::Money;
use chassis::store::Store;

use super::check::{check_amount, check_text};
use super::{Payments, Refusal};
use crate::domain::{Event, Funds, Payment, Refund};
use crate::ports::{Charge, PartialRefund, Provider, ProviderError};

/// The maximum number of partial refunds of one payment.
const REFUNDS_MAX: usize = 100;

impl<S: Store, P: Provider, C: Clock> Payments<S, P, C> {
    /// Refunds a part, once for each `refund_id`.
    pub async fn refund(
        &self,
        id: &str,
        refund_id: &str,
        amount: Money,
    ) -> Result<Payment, Refusal> {
        check_text("id", id)?;
        check_text("refund id", refund_id)?;
        check_amount(&amount)?;
        let payment = self
            .records
            .change(id, self.now_ms(), |known| {
                allows(known.ok_or(Refusal::NotFound)?, refund_id, &amount)
            })
            .await?;
        if payment.refunds.get(refund_id).is_some_and(|refund| refund.done) {
            return Ok(payment);
        }
        let reference = payment.reference.clone().ok_or(Refusal::NotFound)?;
        let charge = Charge { key: id.to_owned(), reference };
        // Idempotency keys are unique for the merchant, not for the charge.
        let part = PartialRefund { key: format!("{id}.{refund_id}"), amount };
        let report = self.provider.refund(&charge, &part).await.map_err(|error| {
            match error {
                // Its key makes a repetition harmless.
                ProviderError::NotExecuted(reason) => Refusal::Unavailable(reason),
                ProviderError::OutcomeUnknown(reason) => Refusal::UnknownOutcome(reason),
            }
        })?;
        self.record(id, &report).await?;
        self.settle_refund(id, refund_id).await
    }

    /// The provider reports success: the refunded amount must be at least the requested amount.
    async fn settle_refund(&self, id: &str, refund_id: &str) -> Result<Payment, Refusal> {
        self.records
            .change(id, self.now_ms(), |known| {
                let payment = known.ok_or(Refusal::NotFound)?;
                let settled = |(id, refund): (&String, &Refund)| {
                    if refund.done || id == refund_id { refund.amount.amount } else { 0 }
                };
                let due: i64 = payment.refunds.iter().map(settled).sum();
                let given = payment.known.refunded;
                match payment.refunds.get(refund_id) {
                    Some(refund) if refund.done => Ok(Vec::new()),
                    Some(_) if given >= due => {
                        Ok(vec![Event::RefundDone { refund_id: refund_id.to_owned() }])
                    }
                    _ => Err(Refusal::Mismatch(format!("{given} refunded instead of {due}"))),
                }
            })
            .await
    }
}

fn allows(payment: &Payment, refund_id: &str, amount: &Money) -> Result<Vec<Event>, Refusal> {
    if let Some(known) = payment.refunds.get(refund_id) {
        return match known.amount == *amount {
            true => Ok(Vec::new()),
            false => Err(Refusal::Invalid(
                "this refund was already used with a different amount".to_owned(),
            )),
        };
    }
    if payment.barred || payment.funds != Funds::Captured {
        return Err(Refusal::Conflict(payment.status()));
    }
    let requested: i64 = payment.refunds.values().map(|refund| refund.amount.amount).sum();
    let left = payment.known.captured.saturating_sub(requested);
    if amount.currency != payment.known.currency || amount.amount > left {
        let text = format!("at most {left} {} can be refunded", payment.known.currency);
        return Err(Refusal::Invalid(text));
    }
    if payment.refunds.len() >= REFUNDS_MAX {
        return Err(Refusal::Invalid(format!("more than {REFUNDS_MAX} refunds")));
    }
    let (refund_id, amount) = (refund_id.to_owned(), amount.clone());
    Ok(vec![Event::RefundAsked { refund_id, amount }])
}
