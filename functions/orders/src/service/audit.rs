//! What is recorded of all orders, for comparison with other functions.

use chassis::clock::Timer;
use chassis::register::Stretch;
use chassis::store::{Store, StoreError};

use super::Orders;
use crate::domain::{Event, Order, Recorded, Status, Step, saga};
use crate::ports::Participants;
use crate::records::Loaded;

/// One order, as it is recorded.
#[derive(Clone, Debug)]
pub struct AuditedOrder {
    /// Its id.
    pub id: String,
    /// The order and its value; `None` if the value is unreadable.
    pub loaded: Option<Loaded>,
    /// Whether nothing is left to do, except to deliver it to the customer.
    pub settled: bool,
    /// What is wrong with the record; empty if it is consistent.
    pub faults: Vec<String>,
}

impl<S: Store, P: Participants, T: Timer> Orders<S, P, T> {
    /// At most `limit` orders, in the order of their creation, after the number `after` in the
    /// register (0: from the beginning).
    pub async fn audit(&self, after: u64, limit: u32) -> Result<Stretch<AuditedOrder>, StoreError> {
        let register = self.records.register();
        register.stretch(after, limit, |number, id| self.audit_order(number, id)).await
    }

    async fn audit_order(
        &self,
        number: u64,
        id: String,
    ) -> Result<Option<AuditedOrder>, StoreError> {
        let loaded = match self.records.load(&id).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return Ok(None),
            Err(StoreError::Corrupt { reason, .. }) => {
                let faults = vec![format!("unreadable: {reason}")];
                return Ok(Some(AuditedOrder { id, loaded: None, settled: false, faults }));
            }
            Err(error) => return Err(error),
        };
        if loaded.record.register_number != number {
            return Ok(None);
        }
        let settled = loaded.is_settled(self.clock.now_ms());
        let faults = faults(&loaded);
        Ok(Some(AuditedOrder { id, loaded: Some(loaded), settled, faults }))
    }
}

/// What is wrong with a readable order.
fn faults(loaded: &Loaded) -> Vec<String> {
    let history = match loaded.history() {
        Ok(history) => history,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = inconsistencies(&loaded.order, &history);
    if Order::fold(&history).as_ref() != Some(&loaded.order) {
        faults.push("the snapshot does not match the events".to_owned());
    }
    if loaded.record.outbox.last_sequence() < loaded.record.outbox.len() as u64 {
        faults.push("the outbox has more events than were numbered".to_owned());
    }
    faults
}

/// Contradictions within the order: it has one end, and without delivery, all its steps are undone.
fn inconsistencies(order: &Order, history: &[Recorded]) -> Vec<String> {
    let mut faults = Vec::new();
    let ends = |recorded: &&Recorded| {
        matches!(
            recorded.event,
            Event::Rejected { .. } | Event::Cancelled | Event::Delivered | Event::Returned
        )
    };
    if history.iter().filter(ends).count() > 1 {
        faults.push("it has more than one end".to_owned());
    }
    if order.status == Status::Returned && order.refunded().as_ref() != Some(&order.placed.total) {
        faults.push("it was returned, but not fully refunded".to_owned());
    }
    match order.status {
        Status::Pending => {}
        Status::Confirmed | Status::Shipped | Status::Delivered | Status::Returned => {
            let steps = [Step::Reserve, Step::Authorize, Step::Capture, Step::Commit, Step::Ship];
            let missing = steps.into_iter().filter(|step| !order.saga.finished.contains(step));
            faults.extend(missing.map(|step| format!("confirmed without the step {step:?}")));
        }
        Status::Rejected | Status::Cancelled => {
            faults.extend(saga::pending_undos(order).map(|undo| format!("ended without {undo:?}")));
        }
    }
    faults
}
