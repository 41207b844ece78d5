//! Watching for charges that turn up after they were given up, and reading the statement.
//!
//! A request for a hold can be under way for longer than anybody waits for it. When its
//! payment is cancelled meanwhile, the provider knows nothing of it yet, so there is nothing
//! to undo; when it arrives, money is held for a payment that is over. The provider tells by
//! webhook, but may fail to. So such payments are watched, and the provider is asked again
//! until no request can be under way any more.

use chassis::store::{Store, StoreError};
use serde::Serialize;

use super::{Payments, Refusal};
use crate::ports::Provider;

/// How long a payment is watched, in milliseconds: longer than any request lives.
pub const WATCH_MS: u64 = 15 * 60 * 1_000;
/// Payments that one sweep asks for.
const SWEEP_MAX: usize = 100;

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Payments that it asked for.
    pub watched: u32,
    /// Of those, payments whose charge had turned up and was undone.
    pub undone: u32,
    /// Lines of the provider's statement that are new in the ledger.
    pub stated: u32,
}

impl<S: Store, P: Provider> Payments<S, P> {
    /// Asks the provider for watched payments, undoes what has turned up, and takes in what is new
    /// in the provider's statement.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let (mut swept, mut over) = (Swept::default(), Vec::new());
        let mut watched: Vec<_> = self.records.watched().await?.into_iter().collect();
        watched.sort_by_key(|(_, since_ms)| *since_ms);
        for (id, since_ms) in watched.into_iter().take(SWEEP_MAX) {
            swept.watched += 1;
            let has_expired = since_ms.saturating_add(WATCH_MS) <= self.now_ms();
            match self.look(&id).await {
                Ok(true) => {
                    swept.undone += 1;
                    over.push(id);
                }
                Ok(false) if has_expired => over.push(id),
                Ok(false) => {}
                Err(refusal) => eprintln!("payments: {id} is still watched: {refusal:?}"),
            }
        }
        self.records.unwatch(&over).await?;
        match self.pull().await {
            Ok(pulled) => swept.stated = pulled.lines,
            Err(refusal) => eprintln!("payments: the statement can't be read: {refusal:?}"),
        }
        Ok(swept)
    }

    /// Whether the charge of a payment is known by now, and undone if it is to be.
    async fn look(&self, id: &str) -> Result<bool, Refusal> {
        let Some((payment, _)) = self.records.load(id).await? else { return Ok(false) };
        if payment.reference.is_some() {
            self.undo_if_barred(payment).await?;
            return Ok(true);
        }
        let asked = self.provider.ask(id).await;
        let asked = asked.map_err(|trouble| Refusal::UnknownOutcome(format!("{trouble:?}")))?;
        let Some(news) = asked else { return Ok(false) };
        let payment = self.learn(id, &news).await?;
        self.undo_if_barred(payment.clone()).await?;
        Ok(payment.reference.is_some())
    }
}
