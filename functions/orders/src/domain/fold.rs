//! The fold of events to an order.
//!
//! Events were validated before they were recorded. Applying one makes no decisions and can't fail,
//! so a history always has the same result.

use super::event::{Event, Recorded, Step};
use super::order::{Order, Rejection, Saga, Status, Undoing};
use super::placed::Placed;
use super::saga;

impl Order {
    /// The order after its first event.
    pub fn new(placed: Placed, at_ms: u64) -> Self {
        Self {
            placed,
            status: Status::Pending,
            rejection: None,
            saga: Saga::default(),
            parcels: Vec::new(),
            version: 1,
            created_at_ms: at_ms,
            updated_at_ms: at_ms,
        }
    }

    /// The order after these events; `None` if the first one is not `Placed`.
    pub fn fold(events: &[Recorded]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let Event::Placed(placed) = &first.event else { return None };
        Some(Self::new((**placed).clone(), first.at_ms).after(rest))
    }

    /// The order after more events.
    #[must_use]
    pub fn after(mut self, events: &[Recorded]) -> Self {
        events.iter().for_each(|recorded| self.apply(recorded));
        self
    }

    /// Applies one more event.
    pub fn apply(&mut self, recorded: &Recorded) {
        self.version = recorded.sequence;
        let before = self.status;
        match &recorded.event {
            Event::Placed(_) => {}
            Event::Confirmed => self.status = Status::Confirmed,
            Event::Shipped => self.status = Status::Shipped,
            Event::Delivered => self.status = Status::Delivered,
            Event::Returned => self.status = Status::Returned,
            Event::ParcelsMoved { parcels } => self.parcels.clone_from(parcels),
            Event::Cancelled => self.end_undoing(Status::Cancelled),
            Event::Rejected { code, detail } => {
                self.rejection = Some(Rejection { code: code.clone(), detail: detail.clone() });
                self.end_undoing(Status::Rejected);
            }
            event => self.saga.apply(event, recorded.at_ms),
        }
        if self.status != before {
            self.updated_at_ms = recorded.at_ms;
        }
    }

    fn end_undoing(&mut self, status: Status) {
        self.status = status;
        self.saga.undoing = None;
    }
}

impl Saga {
    fn apply(&mut self, event: &Event, at_ms: u64) {
        if let Event::AttemptFailed { detail, .. } = event {
            return self.record_failure(detail, at_ms);
        }
        self.attempts = 0;
        self.failing_since_ms = None;
        self.failure = None;
        self.not_before_ms = 0;
        match event {
            Event::StepStarted { step } => drop(self.started.insert(*step)),
            Event::StepDone { step } | Event::StepSkipped { step, .. } => {
                self.finished.insert(*step);
            }
            Event::StepRefused { code, detail, .. } => {
                let rejection = Rejection { code: code.clone(), detail: detail.clone() };
                self.undoing = Some(Undoing::Rejection(rejection));
            }
            Event::ReservationLost => {
                self.generation += 1;
                for step in [Step::Reserve, Step::Commit] {
                    self.started.remove(&step);
                    self.finished.remove(&step);
                }
            }
            Event::Parked { reason, .. } => {
                self.parked = Some(reason.clone());
                self.parked_since_ms = Some(at_ms);
            }
            Event::Resumed { .. } => self.unpark(),
            Event::CancelRequested => {
                self.undoing = Some(Undoing::Cancellation);
                self.unpark();
            }
            Event::CancelRefused { .. } => self.undoing = None,
            Event::RejectionWithdrawn { .. } => {
                self.undoing = None;
                self.finished.insert(Step::Ship);
            }
            Event::Undone { undo } => drop(self.undone.insert(*undo)),
            Event::ParcelRefunded { parcel, amount } => {
                self.refunds.insert(parcel.clone(), amount.amount);
            }
            Event::ParcelRestocked { parcel } => drop(self.restocked.insert(parcel.clone())),
            Event::PartlyReturned => self.return_announced = true,
            _ => {}
        }
    }

    fn unpark(&mut self) {
        self.parked = None;
        self.parked_since_ms = None;
    }

    fn record_failure(&mut self, detail: &str, at_ms: u64) {
        self.attempts = self.attempts.saturating_add(1);
        self.failing_since_ms.get_or_insert(at_ms);
        self.failure = Some(detail.to_owned());
        self.not_before_ms = at_ms.saturating_add(saga::backoff_ms(self.attempts));
    }
}
