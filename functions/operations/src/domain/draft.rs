//! Books while they are read. Only the entries of one part are kept, and the part is narrowed if
//! there are too many.

use super::books::{
    Account, Books, Message, Money, Order, Payment, Posting, Projected, Sales, Shipping, Side, Sku,
    Standing, StatementLine,
};
use super::log::{DeadLetter, LoggedEvent, Subscription};
use super::partition::{Partition, digest};
use std::collections::{BTreeMap, BTreeSet};

/// The books of one part.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The part.
    pub part: Partition,
    books: Books,
    kept_max: usize,
}

impl Draft {
    /// An empty draft that keeps at most `kept_max` entries.
    pub fn of(part: Partition, kept_max: usize) -> Draft {
        Draft { part, books: Books::default(), kept_max }
    }

    /// The books that were read.
    pub fn into_books(self) -> Books {
        self.books
    }

    /// An order, at the first reading.
    pub fn order_before(&mut self, order: Order) {
        sell(&mut self.books.sales_before, &self.part, &order);
        if self.part.holds(&order.id) {
            self.books.orders_before.push(order);
        }
    }

    /// An order, at the second reading.
    pub fn order(&mut self, order: Order) {
        sell(&mut self.books.sales, &self.part, &order);
        if self.part.holds(&order.id) {
            self.books.orders.push(order);
        }
    }

    /// A payment.
    pub fn payment(&mut self, payment: Payment) {
        if self.part.holds(owner(&payment.order_id, &payment.id)) {
            self.books.payments.push(payment);
        }
    }

    /// A line of the ledger.
    pub fn posting(&mut self, posting: Posting) {
        if self.part.holds(owner(&posting.order_id, &posting.payment_id)) {
            self.books.post(posting);
        }
    }

    /// A line of the provider's statement.
    pub fn statement_line(&mut self, line: StatementLine) {
        if self.part.holds(owner(&line.order_id, &line.payment_id)) {
            self.books.state(line);
        }
    }

    /// A SKU.
    pub fn sku(&mut self, sku: Sku) {
        if self.part.holds(&sku.sku) {
            self.books.skus.push(sku);
        }
    }

    /// The shipments of an order.
    pub fn shipping(&mut self, shipping: Shipping) {
        if self.part.holds(&shipping.order_id) {
            self.books.shipping.push(shipping);
        }
    }

    /// A message.
    pub fn message(&mut self, message: Message) {
        if self.part.holds(message.about()) {
            self.books.messages.push(message);
        }
    }

    /// An order of the read model.
    pub fn projected(&mut self, projected: Projected) {
        if self.part.holds(&projected.order_id) {
            self.books.projection.push(projected);
        }
    }

    /// The next event of the log.
    pub fn event(&mut self, event: &LoggedEvent) {
        let subject = event.event.subject.as_deref();
        match subject.is_some_and(|subject| self.part.holds(subject)) {
            true => self.books.log.add(event),
            false => self.books.log.count_only(event),
        }
    }

    /// A dead letter.
    pub fn dead_letter(&mut self, letter: DeadLetter) {
        if self.part.holds(&letter.id) {
            self.books.dead_letters.push(letter);
        }
    }

    /// The subscriptions. They belong to no part, so they are checked with the first.
    pub fn subscriptions(&mut self, subscriptions: Vec<Subscription>) {
        if self.part.is_first() {
            self.books.subscriptions = subscriptions;
        }
    }

    /// The reservations to look up.
    pub fn reservation_ids(&self) -> Vec<String> {
        // An order with an unreadable record has none.
        let ids = self.books.orders_before.iter().map(|order| order.reservation_id.clone());
        ids.filter(|id| !id.is_empty()).collect()
    }

    /// The status of a reservation.
    pub fn reservation(&mut self, (id, standing): (String, Standing)) {
        self.books.reservations.insert(id, standing);
    }

    /// Narrows the part until it is small enough.
    pub fn narrow(&mut self) {
        while self.books.kept() > self.kept_max
            && let Some(half) = self.part.half()
        {
            self.part = half;
            self.books.retain(&half);
        }
    }
}

impl Books {
    fn post(&mut self, posting: Posting) {
        let Money { amount, currency } = posting.amount;
        let account = self.ledger.entry((posting.payment_id, currency)).or_default();
        account.order_id = posting.order_id;
        let side = match posting.side {
            Side::CustomerFunds => &mut account.customer_funds,
            Side::PspClearing => &mut account.psp_clearing,
        };
        *side = side.saturating_add(amount);
    }

    fn state(&mut self, line: StatementLine) {
        let Money { amount, currency } = line.amount;
        let stated = self.statement.entry((line.payment_id, currency)).or_default();
        stated.order_id = line.order_id;
        stated.net = stated.net.saturating_add(amount);
        stated.last_at_ms = stated.last_at_ms.max(line.at_ms);
    }

    fn kept(&self) -> usize {
        self.orders_before.len()
            + self.orders.len()
            + self.payments.len()
            + self.ledger.len()
            + self.statement.len()
            + self.skus.len()
            + self.sales.len()
            + self.shipping.len()
            + self.messages.len()
            + self.projection.len()
            + self.log.streams.len()
            + self.dead_letters.len()
    }

    fn retain(&mut self, part: &Partition) {
        self.orders_before.retain(|it| part.holds(&it.id));
        self.orders.retain(|it| part.holds(&it.id));
        self.payments.retain(|it| part.holds(owner(&it.order_id, &it.id)));
        self.ledger.retain(|(id, _), it: &mut Account| part.holds(owner(&it.order_id, id)));
        self.statement.retain(|(id, _), it| part.holds(owner(&it.order_id, id)));
        self.skus.retain(|it| part.holds(&it.sku));
        self.sales_before.retain(|sku, _| part.holds(sku));
        self.sales.retain(|sku, _| part.holds(sku));
        self.shipping.retain(|it| part.holds(&it.order_id));
        self.messages.retain(|it| part.holds(it.about()));
        self.projection.retain(|it| part.holds(&it.order_id));
        self.log.streams.retain(|(_, subject), _| part.holds(subject));
        self.dead_letters.retain(|it| part.holds(&it.id));
        let held: BTreeSet<&String> =
            self.orders_before.iter().map(|order| &order.reservation_id).collect();
        self.reservations.retain(|id, _| held.contains(id));
    }
}

/// The key of a payment's books: its order, or its own id if it has none.
fn owner<'a>(order_id: &'a str, payment_id: &'a str) -> &'a str {
    if order_id.is_empty() { payment_id } else { order_id }
}

/// Adds an order's sales of the SKUs in this part. The order may belong to any part.
fn sell(sales: &mut BTreeMap<String, Sales>, part: &Partition, order: &Order) {
    let at_rest = order.settled && order.outbox_length == 0 && order.parked.is_none();
    let bought = order.status.is_paid() || order.status.came_back();
    let print = format!("{} {:?} {}", order.id, order.status, order.last_sequence);
    let print = digest(&print);
    for line in order.lines.iter().filter(|line| part.holds(&line.sku)) {
        let sales = sales.entry(line.sku.clone()).or_default();
        sales.moving |= !at_rest;
        sales.print ^= print;
        if at_rest && bought {
            sales.bought += u64::from(line.quantity);
        }
    }
    for line in order.restocked.iter().filter(|line| at_rest && part.holds(&line.sku)) {
        let sales = sales.entry(line.sku.clone()).or_default();
        sales.bought = sales.bought.saturating_sub(u64::from(line.quantity));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sound;
    use super::*;

    #[test]
    fn large_parts_are_split_without_losing_entries() {
        let all = sound();
        let (mut at, mut orders, mut payments, mut parts) = (Some(Partition::default()), 0, 0, 0);
        while let Some(part) = at {
            let mut draft = Draft::of(part, 12);
            all.orders.iter().for_each(|order| draft.order_before(order.clone()));
            all.payments.iter().for_each(|payment| draft.payment(payment.clone()));
            all.shipping.iter().for_each(|shipping| draft.shipping(shipping.clone()));
            all.messages.iter().for_each(|message| draft.message(message.clone()));
            draft.narrow();
            assert!(draft.books.kept() <= 12);
            orders += draft.books.orders_before.len();
            payments += draft.books.payments.len();
            for payment in &draft.books.payments {
                let mut same = draft.books.orders_before.iter();
                assert!(
                    same.any(|order| order.id == payment.order_id),
                    "a payment is in the same part as its order"
                );
            }
            (at, parts) = (draft.part.next(), parts + 1);
        }
        assert_eq!((orders, payments), (all.orders.len(), all.payments.len()));
        assert!(parts > 1);
    }
}
