//! The order's value in the store, with the real fold and the real news.

use std::hash::{Hash, Hasher};

use chassis::money::Money;
use orders::domain::order::Undoing;
use orders::domain::saga::{self, Next};
use orders::domain::{Address, Event, Order, Placed, Recorded, Status, Step, published};

/// An order that a checker can tell from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fold(pub(crate) Order);

impl Hash for Fold {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Order { status, saga, parcels, version, .. } = &self.0;
        let undoing = match &saga.undoing {
            None => 0,
            Some(Undoing::Cancellation) => 1,
            Some(Undoing::Rejection(_)) => 2,
        };
        (status, version, parcels.len(), &saga.started, &saga.finished, undoing).hash(state);
        (&saga.undone, saga.attempts, saga.parked.is_some()).hash(state);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    pub(crate) order: Fold,
    /// Number and type of what is to be published.
    pub(crate) outbox: Vec<(u8, &'static str)>,
    pub(crate) numbered: u8,
    /// Whether the news of the parcel was admitted.
    pub(crate) heard: bool,
    pub(crate) fence: u8,
    /// How often the fate of the order was decided.
    pub(crate) ends: u8,
}

impl Value {
    /// A new order, as it is created.
    pub(crate) fn new() -> Self {
        let placed = Event::Placed(Box::new(placed()));
        let first = Recorded { sequence: 1, at_ms: 0, event: placed };
        let order = Order::fold(std::slice::from_ref(&first)).unwrap();
        let kind = published::kind(&first.event).unwrap();
        let (order, outbox) = (Fold(order), vec![(1, kind)]);
        let mut value = Self { order, outbox, numbered: 1, heard: false, fence: 0, ends: 0 };
        value.append(Event::StepStarted { step: Step::Reserve });
        value
    }

    pub(crate) fn append(&mut self, event: Event) {
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

    /// What must still be so when something is written that was decided on this value.
    pub(crate) fn version(&self) -> (u64, u8) {
        (self.order.0.version, self.fence)
    }

    pub(crate) fn status(&self) -> Status {
        self.order.0.status
    }
}

fn placed() -> Placed {
    let nothing = String::new;
    Placed {
        id: "ord_1".to_owned(),
        user_id: nothing(),
        items: Vec::new(),
        total: Money::new(1, "EUR"),
        shipping_address: Some(Address {
            name: nothing(),
            street: nothing(),
            city: nothing(),
            postal_code: nothing(),
            country: nothing(),
        }),
        payment_method: nothing(),
        cart_version: None,
    }
}
