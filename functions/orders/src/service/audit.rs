//! What is recorded of all orders, for checks across functions.

use chassis::register::Stretch;
use chassis::store::{Store, StoreError};

use super::Orders;
use crate::domain::{Event, Order, Recorded, Status, Step, saga};
use crate::ports::{Clock, Participants};
use crate::records::Loaded;

/// One order, as it is recorded.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Its id.
    pub id: String,
    /// The order and its value; none if the value can't be read.
    pub loaded: Option<Loaded>,
    /// Nothing is left to be done but to carry it to the customer.
    pub settled: bool,
    /// What is wrong with the record itself; empty if it is sound.
    pub faults: Vec<String>,
}

impl<S: Store, P: Participants, C: Clock> Orders<S, P, C> {
    /// All orders in the order of their creation, those after the place `after` in the
    /// register (0: from the beginning), at most `limit`.
    pub async fn audit(&self, after: u64, limit: u32) -> Result<Stretch<Audited>, StoreError> {
        self.records.register().stretch(after, limit, |place, id| self.audited(place, id)).await
    }

    async fn audited(&self, place: u64, id: String) -> Result<Option<Audited>, StoreError> {
        let loaded = match self.records.load(&id).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return Ok(None),
            Err(StoreError::Corrupt { reason, .. }) => {
                let faults = vec![format!("unreadable: {reason}")];
                return Ok(Some(Audited { id, loaded: None, settled: false, faults }));
            }
            Err(error) => return Err(error),
        };
        if loaded.record.place != place {
            return Ok(None);
        }
        let settled = loaded.is_settled(self.clock.now_ms());
        let faults = faults(&loaded);
        Ok(Some(Audited { id, loaded: Some(loaded), settled, faults }))
    }
}

/// What is wrong with an order that can be read.
fn faults(loaded: &Loaded) -> Vec<String> {
    let history = match loaded.history() {
        Ok(history) => history,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = inconsistencies(&loaded.order, &history);
    if Order::fold(&history).as_ref() != Some(&loaded.order) {
        faults.push("the snapshot differs from what the events make".to_owned());
    }
    if loaded.record.outbox.last_sequence() < loaded.record.outbox.len() as u64 {
        faults.push("more events wait than were ever numbered".to_owned());
    }
    faults
}

/// Where the order contradicts itself: its fate is decided once, and whoever did not get it
/// has got everything back.
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
    let done = |step| order.saga.finished.contains(&step);
    if order.status == Status::Returned && order.refunded().as_ref() != Some(&order.placed.total) {
        faults.push("it was returned, but not fully refunded".to_owned());
    }
    match order.status {
        Status::Pending => {}
        Status::Confirmed | Status::Shipped | Status::Delivered | Status::Returned => {
            let steps = [Step::Reserve, Step::Authorize, Step::Capture, Step::Commit, Step::Ship];
            let missing = steps.into_iter().filter(|step| !done(*step));
            faults.extend(missing.map(|step| format!("confirmed without the step {step:?}")));
        }
        Status::Rejected | Status::Cancelled => {
            faults.extend(saga::pending_undos(order).map(|undo| format!("ended without {undo:?}")));
        }
    }
    faults
}
