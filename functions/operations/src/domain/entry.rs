//! The entries of all books in one form, as they are stored between reading and checking.

use super::books::{
    Account, Books, Message, Money, Order, Payment, Posting, Projected, Sales, Shipping, Side, Sku,
    Standing, StatementLine,
};
use super::log::{DeadLetter, LoggedEvent, OrderState, Subscription};
use super::partition::digest;
use serde::{Deserialize, Serialize};

/// An entry of a book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each case has the name of its type")]
pub enum Entry {
    /// An order, at the first reading.
    OrderBefore(Order),
    /// An order, at the second reading.
    Order(Order),
    /// What an order sells of a SKU, at the first reading.
    SalesBefore(String, Sales),
    /// What an order sells of a SKU, at the second reading.
    Sales(String, Sales),
    /// The status of an order's reservation.
    Reservation {
        order_id: String,
        id: String,
        standing: Standing,
    },
    Payment(Payment),
    Posting(Posting),
    StatementLine(StatementLine),
    Sku(Sku),
    Shipping(Shipping),
    Message(Message),
    Projected(Projected),
    Event(LoggedEvent),
    Subscription(Subscription),
    DeadLetter(DeadLetter),
}

impl Entry {
    /// Entries with the same key are compared with each other. All books of an order have the
    /// order's id.
    pub fn key(&self) -> &str {
        match self {
            Entry::OrderBefore(it) | Entry::Order(it) => &it.id,
            Entry::SalesBefore(sku, _) | Entry::Sales(sku, _) => sku,
            Entry::Reservation { order_id, .. } => order_id,
            Entry::Payment(it) => owner(&it.order_id, &it.id),
            Entry::Posting(it) => owner(&it.order_id, &it.payment_id),
            Entry::StatementLine(it) => owner(&it.order_id, &it.payment_id),
            Entry::Sku(it) => &it.sku,
            Entry::Shipping(it) => &it.order_id,
            Entry::Message(it) => it.about(),
            Entry::Projected(it) => &it.order_id,
            Entry::Event(it) => it.event.subject.as_deref().unwrap_or(&it.event.id),
            Entry::Subscription(it) => &it.name,
            Entry::DeadLetter(it) => &it.id,
        }
    }

    /// Without the data that no rule looks at.
    #[must_use]
    pub fn compact(mut self) -> Entry {
        match &mut self {
            Entry::Event(LoggedEvent { event, .. }) => {
                let state = OrderState::of(event);
                event.data =
                    state.and_then(|it| serde_json::to_string(&it).ok()).unwrap_or_default();
            }
            Entry::DeadLetter(letter) => letter.entry.event.data.clear(),
            _ => {}
        }
        self
    }
}

/// The key of a payment's books: its order, or its own id if it has none.
fn owner<'a>(order_id: &'a str, payment_id: &'a str) -> &'a str {
    if order_id.is_empty() { payment_id } else { order_id }
}

/// What an order sells, by SKU.
pub fn sales_of(order: &Order) -> Vec<(String, Sales)> {
    let at_rest = order.settled && order.outbox_length == 0 && order.parked.is_none();
    let bought = at_rest && (order.status.is_paid() || order.status.came_back());
    let print = digest(&format!("{} {:?} {}", order.id, order.status, order.last_sequence));
    let lines = order.lines.iter().map(|line| {
        let bought = if bought { i64::from(line.quantity) } else { 0 };
        (line.sku.clone(), Sales { bought, moving: !at_rest, print })
    });
    let restocked = order.restocked.iter().filter(|_| bought).map(|line| {
        let bought = -i64::from(line.quantity);
        (line.sku.clone(), Sales { bought, ..Sales::default() })
    });
    lines.chain(restocked).collect()
}

impl Books {
    /// Adds an entry. Those of the log have to come in its order.
    pub fn add(&mut self, entry: Entry) {
        match entry {
            Entry::OrderBefore(it) => self.orders_before.push(it),
            Entry::Order(it) => self.orders.push(it),
            Entry::SalesBefore(sku, it) => self.sales_before.entry(sku).or_default().add(it),
            Entry::Sales(sku, it) => self.sales.entry(sku).or_default().add(it),
            Entry::Reservation { id, standing, .. } => {
                self.reservations.insert(id, standing);
            }
            Entry::Payment(it) => self.payments.push(it),
            Entry::Posting(it) => self.post(it),
            Entry::StatementLine(it) => self.state(it),
            Entry::Sku(it) => self.skus.push(it),
            Entry::Shipping(it) => self.shipping.push(it),
            Entry::Message(it) => self.messages.push(it),
            Entry::Projected(it) => self.projection.push(it),
            Entry::Event(it) => self.log.add(&it),
            Entry::Subscription(it) => self.subscriptions.push(it),
            Entry::DeadLetter(it) => self.dead_letters.push(it),
        }
    }

    fn post(&mut self, posting: Posting) {
        let Money { amount, currency } = posting.amount;
        let account: &mut Account = self.ledger.entry((posting.payment_id, currency)).or_default();
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
}

impl Sales {
    fn add(&mut self, more: Sales) {
        self.bought = self.bought.saturating_add(more.bought);
        self.moving |= more.moving;
        self.print ^= more.print;
    }
}
