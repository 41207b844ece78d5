//! Tests of the rules: sound books have no violation, and each violation that is planted in them is
//! found by its own rule and by no other.

#![allow(clippy::unwrap_used, clippy::panic)]

mod in_flight;
mod planted;

use super::*;
use serde_json::json;

/// When the check begins.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;
/// When the orders were placed.
const BORN_MS: u64 = NOW_MS - 3 * 60 * 60 * 1_000;

/// An id with this time, as functions generate them.
fn id(prefix: &str, at_ms: u64, number: u16) -> String {
    let (high, low) = (at_ms >> 16, at_ms & 0xFFFF);
    format!("{prefix}_{high:08x}-{low:04x}-7000-8000-{number:012x}")
}

fn order_id(number: u16) -> String {
    id("ord", BORN_MS, number)
}

pub(crate) fn question(quiescent: bool) -> Question {
    Question { checked_at_ms: NOW_MS, quiescent, in_flight_ms: IN_FLIGHT_MS_DEFAULT }
}

pub(crate) fn line(sku: &str, quantity: u32) -> Line {
    Line { sku: sku.to_owned(), quantity }
}

fn euros(amount: i64) -> Money {
    Money { amount, currency: "EUR".to_owned() }
}

fn order(number: u16, status: OrderStatus, changes: &[&str]) -> Order {
    Order {
        id: order_id(number),
        user_id: "usr_1".to_owned(),
        status,
        lines: vec![line("TEA", 2), line("MUG", 1)],
        total: euros(500),
        payment_id: order_id(number).replace("ord", "pay"),
        reservation_id: format!("res_{number}"),
        refunded: 0,
        restocked: Vec::new(),
        last_sequence: changes.len() as u64,
        outbox_length: 0,
        settled: true,
        parked: None,
        parked_since_ms: None,
        faults: Vec::new(),
    }
}

fn payment(order: &Order, captured: i64, refunded: i64) -> Payment {
    Payment {
        id: order.id.replace("ord", "pay"),
        order_id: order.id.clone(),
        status: PaymentStatus::Captured,
        currency: "EUR".to_owned(),
        asked: order.total.amount,
        captured,
        refunded,
        charged_back: 0,
        held: 0,
        unstated: false,
    }
}

/// Books a payment in the ledger and in the provider's statement, if it has moved money.
fn file(books: &mut Books, payment: &Payment) {
    if payment.captured == 0 {
        return;
    }
    let key = (payment.id.clone(), payment.currency.clone());
    let (order_id, net) = (payment.order_id.clone(), payment.net());
    let account = Account { order_id: order_id.clone(), customer_funds: -net, psp_clearing: net };
    books.ledger.insert(key.clone(), account);
    books.statement.insert(key, Stated { order_id, net, last_at_ms: BORN_MS });
}

fn shipping(order: &Order, status: ShipmentStatus) -> Shipping {
    let parcel = |number: u8, lines| Shipment {
        id: format!("shp_{number}"),
        order_id: order.id.clone(),
        status,
        courier: "courier".to_owned(),
        tracking_code: format!("T{number}"),
        lines,
        updated_at: "2027-01-15T08:00:00.000Z".to_owned(),
    };
    Shipping {
        order_id: order.id.clone(),
        cancelled: status == ShipmentStatus::Cancelled,
        // Split, as large orders are.
        shipments: vec![
            parcel(1, vec![line("TEA", 1)]),
            parcel(2, vec![line("MUG", 1), line("TEA", 1)]),
        ],
        last_sequence: 2,
        outbox_length: 0,
    }
}

fn message(order: &Order, status: &str) -> Message {
    Message {
        notification_id: format!("ntf_{}_{status}", order.id),
        request_id: format!("{}:{status}", order.id),
        user_id: order.user_id.clone(),
        subject: Some(order.id.clone()),
        template_code: format!("order-{status}"),
        channel: Channel::Email,
        status: MessageStatus::Sent,
        sends: 1,
    }
}

fn pushed(order: &Order, status: &str) -> Message {
    let mail = message(order, status);
    Message {
        notification_id: format!("{}_push", mail.notification_id),
        request_id: format!("{}:push", mail.request_id),
        channel: Channel::Push,
        ..mail
    }
}

fn projected(order: &Order) -> Projected {
    Projected {
        order_id: order.id.clone(),
        user_id: order.user_id.clone(),
        status: order.status.as_str().to_owned(),
        total: order.total.clone(),
        last_sequence: order.last_sequence,
    }
}

/// An event about the change of an order.
pub(crate) fn event(source: &str, subject: &str, sequence: u64, status: &str) -> LoggedEvent {
    let data = json!({
        "order_id": subject, "user_id": "usr_1", "status": status, "lines": [],
        "total": {"amount": 500, "currency": "EUR"}, "rejection": null,
    });
    LoggedEvent {
        position: 0,
        recorded_at: BORN_MS + sequence,
        event: Event {
            id: format!("{subject}.{sequence}"),
            source: source.to_owned(),
            type_: "com.shop.orders.order.changed.v1".to_owned(),
            subject: Some(subject.to_owned()),
            time: "2027-01-15T08:00:00.000Z".to_owned(),
            partition_key: subject.to_owned(),
            sequence: Some(sequence),
            trace_parent: None,
            data_content_type: "application/json".to_owned(),
            data: data.to_string(),
        },
    }
}

/// The orders of a day: one was delivered, one waits for its courier, one was cancelled after its
/// payment, one had a declined card, and one was returned. With the statuses in their events.
fn story() -> Vec<(Order, Vec<&'static str>)> {
    [
        (1, OrderStatus::Delivered, vec!["pending", "confirmed", "shipped", "delivered"]),
        (2, OrderStatus::Confirmed, vec!["pending", "confirmed"]),
        (3, OrderStatus::Cancelled, vec!["pending", "confirmed", "cancelled"]),
        (4, OrderStatus::Rejected, vec!["pending", "rejected"]),
        (5, OrderStatus::Returned, vec!["pending", "confirmed", "shipped", "returned"]),
    ]
    .into_iter()
    .map(|(number, status, changes)| {
        let mut order = order(number, status, &changes);
        if status.came_back() {
            (order.refunded, order.restocked) = (order.total.amount, order.lines.clone());
        }
        (order, changes)
    })
    .collect()
}

/// Books that agree.
pub(crate) fn sound() -> Books {
    let story = story();
    let orders: Vec<Order> = story.iter().map(|(order, _)| order.clone()).collect();
    let mut books = Books {
        orders_before: orders.clone(),
        payments: vec![
            payment(&orders[0], 500, 0),
            payment(&orders[1], 500, 0),
            payment(&orders[2], 500, 500),
            payment(&orders[3], 0, 0),
            payment(&orders[4], 500, 500),
        ],
        skus: vec![sku("TEA", 100, 4), sku("MUG", 10, 2)],
        shipping: vec![
            shipping(&orders[0], ShipmentStatus::Delivered),
            shipping(&orders[1], ShipmentStatus::Created),
            shipping(&orders[2], ShipmentStatus::Cancelled),
            shipping(&orders[4], ShipmentStatus::Returned),
        ],
        projection: orders.iter().map(projected).collect(),
        ..Books::default()
    };
    books.payments.clone().iter().for_each(|payment| file(&mut books, payment));
    // The quantities of each SKU in the delivered and in the waiting order.
    let sales = |bought| Sales { bought, moving: false, print: 7 };
    books.sales = [("TEA".to_owned(), sales(4)), ("MUG".to_owned(), sales(2))].into();
    books.sales_before.clone_from(&books.sales);
    let standings = [
        Standing::Committed,
        Standing::Committed,
        Standing::TakenBack,
        Standing::Released,
        Standing::Committed,
    ];
    for (order, standing) in orders.iter().zip(standings) {
        books.reservations.insert(order.reservation_id.clone(), standing);
    }
    books.orders = orders;
    for (order, changes) in &story {
        for status in changes.iter().filter(|status| **status != "pending") {
            books.messages.push(message(order, status));
            if ["shipped", "delivered"].contains(status) {
                books.messages.push(pushed(order, status));
            }
        }
    }
    books.log = Streams::of(&log_of(&books.shipping, &story));
    books.subscriptions = vec![Subscription {
        name: "notifications".to_owned(),
        components: vec!["notifications".to_owned()],
        types: vec!["com.shop.orders.order.*".to_owned()],
        lag: 0,
        lag_ms: 0,
        held: 0,
        retrying: 0,
        dead: 0,
    }];
    books
}

/// The books of a SKU with two reserved pieces.
fn sku(sku: &str, received: u64, sold: i64) -> Sku {
    let claim = Claim {
        reservation_id: "res_open".to_owned(),
        quantity: 2,
        expires_at: Some(NOW_MS + 60_000),
    };
    let on_hand = received.cast_signed() - sold - 2;
    Sku { sku: sku.to_owned(), received, on_hand, reserved: 2, sold, claims: vec![claim] }
}

/// The log of the sound books.
pub(crate) fn sound_log() -> Vec<LoggedEvent> {
    log_of(&sound().shipping, &story())
}

fn log_of(shipping: &[Shipping], story: &[(Order, Vec<&'static str>)]) -> Vec<LoggedEvent> {
    let mut log = Vec::new();
    for (order, changes) in story {
        let numbered = changes.iter().zip(1..);
        log.extend(numbered.map(|(status, n)| event(ORDERS_SOURCE, &order.id, n, status)));
    }
    for shipping in shipping {
        log.extend((1..=2).map(|n| event(SHIPPING_SOURCE, &shipping.order_id, n, "x")));
    }
    for (logged, position) in log.iter_mut().zip(1..) {
        logged.position = position;
    }
    log
}

/// The names of the rules that are broken.
fn broken(books: &Books, question: &Question) -> Vec<&'static str> {
    let found = violations(books, question);
    let name = |it: &Violation| rules::RULES[rules::rank(&it.rule)].0;
    let mut rules: Vec<_> = found.iter().map(name).collect();
    rules.dedup();
    rules
}

#[test]
fn sound_books_have_no_violation() {
    for quiescent in [false, true] {
        assert_eq!(violations(&sound(), &question(quiescent)), []);
    }
}

#[test]
fn empty_books_have_no_violation() {
    assert_eq!(violations(&Books::default(), &question(true)), []);
}
