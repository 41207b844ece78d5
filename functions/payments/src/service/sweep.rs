//! Watching for late charges of canceled payments, and importing the statement.
//!
//! A request for a hold can take longer than its caller waits. If its payment is canceled in the
//! meantime, the provider does not know the charge yet (or has not decided), so there is nothing to
//! undo; later, money is held for a canceled payment. The provider sends a webhook, but this may
//! fail. So such payments are watched, and the provider is asked again until no request can be
//! pending.
//!
//! What is still undecided at the provider then (an undecided charge, an unknown state, or a
//! movement that is only in the statement) stays watched until it is settled.

use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{Payments, Refusal};
use crate::domain::{Payment, Standing};
use crate::ports::Provider;

/// How long a payment is watched, in milliseconds: longer than any request lives.
pub const WATCH_MS: u64 = 15 * 60 * 1_000;
/// The maximum number of payments that one sweep asks for. Large, because payments come in bursts
/// when the provider was unavailable.
const SWEEP_COUNT_MAX: usize = 500;
/// A sweep asks for no further payment after this time, in milliseconds.
const SWEEP_TIME_MAX_MS: u64 = 10_000;
/// The number of consecutive failures after which a sweep stops, because the provider seems to be
/// unavailable. The next sweep continues.
const FAILURES_MAX: u32 = 5;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Payments that it asked for.
    pub watched: u32,
    /// Of those, payments that are settled.
    pub settled: u32,
    /// New lines of the provider's statement.
    pub stated: u32,
}

/// The state of a watched payment at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// The charge is settled, and undone if necessary.
    Settled,
    /// The charge is undecided.
    Open,
    /// The provider does not know the payment.
    Absent,
}

impl<S: Store, P: Provider> Payments<S, P> {
    /// Asks the provider about watched payments, undoes late charges, and imports new lines of the
    /// provider's statement. A failure of one does not stop the other.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let looked = self.look_at_watched(&mut swept).await;
        match self.pull().await {
            Ok(pulled) => swept.stated = pulled.lines,
            Err(refusal) => eprintln!("payments: the statement can't be read: {refusal:?}"),
        }
        looked.map(|()| swept)
    }

    async fn look_at_watched(&self, swept: &mut Swept) -> Result<(), StoreError> {
        let mut watched: Vec<_> = self.records.watched().await?.into_iter().collect();
        watched.sort_by_key(|(_, since_ms)| *since_ms);
        let end_ms = self.now_ms().saturating_add(SWEEP_TIME_MAX_MS);
        let (mut over, mut open, mut failures) = (Vec::new(), Vec::new(), 0);
        for (id, since_ms) in watched.into_iter().take(SWEEP_COUNT_MAX) {
            let now_ms = self.now_ms();
            if now_ms > end_ms || failures >= FAILURES_MAX {
                break;
            }
            swept.watched += 1;
            let has_expired = since_ms.saturating_add(WATCH_MS) <= now_ms;
            let look = self.look(&id).await;
            failures = if look.is_ok() { 0 } else { failures + 1 };
            match look {
                Ok(Look::Settled) => {
                    swept.settled += 1;
                    over.push(id);
                }
                Ok(Look::Absent) if has_expired => over.push(id),
                Ok(Look::Absent) => {}
                Ok(Look::Open) | Err(_) => {
                    if let Err(refusal) = look {
                        eprintln!("payments: {id} is still watched: {refusal:?}");
                    }
                    // After those that were not checked yet.
                    open.extend(has_expired.then_some(id));
                }
            }
        }
        self.records.unwatch(&over).await?;
        self.records.watch_longer(&open, self.now_ms()).await
    }

    async fn look(&self, id: &str) -> Result<Look, Refusal> {
        let Some((payment, _)) = self.records.load(id).await? else { return Ok(Look::Absent) };
        if payment.reference.is_some() && !is_open(&payment) {
            return Ok(Look::Settled);
        }
        let asked = self.provider.ask(id).await;
        let asked = asked.map_err(|trouble| Refusal::UnknownOutcome(format!("{trouble:?}")))?;
        let Some(news) = asked else { return Ok(Look::Absent) };
        let payment = self.learn(id, &news).await?;
        if payment.reference.is_none() {
            let is_refused = matches!(news.standing, Standing::Declined(_));
            return Ok(if is_refused { Look::Settled } else { Look::Open });
        }
        let payment = self.undo_if_barred(payment).await?;
        Ok(if is_open(&payment) { Look::Open } else { Look::Settled })
    }
}

/// Whether the provider has money to refund, or has made unknown movements.
fn is_open(payment: &Payment) -> bool {
    payment.must_be_undone() || payment.is_behind_statement()
}
