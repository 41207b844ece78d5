//! The circuit breaker of an edge: which calls it admits, and who decides.

use super::Edge;
use crate::telemetry::random;
use tessera_resilience::breaker::{Mode, Outcome, Rejected, State, Ticket};

/// A call that the breaker has admitted. Unless its result is recorded, nothing is known.
pub(super) struct Admitted<'a> {
    edge: &'a Edge,
    ticket: Option<Ticket>,
}

impl Edge {
    pub(super) fn admit(&self) -> Result<Admitted<'_>, Rejected> {
        let ticket = match &self.breaker {
            Some(breaker) => Some(breaker.lock().admit(self.now())?),
            None => None,
        };
        Ok(Admitted { edge: self, ticket })
    }

    /// The state of the breaker, if there is one.
    pub(super) fn breaker_state(&self) -> Option<State> {
        self.breaker.as_ref().map(|breaker| breaker.lock().state())
    }

    /// Changes who decides about the breaker. False if there is none.
    pub(super) fn set_mode(&self, mode: Mode) -> bool {
        let Some(breaker) = &self.breaker else { return false };
        breaker.lock().set_mode(mode, self.now());
        true
    }

    /// Whether an operator decides about the breaker.
    pub(crate) fn is_forced(&self) -> bool {
        matches!(self.breaker_state(), Some(State::ForcedOpen | State::Disabled))
    }

    fn record(&self, ticket: Ticket, outcome: Outcome) {
        let Some(breaker) = &self.breaker else { return };
        // A component that limits one client has answered, and serves the others.
        let is_of_one = self.is_inbound && outcome == Outcome::Limited;
        let outcome = if is_of_one { Outcome::Success } else { outcome };
        let (before, after) = {
            let mut breaker = breaker.lock();
            let before = breaker.state();
            breaker.record(ticket, outcome, self.now(), random());
            (before, breaker.state())
        };
        let (caller, callee) = (&self.caller, &self.callee);
        match (before, after) {
            (before, after) if before == after => {}
            (_, State::Open) => tracing::warn!(
                %caller, %callee, "the circuit breaker opens: too many calls failed"
            ),
            _ => tracing::info!(%caller, %callee, "the circuit breaker closes: calls succeed"),
        }
    }
}

impl Admitted<'_> {
    pub(super) fn record(mut self, outcome: Outcome) {
        self.edge.counts.attempt(outcome);
        if let Some(ticket) = self.ticket.take() {
            self.edge.record(ticket, outcome);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.edge.record(ticket, Outcome::Ignored);
        }
    }
}
