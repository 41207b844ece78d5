//! The use cases of payments: authorize, capture, cancel, refund, get, and hints by webhook.
//!
//! A request to the provider is recorded before it is sent, so a payment that may exist there is
//! always known here. [`Payment::events_of`] decides what is recorded of a report, in a response, in a
//! look-up after a lost response, or in one after a webhook or a line of the statement. Reports are
//! recorded unchanged. If one differs from what was requested, the caller gets
//! [`Refusal::Mismatch`], never success.

mod check;
mod refund;
mod statement;
mod sweep;

pub use statement::Imported;
pub use sweep::{SweepReport, WATCH_MS};

use chassis::Clock;
use chassis::money::Money;
use chassis::store::{Store, StoreError};

use crate::domain::{ChargeStatus, Decline, Event, Funds, Payment, Report, Status};
use crate::ports::{Charge, Hold, Provider, ProviderError};
use crate::records::Records;
use check::{allows, check, check_text, is_of_order};

/// The maximum number of attempts to undo a payment: a hold can be captured concurrently.
const UNDO_ROUNDS_MAX: u32 = 4;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The card was declined. Final.
    Declined(Decline),
    /// The provider may have executed the request. Repeat it with the same id.
    UnknownOutcome(String),
    /// No payment has this id.
    NotFound,
    /// The payment is in this state, which does not allow it.
    Conflict(Status),
    /// The provider has not done what was requested. Its reports are booked.
    Mismatch(String),
    /// The request is invalid. Final.
    Invalid(String),
    /// Nothing was done. Safe to repeat.
    Unavailable(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Payments, over their ports.
#[derive(Clone)]
pub struct Payments<S, P, C> {
    records: Records<S>,
    provider: P,
    clock: C,
}

impl<S: Store, P: Provider, C: Clock> Payments<S, P, C> {
    /// Payments in this store.
    pub fn new(store: S, provider: P, clock: C) -> Self {
        Self { records: Records::new(store), provider, clock }
    }

    /// The stored payments. Reading them does not ask the provider.
    pub fn records(&self) -> &Records<S> {
        &self.records
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Holds money. Repeating it with the same id never holds twice.
    pub async fn authorize(
        &self,
        id: &str,
        order_id: &str,
        amount: Money,
        method: &str,
    ) -> Result<Payment, Refusal> {
        check(id, order_id, &amount, method)?;
        let is_new = self.records.load(id).await?.is_none();
        let requested = Event::AuthorizationAsked {
            order_id: order_id.to_owned(),
            amount: amount.clone(),
            method: method.to_owned(),
        };
        let payment = self
            .records
            .change(id, self.now_ms(), |known| match known {
                None => Ok(vec![requested.clone()]),
                Some(payment) => allows(payment, order_id, &amount, method),
            })
            .await?;
        if payment.funds != Funds::Requested {
            return success(payment, "");
        }
        let hold = Hold { key: id.to_owned(), amount, method: method.to_owned() };
        let report = match self.provider.hold(&hold).await {
            Ok(report) => report,
            Err(ProviderError::NotExecuted(reason)) if is_new => {
                return Err(Refusal::Unavailable(reason));
            }
            Err(ProviderError::NotExecuted(reason)) => return Err(Refusal::UnknownOutcome(reason)),
            Err(ProviderError::OutcomeUnknown(reason)) => self.find(id, reason).await?,
        };
        let payment = self.record(id, &report).await?;
        success(self.undo_if_barred(payment).await?, &description(&report))
    }

    /// Captures the held money. Repeating it never captures twice.
    pub async fn capture(&self, id: &str) -> Result<Payment, Refusal> {
        let (mut payment, _) = self.records.load(id).await?.ok_or(Refusal::NotFound)?;
        if payment.barred {
            return Err(Refusal::Conflict(payment.status()));
        }
        if payment.funds == Funds::Requested {
            let report = self.find(id, "the hold is unknown".to_owned()).await?;
            payment = self.record(id, &report).await?;
        }
        let charge = match (payment.funds, &payment.reference) {
            (Funds::Held, Some(reference)) if payment.deviation().is_none() => {
                Charge { key: id.to_owned(), reference: reference.clone() }
            }
            _ => return success(payment, "the hold is unknown"),
        };
        let report = match self.provider.capture(&charge).await {
            Ok(report) => report,
            Err(ProviderError::NotExecuted(reason)) => return Err(Refusal::Unavailable(reason)),
            Err(ProviderError::OutcomeUnknown(reason)) => self.find(id, reason).await?,
        };
        let payment = self.record(id, &report).await?;
        let payment = self.undo_if_barred(payment).await?;
        match payment.funds {
            Funds::Held => Err(Refusal::UnknownOutcome(description(&report))),
            _ => success(payment, &description(&report)),
        }
    }

    /// Undoes a payment, and bars its id.
    pub async fn cancel(&self, id: &str, order_id: &str) -> Result<Payment, Refusal> {
        check_text("id", id)?;
        check_text("order id", order_id)?;
        let cancel = Event::CancelAsked { order_id: order_id.to_owned() };
        let payment = self
            .records
            .change(id, self.now_ms(), |known| match known {
                Some(payment) if !is_of_order(payment, order_id) => {
                    let text = "this payment is for another order".to_owned();
                    Err(Refusal::Invalid(text))
                }
                Some(payment) if payment.barred => Ok(Vec::new()),
                _ => Ok(vec![cancel.clone()]),
            })
            .await?;
        self.undo(payment).await
    }

    /// The payment; the provider is asked if its outcome is unknown.
    pub async fn get(&self, id: &str) -> Result<Payment, Refusal> {
        let (payment, _) = self.records.load(id).await?.ok_or(Refusal::NotFound)?;
        if payment.funds != Funds::Requested {
            return Ok(payment);
        }
        match self.provider.find(id).await {
            Ok(Some(report)) => self.record(id, &report).await,
            _ => Ok(payment),
        }
    }

    /// Handles a hint that a payment may have changed. The hint itself is not trusted: if it
    /// contains something new, the provider is asked, and its response is recorded.
    pub async fn handle_hint(&self, hint: &Report) -> Result<(), Refusal> {
        let id = &hint.payment_id;
        let (payment, _) = self.records.load(id).await?.ok_or(Refusal::NotFound)?;
        if payment.events_of(hint).is_empty() && payment.contradiction(hint).is_none() {
            return Ok(());
        }
        self.look_up(id).await.map(drop)
    }

    /// Looks a payment up at the provider, records the result, and undoes the payment if it must be
    /// undone.
    pub(crate) async fn look_up(&self, id: &str) -> Result<Payment, Refusal> {
        let payment = match self.provider.find(id).await {
            Ok(Some(report)) => self.record(id, &report).await?,
            Ok(None) => self.records.load(id).await?.ok_or(Refusal::NotFound)?.0,
            Err(error) => return Err(Refusal::Unavailable(format!("{error:?}"))),
        };
        self.undo_if_barred(payment).await
    }

    /// Looks the charge up after its response was lost.
    async fn find(&self, id: &str, reason: String) -> Result<Report, Refusal> {
        match self.provider.find(id).await {
            Ok(Some(report)) => Ok(report),
            // The request may not have arrived yet.
            Ok(None) | Err(_) => Err(Refusal::UnknownOutcome(reason)),
        }
    }

    async fn record(&self, id: &str, report: &Report) -> Result<Payment, Refusal> {
        self.records
            .change(id, self.now_ms(), |known| {
                let payment = known.ok_or(Refusal::NotFound)?;
                match payment.contradiction(report) {
                    Some(contradiction) => Err(Refusal::Mismatch(contradiction)),
                    None => Ok(payment.events_of(report)),
                }
            })
            .await
    }

    /// Lets sweeps check a payment that is undecided at the provider.
    async fn watch(&self, id: &str) -> Result<(), StoreError> {
        self.records.watched().put(&(id.to_owned(), self.now_ms())).await
    }

    async fn undo_if_barred(&self, payment: Payment) -> Result<Payment, Refusal> {
        if payment.must_be_undone() { self.undo(payment).await } else { Ok(payment) }
    }

    async fn undo(&self, mut payment: Payment) -> Result<Payment, Refusal> {
        let id = payment.id.clone();
        for _ in 0..UNDO_ROUNDS_MAX {
            if !payment.must_be_undone() {
                return Ok(payment);
            }
            payment = match self.reverse(&payment).await {
                Ok(Some(report)) => {
                    let after = self.record(&id, &report).await?;
                    if after == payment {
                        if payment.reference.is_none() {
                            // It is undecided, and there may be no further request.
                            self.watch(&id).await?;
                        }
                        return Err(not_undone(&payment, &report));
                    }
                    after
                }
                Ok(None) => self.release(&id).await?,
                Err(ProviderError::NotExecuted(reason) | ProviderError::OutcomeUnknown(reason)) => {
                    return Err(Refusal::UnknownOutcome(reason));
                }
            };
        }
        Err(Refusal::UnknownOutcome("the payment changes too often".to_owned()))
    }

    /// Reverses a charge, or looks it up if its reference is unknown. `None` if there is none.
    async fn reverse(&self, payment: &Payment) -> Result<Option<Report>, ProviderError> {
        let Some(reference) = &payment.reference else {
            return self.provider.find(&payment.id).await;
        };
        let charge = Charge { key: payment.id.clone(), reference: reference.clone() };
        match self.provider.reverse(&charge).await {
            Ok(report) => Ok(Some(report)),
            Err(ProviderError::OutcomeUnknown(_)) => self.provider.find(&payment.id).await,
            Err(error) => Err(error),
        }
    }

    /// Releases a payment that must be undone and that the provider does not know. If a request for
    /// it arrives there later, it is undone after the provider's webhook. Because webhooks can be
    /// lost, the payment is also watched for some time.
    async fn release(&self, id: &str) -> Result<Payment, Refusal> {
        self.watch(id).await?;
        self.records
            .change(id, self.now_ms(), |known| match known {
                Some(payment) if payment.funds == Funds::Requested => {
                    Ok::<_, Refusal>(vec![Event::Voided])
                }
                _ => Ok(Vec::new()),
            })
            .await
    }
}

/// Why a payment was not undone.
fn not_undone(payment: &Payment, report: &Report) -> Refusal {
    match (payment.funds, &report.status) {
        (Funds::Captured, ChargeStatus::Captured) => {
            let left = payment.net();
            Refusal::Mismatch(format!("the provider keeps {left}: {}", description(report)))
        }
        _ => Refusal::UnknownOutcome(description(report)),
    }
}

/// The payment if it is held or captured as requested, otherwise why not.
fn success(payment: Payment, report: &str) -> Result<Payment, Refusal> {
    match payment.funds {
        _ if payment.barred => Err(Refusal::Conflict(payment.status())),
        Funds::Held | Funds::Captured => match payment.deviation() {
            Some(deviation) => Err(Refusal::Mismatch(deviation)),
            None => Ok(payment),
        },
        Funds::Declined(reason) => Err(Refusal::Declined(reason)),
        Funds::Requested | Funds::NotRequested => Err(Refusal::UnknownOutcome(report.to_owned())),
        Funds::Released | Funds::Returned => Err(Refusal::Conflict(payment.status())),
    }
}

fn description(report: &Report) -> String {
    match &report.status {
        ChargeStatus::Unknown(status) => format!("the provider reports `{status}`"),
        status => format!("the provider reports {status:?}"),
    }
}
