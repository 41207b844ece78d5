//! The books, with a distinction between violations and work in progress.
//!
//! The orders are read twice, before and after everything else. An order that is the same both
//! times, with no step and no event left, is *at rest*: its entries in the other books did not
//! change while they were read, so all rules must hold for it. Other orders are only reported if
//! they have been in progress for too long.

use super::books::{Books, Order, Payment, Projected, Shipping};
use super::log::{ORDERS_SOURCE, Stream};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The default of how long work may be in progress before it is reported, in milliseconds.
pub const IN_FLIGHT_MS_DEFAULT: u64 = 10 * 60 * 1_000;
/// The maximum of the same: a week.
pub const IN_FLIGHT_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;

/// What to check, and how strictly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// When the reading began, in milliseconds since the epoch.
    pub checked_at_ms: u64,
    /// No work should be in progress, so that anything unfinished is a violation.
    pub quiescent: bool,
    /// How long work may be in progress, in milliseconds.
    pub in_flight_ms: u64,
}

impl Question {
    /// Whether work that began at this time, in milliseconds since the epoch, must be finished.
    pub fn is_due(&self, since_ms: u64) -> bool {
        self.quiescent || since_ms.saturating_add(self.in_flight_ms) <= self.checked_at_ms
    }
}

/// Books, indexed.
pub(super) struct View<'a> {
    pub(super) books: &'a Books,
    pub(super) question: &'a Question,
    /// All orders by id.
    pub(super) orders: BTreeMap<&'a str, &'a Order>,
    /// Ids of those that are the same in both readings.
    pub(super) steady: BTreeSet<&'a str>,
    payments: BTreeMap<&'a str, Vec<&'a Payment>>,
    shipping: BTreeMap<&'a str, Vec<&'a Shipping>>,
    projection: BTreeMap<&'a str, &'a Projected>,
}

impl<'a> View<'a> {
    pub(super) fn of(books: &'a Books, question: &'a Question) -> View<'a> {
        let orders: BTreeMap<_, _> = books.orders.iter().map(|it| (it.id.as_str(), it)).collect();
        let before: BTreeMap<_, _> = books.orders_before.iter().map(|it| (&it.id, it)).collect();
        let is_steady = |order: &&Order| before.get(&order.id) == Some(order);
        let steady = books.orders.iter().filter(is_steady).map(|it| it.id.as_str()).collect();
        let mut payments = BTreeMap::<_, Vec<_>>::new();
        for payment in &books.payments {
            payments.entry(payment.order_id.as_str()).or_default().push(payment);
        }
        let mut shipping = BTreeMap::<_, Vec<_>>::new();
        for entry in &books.shipping {
            shipping.entry(entry.order_id.as_str()).or_default().push(entry);
        }
        let projection = books.projection.iter().map(|it| (it.order_id.as_str(), it)).collect();
        View { books, question, orders, steady, payments, shipping, projection }
    }

    /// Orders for which all rules hold now.
    pub(super) fn at_rest(&self) -> impl Iterator<Item = &'a Order> {
        self.books.orders.iter().filter(|order| self.is_at_rest(order))
    }

    pub(super) fn is_at_rest(&self, order: &Order) -> bool {
        self.steady.contains(order.id.as_str())
            && order.settled
            && order.outbox_length == 0
            && order.parked.is_none()
    }

    /// The events of an order.
    pub(super) fn stream(&self, order_id: &str) -> Option<&'a Stream> {
        self.books.log.get(ORDERS_SOURCE, order_id)
    }

    /// The time of the last change of an order according to its id and the log, in milliseconds
    /// since the epoch.
    pub(super) fn last_change_ms(&self, order: &Order) -> u64 {
        let logged = self.stream(&order.id).map_or(0, |stream| stream.last_at_ms);
        logged.max(chassis::id::created_at_ms(&order.id).unwrap_or(0))
    }

    /// Whether all subscribers must have processed the last event of an order.
    pub(super) fn is_known_to_all(&self, order: &Order) -> bool {
        self.question.is_due(self.last_change_ms(order))
    }

    /// Whether the first events of a subject may have been removed from the log because of their
    /// age.
    pub(super) fn may_be_forgotten(&self, subject: &str) -> bool {
        match self.books.log.begins {
            None | Some((0 | 1, _)) => false,
            Some((_, begins_ms)) => {
                chassis::id::created_at_ms(subject).is_none_or(|born_ms| born_ms <= begins_ms)
            }
        }
    }

    /// Whether all books of a payment must agree: its order has been settled for long enough to be
    /// in the provider's statement, or there is no such order.
    pub(super) fn is_settled_payment(&self, order_id: &str) -> bool {
        let is_settled = |order: &&Order| self.is_at_rest(order) && self.is_known_to_all(order);
        self.orders.get(order_id).is_none_or(is_settled)
    }

    pub(super) fn payments(&self, order_id: &str) -> &[&'a Payment] {
        self.payments.get(order_id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn shipping(&self, order_id: &str) -> &[&'a Shipping] {
        self.shipping.get(order_id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn projected(&self, order_id: &str) -> Option<&'a Projected> {
        self.projection.get(order_id).copied()
    }
}
