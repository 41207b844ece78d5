//! The use cases of payments: authorize, capture, cancel, refund, get, and hints by webhook.
//!
//! A request to the provider is recorded before it is sent, so a payment that may exist there is
//! always known here. [`Payment::learn`] records what the provider reports, in a response, in a
//! look-up after a lost response, or in one after a webhook or a line of the statement. It is
//! recorded unchanged. If it differs from what was requested, the caller gets
//! [`Refusal::Mismatch`], never success.

mod check;
mod refund;
mod statement;
mod sweep;

pub use statement::Pulled;
pub use sweep::{Swept, WATCH_MS};

use chassis::money::Money;
use chassis::register::Stretch;
use chassis::store::{Store, StoreError};

use crate::audit::Entry;
use crate::domain::{Decline, Event, Funds, News, Payment, Standing, Status};
use crate::ledger::Posting;
use crate::ports::{Charge, Hold, Provider, Trouble};
use crate::records::{Position, Record, Records};
use check::{allows, check, check_text, is_of_order};

/// Rounds of undoing: a hold may turn into a capture under our hands, but not for ever.
const UNDO_ROUNDS_MAX: u32 = 4;

/// Why a payment did not go as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The card said no. Final.
    Declined(Decline),
    /// The provider may or may not have acted. Repeat with the same id.
    UnknownOutcome(String),
    /// No payment has this id.
    NotFound,
    /// The payment is in this state, which does not allow it.
    Conflict(Status),
    /// The provider did something else than requested. It is booked as reported.
    Mismatch(String),
    /// The request makes no sense. Final.
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
pub struct Payments<S, P> {
    records: Records<S>,
    provider: P,
    now_ms: fn() -> u64,
}

impl<S: Store, P: Provider> Payments<S, P> {
    /// `now_ms` tells the time in milliseconds since the epoch.
    pub fn new(store: S, provider: P, now_ms: fn() -> u64) -> Self {
        Self { records: Records::new(store), provider, now_ms }
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        (self.now_ms)()
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
        let fresh = self.records.load(id).await?.is_none();
        let asked = Event::AuthorizationAsked {
            order_id: order_id.to_owned(),
            amount: amount.clone(),
            method: method.to_owned(),
        };
        let payment = self
            .records
            .change(id, self.now_ms(), |known| match known {
                None => Ok(vec![asked.clone()]),
                Some(payment) => allows(payment, order_id, &amount, method),
            })
            .await?;
        if payment.funds != Funds::Asked {
            return held(payment, "");
        }
        let hold = Hold { key: id.to_owned(), amount, method: method.to_owned() };
        let news = match self.provider.hold(&hold).await {
            Ok(news) => news,
            Err(Trouble::NotDone(reason)) if fresh => return Err(Refusal::Unavailable(reason)),
            Err(Trouble::NotDone(reason)) => return Err(Refusal::UnknownOutcome(reason)),
            Err(Trouble::Unclear(reason)) => self.ask(id, reason).await?,
        };
        let payment = self.learn(id, &news).await?;
        held(self.undo_if_barred(payment).await?, &said(&news))
    }

    /// Takes the money that is held. Repeating it never takes twice.
    pub async fn capture(&self, id: &str) -> Result<Payment, Refusal> {
        let (mut payment, _) = self.records.load(id).await?.ok_or(Refusal::NotFound)?;
        if payment.barred {
            return Err(Refusal::Conflict(payment.status()));
        }
        if payment.funds == Funds::Asked {
            let news = self.ask(id, "the hold is not known".to_owned()).await?;
            payment = self.learn(id, &news).await?;
        }
        let charge = match (payment.funds, &payment.reference) {
            (Funds::Held, Some(reference)) if payment.deviation().is_none() => {
                Charge { key: id.to_owned(), reference: reference.clone() }
            }
            _ => return held(payment, "the hold is not known"),
        };
        let news = match self.provider.take(&charge).await {
            Ok(news) => news,
            Err(Trouble::NotDone(reason)) => return Err(Refusal::Unavailable(reason)),
            Err(Trouble::Unclear(reason)) => self.ask(id, reason).await?,
        };
        let payment = self.learn(id, &news).await?;
        let payment = self.undo_if_barred(payment).await?;
        match payment.funds {
            Funds::Held => Err(Refusal::UnknownOutcome(said(&news))),
            _ => held(payment, &said(&news)),
        }
    }

    /// Undoes whatever has happened to a payment, and bars its id if nothing has.
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
        if payment.funds != Funds::Asked {
            return Ok(payment);
        }
        match self.provider.ask(id).await {
            Ok(Some(news)) => self.learn(id, &news).await,
            _ => Ok(payment),
        }
    }

    /// Follows a hint that a payment may have changed. The hint itself is not trusted: if it
    /// contains something new, the provider is asked, and its response is recorded.
    pub async fn follow(&self, hint: &News) -> Result<(), Refusal> {
        let id = &hint.payment_id;
        let (payment, _) = self.records.load(id).await?.ok_or(Refusal::NotFound)?;
        if payment.learn(hint).is_empty() && payment.contradiction(hint).is_none() {
            return Ok(());
        }
        self.look_up(id).await.map(drop)
    }

    /// Looks a payment up at the provider, records the result, and undoes the payment if it must be
    /// undone.
    pub(crate) async fn look_up(&self, id: &str) -> Result<Payment, Refusal> {
        let payment = match self.provider.ask(id).await {
            Ok(Some(news)) => self.learn(id, &news).await?,
            Ok(None) => self.records.load(id).await?.ok_or(Refusal::NotFound)?.0,
            Err(trouble) => return Err(Refusal::Unavailable(format!("{trouble:?}"))),
        };
        self.undo_if_barred(payment).await
    }

    /// A page of the ledger, oldest first.
    pub async fn ledger(
        &self,
        from: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Posting>, Option<Position>), StoreError> {
        self.records.postings(from, limit).await
    }

    /// The payment with everything that has happened to it; the provider is not asked.
    pub async fn history(&self, id: &str) -> Result<Option<(Payment, Record)>, StoreError> {
        self.records.load(id).await
    }

    /// Up to `limit` payments in figures, in the order of their coming, those after the place
    /// `after`.
    pub async fn entries(&self, after: u64, limit: u32) -> Result<Stretch<Entry>, StoreError> {
        self.records.entries(after, limit).await
    }

    /// A page of the ledger, slot by slot, and where the next one begins.
    pub async fn stretch(&self, after: u64) -> Result<(Vec<Posting>, Option<u64>), StoreError> {
        self.records.stretch(after).await
    }

    /// What the provider knows after an answer was lost.
    async fn ask(&self, id: &str, reason: String) -> Result<News, Refusal> {
        match self.provider.ask(id).await {
            Ok(Some(news)) => Ok(news),
            // A request that is still on its way is not known there yet.
            Ok(None) | Err(_) => Err(Refusal::UnknownOutcome(reason)),
        }
    }

    async fn learn(&self, id: &str, news: &News) -> Result<Payment, Refusal> {
        self.records
            .change(id, self.now_ms(), |known| {
                let payment = known.ok_or(Refusal::NotFound)?;
                match payment.contradiction(news) {
                    Some(contradiction) => Err(Refusal::Mismatch(contradiction)),
                    None => Ok(payment.learn(news)),
                }
            })
            .await
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
            payment = match self.undone(&payment).await {
                Ok(Some(news)) => {
                    let after = self.learn(&id, &news).await?;
                    if after == payment {
                        if payment.reference.is_none() {
                            // It is undecided, and no other request may ask again.
                            self.records.watch(&id, self.now_ms()).await?;
                        }
                        return Err(not_undone(&payment, &news));
                    }
                    after
                }
                Ok(None) => self.settle_as_free(&id).await?,
                Err(Trouble::NotDone(reason) | Trouble::Unclear(reason)) => {
                    return Err(Refusal::UnknownOutcome(reason));
                }
            };
        }
        Err(Refusal::UnknownOutcome("the payment changes too fast".to_owned()))
    }

    /// Has the provider undo a charge; asks it when there is no charge that we know of.
    async fn undone(&self, payment: &Payment) -> Result<Option<News>, Trouble> {
        let Some(reference) = &payment.reference else {
            return self.provider.ask(&payment.id).await;
        };
        let charge = Charge { key: payment.id.clone(), reference: reference.clone() };
        match self.provider.undo(&charge).await {
            Ok(news) => Ok(Some(news)),
            Err(Trouble::Unclear(_)) => self.provider.ask(&payment.id).await,
            Err(trouble) => Err(trouble),
        }
    }

    /// The provider knows nothing of a payment that is to be undone. Should a request for
    /// it arrive there later after all, its webhook brings the payment back here, and it is
    /// undone then; and because webhooks can be lost, it is watched for a while.
    async fn settle_as_free(&self, id: &str) -> Result<Payment, Refusal> {
        self.records.watch(id, self.now_ms()).await?;
        self.records
            .change(id, self.now_ms(), |known| match known {
                Some(payment) if payment.funds == Funds::Asked => {
                    Ok::<_, Refusal>(vec![Event::Voided])
                }
                _ => Ok(Vec::new()),
            })
            .await
    }
}

/// Why a payment was not undone.
fn not_undone(payment: &Payment, news: &News) -> Refusal {
    match (payment.funds, &news.standing) {
        (Funds::Taken, Standing::Taken) => {
            let left = payment.net();
            Refusal::Mismatch(format!("the provider keeps {left}: {}", said(news)))
        }
        _ => Refusal::UnknownOutcome(said(news)),
    }
}

/// The answer for a payment that should be held, at least.
fn held(payment: Payment, provider_says: &str) -> Result<Payment, Refusal> {
    match payment.funds {
        _ if payment.barred => Err(Refusal::Conflict(payment.status())),
        Funds::Held | Funds::Taken => match payment.deviation() {
            Some(deviation) => Err(Refusal::Mismatch(deviation)),
            None => Ok(payment),
        },
        Funds::Declined(reason) => Err(Refusal::Declined(reason)),
        Funds::Asked | Funds::Untouched => Err(Refusal::UnknownOutcome(provider_says.to_owned())),
        Funds::Free | Funds::Returned => Err(Refusal::Conflict(payment.status())),
    }
}

fn said(news: &News) -> String {
    match &news.standing {
        Standing::Unknown(state) => format!("the provider answers `{state}`"),
        standing => format!("the provider answers {standing:?}"),
    }
}
