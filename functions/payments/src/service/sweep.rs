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

use chassis::Clock;
use chassis::store::{Store, StoreError};
use chassis::worklist::{Outcome, Swept};
use serde::Serialize;

use super::{Payments, Refusal};
use crate::domain::{ChargeStatus, Payment};
use crate::ports::Provider;

/// How long a payment is watched, in milliseconds: longer than any request lives.
pub const WATCH_MS: u64 = 15 * 60 * 1_000;
/// The maximum number of payments that one sweep checks. Large, because payments come in bursts when
/// the provider was unavailable.
const SWEEP_COUNT_MAX: usize = 500;
/// A sweep checks no further payment after this time, in milliseconds.
const SWEEP_TIME_MAX_MS: u64 = 10_000;
/// The number of consecutive failures after which a sweep checks no further payment, because the
/// provider seems to be unavailable.
const FAILURES_MAX: u32 = 5;

/// The result of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// The watched payments.
    #[serde(flatten)]
    pub payments: Swept,
    /// New lines of the provider's statement.
    pub stated: u32,
}

impl<S: Store, P: Provider, C: Clock> Payments<S, P, C> {
    /// Checks watched payments at the provider, undoes late charges, and imports new lines of the
    /// provider's statement. A failure of one does not stop the other.
    ///
    /// # Errors
    /// The watched payments can't be read or written.
    pub async fn sweep(&self) -> Result<SweepReport, StoreError> {
        let payments = self.check_watched().await;
        let stated = match self.import_statement().await {
            Ok(imported) => imported.lines,
            Err(refusal) => {
                eprintln!("payments: the statement can't be read: {refusal:?}");
                0
            }
        };
        payments.map(|payments| SweepReport { payments, stated })
    }

    async fn check_watched(&self) -> Result<Swept, StoreError> {
        let (watched, began_ms) = (self.records.watched(), self.now_ms());
        let (mut swept, mut round, mut failures) = (Swept::default(), watched.round(began_ms), 0);
        while let Some(shard) = round.next().await {
            let mut finished = Vec::new();
            for group in shard.groups {
                let now_ms = self.now_ms();
                if swept.looked_at >= SWEEP_COUNT_MAX
                    || now_ms.saturating_sub(began_ms) > SWEEP_TIME_MAX_MS
                    || failures >= FAILURES_MAX
                {
                    swept.left += 1;
                    continue;
                }
                let has_expired = !group.older(WATCH_MS, now_ms).is_empty();
                let checked = self.check_at_provider(&group.subject, has_expired).await;
                failures = if checked.is_ok() { 0 } else { failures + 1 };
                if swept.count(&group.subject, checked) == Outcome::Finished {
                    finished.extend(group.entries);
                }
            }
            round.note(watched.forget(shard.number, &finished).await);
        }
        round.end().map(|()| swept)
    }

    /// Finished if the charge is settled, and undone if necessary, or if it does not exist and its
    /// watch has expired.
    async fn check_at_provider(&self, id: &str, has_expired: bool) -> Result<Outcome, Refusal> {
        let finished_if = |is_finished| match is_finished {
            true => Ok(Outcome::Finished),
            false => Ok(Outcome::Left),
        };
        let Some((payment, _)) = self.records.load(id).await? else {
            return finished_if(has_expired);
        };
        if payment.reference.is_some() && !is_open(&payment) {
            return finished_if(true);
        }
        let found = self.provider.find(id).await;
        let found = found.map_err(|error| Refusal::UnknownOutcome(format!("{error:?}")))?;
        let Some(report) = found else { return finished_if(has_expired) };
        let payment = self.record(id, &report).await?;
        if payment.reference.is_none() {
            return finished_if(matches!(report.status, ChargeStatus::Declined(_)));
        }
        let payment = self.undo_if_barred(payment).await?;
        finished_if(!is_open(&payment))
    }
}

/// Whether the provider has money to refund, or has made unknown movements.
fn is_open(payment: &Payment) -> bool {
    payment.must_be_undone() || payment.is_behind_statement()
}
