//! From events to the order.
//!
//! Events were judged before they were recorded: applying one decides nothing, asks nobody
//! and can't fail, so that a history reads the same for ever.

use super::event::{Event, Recorded, Step};
use super::order::{Order, Rejection, Saga, Status, Undoing};
use super::saga;

impl Order {
    /// The order that these events make; none if they don't begin with `Placed`.
    pub fn fold(events: &[Recorded]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let Event::Placed(placed) = &first.event else { return None };
        let order = Self {
            placed: (**placed).clone(),
            status: Status::Pending,
            rejection: None,
            saga: Saga::default(),
            parcels: Vec::new(),
            version: first.sequence,
            created_at_ms: first.at_ms,
            updated_at_ms: first.at_ms,
        };
        Some(order.after(rest))
    }

    /// The order after some more events.
    #[must_use]
    pub fn after(mut self, events: &[Recorded]) -> Self {
        events.iter().for_each(|recorded| self.apply(recorded));
        self
    }

    /// The order after one more event.
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
            Event::Cancelled => self.conclude(Status::Cancelled),
            Event::Rejected { code, detail } => {
                self.rejection = Some(Rejection { code: code.clone(), detail: detail.clone() });
                self.conclude(Status::Rejected);
            }
            event => self.saga.apply(event, recorded.at_ms),
        }
        if self.status != before {
            self.updated_at_ms = recorded.at_ms;
        }
    }

    fn conclude(&mut self, status: Status) {
        self.status = status;
        self.saga.undoing = None;
    }
}

impl Saga {
    fn apply(&mut self, event: &Event, at_ms: u64) {
        if let Event::AttemptFailed { detail, .. } = event {
            return self.stumble(detail, at_ms);
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
            Event::Resumed { .. } => self.go_on(),
            Event::CancelRequested => {
                self.undoing = Some(Undoing::Cancellation);
                self.go_on();
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
            Event::PartlyReturned => self.told_of_return = true,
            _ => {}
        }
    }

    fn go_on(&mut self) {
        self.parked = None;
        self.parked_since_ms = None;
    }

    fn stumble(&mut self, detail: &str, at_ms: u64) {
        self.attempts = self.attempts.saturating_add(1);
        self.failing_since_ms.get_or_insert(at_ms);
        self.failure = Some(detail.to_owned());
        self.not_before_ms = at_ms.saturating_add(saga::backoff_ms(self.attempts));
    }
}
