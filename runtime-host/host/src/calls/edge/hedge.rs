//! Hedging: if the answer to a read is late, it is asked for a second time, and the first answer
//! counts. It shortens the rare long waits, and not the usual ones.

use super::{Answer, Attempt, Attempted, Edge};
use crate::calls::Call;
use futures::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use tessera_resilience::breaker::State;

impl Edge {
    /// The delay before a second attempt, for a call that may be made twice.
    pub(super) fn hedge_delay(&self, is_read: bool) -> Option<Duration> {
        self.policy.hedge.filter(|_| is_read).map(|hedge| hedge.delay)
    }

    /// Makes a call, and once more if it has no answer after this time. Returns the attempts, too.
    pub(super) async fn hedged<A: Answer, F: Future<Output = A>>(
        &self,
        call: &Call,
        delay: Duration,
        attempt: &impl Fn(Attempt) -> F,
    ) -> (Attempted<A>, u32) {
        let mut first = pin!(self.attempt(call, 1, attempt));
        tokio::select! {
            biased;
            answered = &mut first => return (answered, 1),
            () = tokio::time::sleep(delay) => {}
        }
        if !self.may_hedge(call) {
            return (first.await, 1);
        }
        self.counts.hedges.inc();
        let second = pin!(self.attempt(call, 2, attempt));
        // The one that is dropped is canceled.
        let (answered, other) = match select(first, second).await {
            Either::Left((answered, other)) => (answered, other),
            Either::Right((answered, other)) => {
                if answered.is_final() {
                    self.counts.hedges_won.inc();
                }
                (answered, other)
            }
        };
        if answered.is_final() {
            return (answered, 2);
        }
        let last = other.await;
        (if last.was_made { last } else { answered }, 2)
    }

    /// Whether there is time and room for a second attempt. A callee that fails gets none.
    fn may_hedge(&self, call: &Call) -> bool {
        let remaining = call.deadline.map_or(Duration::MAX, |deadline| deadline.remaining());
        let is_closed =
            self.breaker_state().is_none_or(|it| [State::Closed, State::Disabled].contains(&it));
        if !is_closed || remaining <= self.usual() {
            return false;
        }
        let allowed = self.may_retry();
        if !allowed {
            self.counts.retries_over_budget.inc();
        }
        allowed
    }
}
