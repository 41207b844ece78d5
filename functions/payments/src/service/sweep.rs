//! Watching for charges that turn up after they were given up, and reading the statement.
//!
//! A request for a hold can be under way for longer than anybody waits for it. When its
//! payment is cancelled meanwhile, the provider knows nothing of it yet (or has not decided), so
//! there is nothing to undo; later, money is held for a payment that is over. The provider tells
//! by webhook, but may fail to. So such payments are watched, and the provider is asked again
//! until no request can be under way any more.
//!
//! What is still open at the provider then (a charge that is not decided, a state that this
//! version does not know, a movement that only the statement tells of) stays watched until it is
//! known.

use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{Payments, Refusal};
use crate::domain::{Payment, Standing};
use crate::ports::Provider;

/// How long a payment is watched, in milliseconds: longer than any request lives.
pub const WATCH_MS: u64 = 15 * 60 * 1_000;
/// Payments that one sweep asks for.
const SWEEP_MAX: usize = 100;
/// Payments that a sweep fails with before it leaves the others to the next: it seems that the
/// provider does not answer.
const FAILURES_MAX: u32 = 5;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Payments that it asked for.
    pub watched: u32,
    /// Of those, payments about which nothing is open any more.
    pub settled: u32,
    /// Lines of the provider's statement that are new in the ledger.
    pub stated: u32,
}

/// What the provider knows of a watched payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// Its charge, which is undone if it is to be; nothing is open.
    Settled,
    /// A charge about which something is open.
    Open,
    /// Nothing.
    Absent,
}

impl<S: Store, P: Provider> Payments<S, P> {
    /// Asks the provider for watched payments, undoes what has turned up, and takes in what is new
    /// in the provider's statement. Neither keeps the other from being done.
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
        let (mut over, mut open, mut failures) = (Vec::new(), Vec::new(), 0);
        for (id, since_ms) in watched.into_iter().take(SWEEP_MAX) {
            swept.watched += 1;
            let has_expired = since_ms.saturating_add(WATCH_MS) <= self.now_ms();
            let look = self.look(&id).await;
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
                        failures += 1;
                    }
                    // Behind those that were not asked for yet.
                    open.extend(has_expired.then_some(id));
                }
            }
            if failures >= FAILURES_MAX {
                break;
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

/// Whether the provider has money that is to go back, or has moved some that we do not know of.
fn is_open(payment: &Payment) -> bool {
    payment.must_be_undone() || payment.is_behind_statement()
}
