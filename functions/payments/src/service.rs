//! The use cases of payments: authorize, capture, cancel, get, and news by webhook.
//!
//! What is asked of the provider is recorded before it is asked, so a payment that may
//! exist there is always known here. What the provider answers is recorded by
//! [`Payment::learn`], whoever hears it first: the call itself, a look-up after a lost
//! answer, or a webhook.

mod sweep;

pub use sweep::{Swept, WATCH_MS};

use chassis::money::{self, Money};
use chassis::register::Stretch;
use chassis::store::{Store, StoreError};

use crate::audit::Entry;
use crate::domain::{Decline, Event, Funds, News, Payment, Standing, Status};
use crate::ledger::Posting;
use crate::ports::{Hold, Provider, Trouble};
use crate::records::{Change, Position, Record, Records};

/// Longest id, order id or payment method, in bytes.
const TEXT_BYTES_MAX: usize = 200;
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
                None => Ok(vec![asked.clone()].into()),
                Some((payment, _)) => allows(payment, order_id, &amount, method),
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
        let payment = self.learn(id, &news, None).await?;
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
            payment = self.learn(id, &news, None).await?;
        }
        let reference = match (payment.funds, &payment.reference) {
            (Funds::Held, Some(reference)) => reference.clone(),
            (Funds::Taken, _) => return Ok(payment),
            _ => return held(payment, "the hold is not known"),
        };
        let news = match self.provider.take(&reference).await {
            Ok(news) => news,
            Err(Trouble::NotDone(reason)) => return Err(Refusal::Unavailable(reason)),
            Err(Trouble::Unclear(reason)) => self.ask(id, reason).await?,
        };
        let payment = self.learn(id, &news, None).await?;
        let payment = self.undo_if_barred(payment).await?;
        match payment.funds {
            Funds::Taken => Ok(payment),
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
                Some((payment, _)) if payment.barred => Ok(Change::default()),
                _ => Ok::<_, Refusal>(vec![cancel.clone()].into()),
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
            Ok(Some(news)) => self.learn(id, &news, None).await,
            _ => Ok(payment),
        }
    }

    /// Takes in news that the provider has sent by itself. A delivery that came before
    /// changes nothing.
    pub async fn receive(&self, delivery: &str, id: &str, news: &News) -> Result<(), Refusal> {
        self.records.load(id).await?.ok_or(Refusal::NotFound)?;
        let payment = self.learn(id, news, Some(delivery)).await?;
        self.undo_if_barred(payment).await?;
        Ok(())
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

    /// A stretch of the ledger in whole transactions, and where the rest begins.
    pub async fn transactions(
        &self,
        after: u64,
    ) -> Result<(Vec<Posting>, Option<u64>), StoreError> {
        self.records.transactions(after).await
    }

    /// What the provider knows after an answer was lost.
    async fn ask(&self, id: &str, reason: String) -> Result<News, Refusal> {
        match self.provider.ask(id).await {
            Ok(Some(news)) => Ok(news),
            // A request that is still on its way is not known there yet.
            Ok(None) | Err(_) => Err(Refusal::UnknownOutcome(reason)),
        }
    }

    async fn learn(
        &self,
        id: &str,
        news: &News,
        delivery: Option<&str>,
    ) -> Result<Payment, Refusal> {
        self.records
            .change(id, self.now_ms(), |known| {
                let (payment, record) = known.ok_or(Refusal::NotFound)?;
                Ok(taken_in(payment, record, news, delivery))
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
                    let after = self.learn(&id, &news, None).await?;
                    if after == payment {
                        return Err(Refusal::UnknownOutcome(said(&news)));
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
        match self.provider.undo(reference).await {
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
                Some((payment, _)) if payment.funds == Funds::Asked => {
                    Ok::<_, Refusal>(vec![Event::Voided].into())
                }
                _ => Ok(Change::default()),
            })
            .await
    }
}

fn taken_in(payment: &Payment, record: &Record, news: &News, delivery: Option<&str>) -> Change {
    let Some(delivery) = delivery else { return payment.learn(news).into() };
    if record.deliveries.iter().any(|known| known == delivery) {
        return Change::default();
    }
    let events = payment.learn(news);
    // News that changes nothing now changes nothing later either, so it need not be known
    // again: mostly the answer to the call has told it already.
    let delivery = (!events.is_empty()).then(|| delivery.to_owned());
    Change { events, delivery }
}

/// Whether a payment that exists may be authorised (again).
fn allows(
    payment: &Payment,
    order_id: &str,
    amount: &Money,
    method: &str,
) -> Result<Change, Refusal> {
    if payment.barred {
        return Err(Refusal::Conflict(payment.status()));
    }
    let terms = payment.terms.as_ref();
    let same = payment.order_id == order_id
        && terms.is_some_and(|terms| terms.amount == *amount && terms.method == method);
    match same {
        true => Ok(Change::default()),
        false => Err(Refusal::Invalid("this id came before with other terms".to_owned())),
    }
}

/// The answer for a payment that should be held, at least.
fn held(payment: Payment, provider_says: &str) -> Result<Payment, Refusal> {
    match payment.funds {
        _ if payment.barred => Err(Refusal::Conflict(payment.status())),
        Funds::Held | Funds::Taken => Ok(payment),
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

fn check(id: &str, order_id: &str, amount: &Money, method: &str) -> Result<(), Refusal> {
    check_text("id", id)?;
    check_text("order id", order_id)?;
    check_text("method", method)?;
    if amount.amount <= 0 || !money::is_currency(&amount.currency) {
        return Err(Refusal::Invalid("the amount must be positive, in a currency".to_owned()));
    }
    Ok(())
}

fn check_text(name: &str, text: &str) -> Result<(), Refusal> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || !visible {
        let rule = format!("the {name} must be 1 to {TEXT_BYTES_MAX} visible ASCII characters");
        return Err(Refusal::Invalid(rule));
    }
    Ok(())
}
