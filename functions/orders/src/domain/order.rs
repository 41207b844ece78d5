//! The aggregate: an order as the fold of its events.

use std::collections::BTreeSet;

use chassis::money::Money;
use serde::{Deserialize, Serialize};

use super::event::{Event, Recorded, Step, Undo};
use super::saga;

/// Distinct products in one order.
pub const LINES_MAX: usize = 100;
/// Pieces of one product in one order.
pub const QUANTITY_MAX: u32 = 1_000;

/// One product of an order; name and price are frozen at the time of ordering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The stock-keeping unit.
    pub sku: String,
    /// What the product was called.
    pub name: String,
    /// Pieces, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// Of one piece.
    pub price: Money,
}

/// Where an order goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The addressee.
    pub name: String,
    /// Street and number.
    pub street: String,
    /// Town.
    pub city: String,
    /// As the country writes it; may hold letters.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
}

/// What the customer ordered; fixed for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// `ord_…`.
    pub id: String,
    /// Who ordered, `usr_…`.
    pub user_id: String,
    /// 1 to [`LINES_MAX`], each SKU once.
    pub items: Vec<Item>,
    /// The sum of price × quantity.
    pub total: Money,
    /// Where it goes.
    pub shipping_address: Address,
    /// A token of the payment provider, never a card number.
    pub payment_method: String,
    /// The version of the cart that was ordered; none if the items were given.
    pub cart_version: Option<u64>,
}

/// How far an order has come, as the public sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted and durable; stock and payment are not settled yet.
    Pending,
    /// Paid, stock sold, shipment created.
    Confirmed,
    /// A courier has it.
    Shipped,
    /// The customer has it.
    Delivered,
    /// Called off by the customer; money and stock are given back.
    Cancelled,
    /// Could not be fulfilled; no money was kept.
    Rejected,
}

impl Status {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }

    /// Whether nothing will follow.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled | Self::Rejected)
    }
}

/// Why an order was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// For programs: `out_of_stock`, `card_declined`, `insufficient_funds`, …
    pub code: String,
    /// For people.
    pub detail: String,
}

/// Why the saga goes backward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undoing {
    /// A step was refused or given up.
    Rejection(Rejection),
    /// The customer has called the order off.
    Cancellation,
}

/// How far the checkout has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saga {
    /// Steps that may have happened.
    pub started: BTreeSet<Step>,
    /// Steps that have happened, or that the order does without.
    pub finished: BTreeSet<Step>,
    /// Set while the saga goes backward.
    pub undoing: Option<Undoing>,
    /// Compensations that have happened.
    pub undone: BTreeSet<Undo>,
    /// Statuses of which the customer is still to be told, oldest first.
    pub unannounced: Vec<Status>,
    /// How often stock was reserved anew because a reservation ran out.
    pub generation: u32,
    /// Fruitless tries of the present move.
    pub attempts: u32,
    /// The next try comes no earlier, in milliseconds since the epoch.
    pub not_before_ms: u64,
}

/// An order as it is after some events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What was ordered.
    pub placed: Placed,
    /// How far it has come.
    pub status: Status,
    /// Set when it was rejected.
    pub rejection: Option<Rejection>,
    /// How far the checkout has come.
    pub saga: Saga,
    /// The sequence number of the last event.
    pub version: u64,
    /// When it was placed, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// When the status last changed, in milliseconds since the epoch.
    pub updated_at_ms: u64,
}

impl Order {
    /// The order that these events make; none if they don't begin with `Placed`.
    pub fn fold(events: &[Recorded]) -> Option<Self> {
        let (first, rest) = events.split_first()?;
        let Event::Placed(placed) = &first.event else { return None };
        let mut order = Self {
            placed: (**placed).clone(),
            status: Status::Pending,
            rejection: None,
            saga: Saga::default(),
            version: first.sequence,
            created_at_ms: first.at_ms,
            updated_at_ms: first.at_ms,
        };
        rest.iter().for_each(|recorded| order.apply(recorded));
        Some(order)
    }

    /// The order after one more event. Events were judged before they were recorded;
    /// applying one decides nothing and can't fail.
    pub fn apply(&mut self, recorded: &Recorded) {
        self.version = recorded.sequence;
        let before = self.status;
        match &recorded.event {
            Event::Placed(_) => {}
            Event::Confirmed => self.reach(Status::Confirmed),
            Event::Shipped => self.reach(Status::Shipped),
            Event::Delivered => self.status = Status::Delivered,
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

    /// Comes to a status that the customer is to hear of.
    fn reach(&mut self, status: Status) {
        self.status = status;
        self.saga.unannounced.push(status);
    }

    fn conclude(&mut self, status: Status) {
        self.reach(status);
        self.saga.undoing = None;
    }

    /// Whether a customer may still ask for the order to be called off. (Shipping has the
    /// last word: the parcel may be gone without our knowing.)
    pub fn can_be_cancelled(&self) -> bool {
        self.saga.undoing.is_none() && matches!(self.status, Status::Pending | Status::Confirmed)
    }

    /// The id of the payment: one for each order, so that no repetition charges twice.
    pub fn payment_id(&self) -> String {
        format!("pay_{}", self.suffix())
    }

    /// The id of the reservation that is in force.
    pub fn reservation_id(&self) -> String {
        match self.saga.generation {
            0 => format!("rsv_{}", self.suffix()),
            generation => format!("rsv_{}.{generation}", self.suffix()),
        }
    }

    fn suffix(&self) -> &str {
        self.placed.id.strip_prefix("ord_").unwrap_or(&self.placed.id)
    }
}

impl Saga {
    fn apply(&mut self, event: &Event, at_ms: u64) {
        if let Event::AttemptFailed { .. } = event {
            self.attempts = self.attempts.saturating_add(1);
            self.not_before_ms = at_ms.saturating_add(saga::backoff_ms(self.attempts));
            return;
        }
        self.attempts = 0;
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
            Event::Announced { status } | Event::Unannounced { status, .. } => {
                self.unannounced.retain(|waiting| waiting != status);
            }
            Event::CancelRequested => self.undoing = Some(Undoing::Cancellation),
            Event::CancelRefused { .. } => self.undoing = None,
            Event::Undone { undo } => drop(self.undone.insert(*undo)),
            _ => {}
        }
    }
}

/// Adds up the items. None if they have several currencies or the sum does not fit.
pub fn total(items: &[Item]) -> Option<Money> {
    let (first, rest) = items.split_first()?;
    let first = first.price.times(first.quantity).ok()?;
    let sum = rest.iter().try_fold(first, |sum, item| {
        let line = item.price.times(item.quantity)?;
        sum.plus(&line)
    });
    sum.ok()
}

/// Merges lines of the same SKU, keeping the order of first mention. The error is the
/// index of the line that takes its SKU over [`QUANTITY_MAX`].
pub fn merge(lines: &[(String, u32)]) -> Result<Vec<(String, u32)>, usize> {
    let mut merged: Vec<(String, u32)> = Vec::with_capacity(lines.len());
    for (index, (sku, quantity)) in lines.iter().enumerate() {
        match merged.iter_mut().find(|(known, _)| known == sku) {
            Some((_, sum)) => *sum = sum.saturating_add(*quantity),
            None => merged.push((sku.clone(), *quantity)),
        }
        if merged.iter().any(|(_, sum)| *sum > QUANTITY_MAX) {
            return Err(index);
        }
    }
    Ok(merged)
}
