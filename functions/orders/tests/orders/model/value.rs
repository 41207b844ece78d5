//! The order's value in the store, with the real fold and the real published events.

use std::hash::{Hash, Hasher};

use crate::simulation::placed;
use orders::domain::order::Undoing;
use orders::domain::saga::{self, Next};
use orders::domain::{Event, Order, Recorded, Step, published};

/// An order with a hash of all that differs between the states of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fold(pub(crate) Order);

impl Hash for Fold {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Order { status, saga, parcels, version, .. } = &self.0;
        let undoing = saga.undoing.as_ref().map(|it| matches!(it, Undoing::Cancellation));
        (status, version, parcels.len(), &saga.started, &saga.finished, undoing).hash(state);
        (&saga.undone, saga.generation, saga.attempts, saga.parked.is_some()).hash(state);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    pub(crate) order: Fold,
    /// The numbers and types of the events to publish.
    pub(crate) outbox: Vec<(u8, &'static str)>,
    pub(crate) numbered: u8,
    /// Whether the event about the parcel was processed.
    pub(crate) processed: bool,
    pub(crate) fence: u8,
    /// How often the result of the order was decided.
    pub(crate) ends: u8,
}

impl Value {
    /// A new order with its first step started.
    pub(crate) fn new() -> Self {
        let placed = placed("ord_1");
        let kind = published::kind(&Event::Placed(Box::new(placed.clone()))).unwrap();
        let (order, outbox) = (Fold(Order::new(placed, 0)), vec![(1, kind)]);
        let mut value = Self { order, outbox, numbered: 1, processed: false, fence: 0, ends: 0 };
        value.push(Event::StepStarted { step: Step::Reserve });
        value
    }

    pub(crate) fn push(&mut self, event: Event) {
        let order = &mut self.order.0;
        let recorded = Recorded { sequence: order.version + 1, at_ms: 0, event };
        order.apply(&recorded);
        self.ends += u8::from(matches!(recorded.event, Event::Rejected { .. } | Event::Cancelled));
        if let Some(kind) = published::kind(&recorded.event) {
            self.numbered += 1;
            self.outbox.push((self.numbered, kind));
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.outbox.is_empty() && saga::next(&self.order.0, 0) == Next::Settled
    }

    /// What must not have changed when a decision about this value is written.
    pub(crate) fn version(&self) -> (u64, u8) {
        (self.order.0.version, self.fence)
    }
}
