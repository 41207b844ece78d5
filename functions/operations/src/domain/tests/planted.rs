//! One violation at a time.

use super::*;
use std::collections::BTreeSet;

/// Breaks one thing.
type Plant = fn(&mut Books);

pub(super) fn letter() -> DeadLetter {
    DeadLetter {
        id: "dl_1".to_owned(),
        subscription: "notifications".to_owned(),
        entry: event(ORDERS_SOURCE, &order_id(1), 2, "confirmed"),
        reason: Reason::Rejected,
        detail: "422".to_owned(),
        attempts: 1,
        first_seen_at: BORN_MS,
        died_at: BORN_MS,
    }
}

/// Changes an order in both readings, so that it is still at rest.
fn change(books: &mut Books, index: usize, change: impl Fn(&mut Order)) {
    change(&mut books.orders[index]);
    change(&mut books.orders_before[index]);
}

fn key(books: &Books, payment: usize) -> (String, String) {
    (books.payments[payment].id.clone(), books.payments[payment].currency.clone())
}

fn account(books: &mut Books, payment: usize) -> &mut Account {
    let key = key(books, payment);
    books.ledger.get_mut(&key).unwrap()
}

fn stated(books: &mut Books, payment: usize) -> &mut Stated {
    let key = key(books, payment);
    books.statement.get_mut(&key).unwrap()
}

fn stream(books: &mut Books, source: &str, number: u16) -> Stream {
    books.log.streams.remove(&(source.to_owned(), order_id(number))).unwrap()
}

/// Violations at any time.
const AT_ANY_TIME: &[(&str, Plant)] = &[
    ("order-faulty", |books| {
        change(books, 0, |order| order.faults.push("two captures".to_owned()));
    }),
    ("order-parked", |books| {
        change(books, 3, |order| order.parked = Some("refund fails".to_owned()));
    }),
    ("order-parked-long", |books| {
        change(books, 3, |order| {
            order.parked = Some("refund fails".to_owned());
            order.parked_since_ms = Some(NOW_MS - 80 * 60 * 60 * 1_000);
        });
    }),
    // Placed hours ago.
    ("order-unfinished", |books| change(books, 3, |order| order.settled = false)),
    // The provider's statement was booked with another amount than its responses.
    ("ledger-unbalanced", |books| account(books, 0).psp_clearing = 5),
    // A movement that is in no payment, and one that is in no statement.
    ("ledger-unbalanced", |books| {
        let account = Account { order_id: order_id(4), customer_funds: -5, psp_clearing: 0 };
        books.ledger.insert(("pay_x".to_owned(), "EUR".to_owned()), account);
    }),
    // A movement of a payment that is not in the ledger.
    ("ledger-differs", |books| {
        books.ledger.remove(&key(books, 0));
    }),
    ("ledger-differs", |books| {
        (account(books, 1).customer_funds, account(books, 1).psp_clearing) = (-700, 700);
    }),
    // The provider has captured a different amount, in both directions.
    ("provider-differs", |books| {
        books.statement.remove(&key(books, 0));
    }),
    ("provider-differs", |books| stated(books, 2).net = 500),
    ("provider-differs", |books| {
        let stated = Stated { order_id: order_id(4), net: 500, last_at_ms: BORN_MS };
        books.statement.insert((books.payments[3].id.clone(), "EUR".to_owned()), stated);
    }),
    ("statement-without-order", |books| {
        let stated = Stated { order_id: String::new(), net: 500, last_at_ms: BORN_MS };
        books.statement.insert(("pay_x".to_owned(), "EUR".to_owned()), stated);
    }),
    // Charged twice under another id.
    ("charge-differs", |books| {
        let mut second = books.payments[0].clone();
        second.id.push('x');
        books.payments.push(second);
    }),
    // Refunded although it is delivered.
    ("charge-differs", |books| books.payments[0].refunded = 500),
    // A chargeback of a delivered order.
    ("charge-differs", |books| books.payments[0].charged_back = 500),
    // A returned part without a refund, and a refund without a return.
    ("charge-differs", |books| change(books, 0, |order| order.refunded = 100)),
    ("charge-differs", |books| books.payments[4].refunded = 400),
    // Not refunded although it is cancelled.
    ("charge-differs", |books| books.payments[2].refunded = 0),
    // Never charged.
    ("charge-differs", |books| drop(books.payments.remove(1))),
    ("charge-differs", |books| {
        let mut payment = books.payments[1].clone();
        payment.currency = "USD".to_owned();
        file(books, &payment);
        books.payments[1] = payment;
    }),
    ("money-held", |books| books.payments[3].held = 500),
    ("payment-unknown", |books| books.payments[3].status = PaymentStatus::Unknown),
    ("payment-without-order", |books| {
        let mut unknown = books.payments[0].clone();
        unknown.order_id = order_id(99);
        books.payments.push(unknown);
    }),
    // A piece was duplicated between two lanes of the SKU.
    ("stock-unbalanced", |books| books.skus[0].on_hand += 1),
    ("stock-negative", |books| {
        books.skus[0].on_hand = -3;
        books.skus[0].received = 3;
    }),
    // More pieces were returned than sold.
    ("stock-negative", |books| {
        (books.skus[0].sold, books.skus[0].received) = (-1, 95);
        books.sales.clear();
    }),
    ("claims-differ", |books| books.skus[1].claims.clear()),
    ("reservation-overdue", |books| {
        books.skus[0].claims[0].expires_at = Some(NOW_MS - 10 * 60 * 1_000);
    }),
    ("reservation-not-committed", |books| {
        books.reservations.insert("res_1".to_owned(), Standing::Expired);
    }),
    ("reservation-lingers", |books| {
        books.reservations.insert("res_4".to_owned(), Standing::Held);
    }),
    ("reservation-lingers", |books| {
        books.reservations.insert("res_3".to_owned(), Standing::Committed);
    }),
    // The last piece, sold twice.
    ("sold-differs", |books| {
        books.skus[1].sold -= 1;
        books.skus[1].on_hand += 1;
    }),
    // Sold without an order, and not booked yet.
    ("sold-differs", |books| books.skus[1].claims[0].expires_at = None),
    ("shipments-missing", |books| {
        let parcels = books.shipping[1].shipments.iter_mut();
        parcels.for_each(|parcel| parcel.status = ShipmentStatus::Cancelled);
    }),
    ("shipments-differ", |books| drop(books.shipping[0].shipments.pop())),
    // Two sets.
    ("shipments-differ", |books| {
        let again = books.shipping[0].clone();
        books.shipping.push(again);
    }),
    ("shipments-differ", |books| books.shipping[0].cancelled = true),
    // A returned parcel that was not settled.
    ("return-unsettled", |books| {
        let parcels = books.shipping[0].shipments.iter_mut();
        parcels.for_each(|parcel| parcel.status = ShipmentStatus::Returned);
    }),
    ("return-unsettled", |books| {
        books.shipping[0].shipments[0].status = ShipmentStatus::Returned;
    }),
    // Refunded although it was delivered.
    ("return-unsettled", |books| {
        books.shipping[3].shipments[0].status = ShipmentStatus::Delivered;
    }),
    ("shipments-of-dead-order", |books| {
        books.shipping[2].shipments[0].status = ShipmentStatus::Created;
    }),
    ("shipments-without-order", |books| {
        let mut unknown = books.shipping[0].clone();
        unknown.order_id = order_id(99);
        (unknown.last_sequence, unknown.shipments) = (0, Vec::new());
        books.shipping.push(unknown);
    }),
    ("message-doubled", |books| books.messages[0].sends = 2),
    // The same under another request.
    ("message-doubled", |books| {
        let mut again = books.messages[0].clone();
        again.notification_id = "ntf_again".to_owned();
        again.request_id = "another".to_owned();
        books.messages.push(again);
    }),
    ("message-missing", |books| drop(books.messages.remove(0))),
    ("order-not-in-log", |books| drop(stream(books, ORDERS_SOURCE, 2))),
    ("event-without-order", |books| {
        let unknown = event(ORDERS_SOURCE, &order_id(99), 1, "pending");
        books.log.add(&unknown);
    }),
    // The order says confirmed, its last event cancelled.
    ("order-differs-from-log", |books| {
        let mut stream = stream(books, ORDERS_SOURCE, 2);
        stream.state.as_mut().unwrap().status = "cancelled".to_owned();
        books.log.streams.insert((ORDERS_SOURCE.to_owned(), order_id(2)), stream);
    }),
    ("order-differs-from-log", |books| {
        let mut stream = stream(books, ORDERS_SOURCE, 2);
        stream.state.as_mut().unwrap().total.amount += 1;
        books.log.streams.insert((ORDERS_SOURCE.to_owned(), order_id(2)), stream);
    }),
    ("sequence-gap", |books| {
        for sequence in [1, 2, 4] {
            books.log.add(&event("/shop/identity", "usr_9", sequence, ""));
        }
    }),
    ("sequence-gap", |books| books.log.add(&event("/shop/identity", "usr_9", 2, ""))),
    ("sequence-gap", |books| {
        for sequence in [1, 2, 2] {
            books.log.add(&event("/shop/identity", "usr_9", sequence, ""));
        }
    }),
    // Recorded, and lost on its way to the log.
    ("sequence-behind", |books| books.shipping[0].last_sequence = 3),
    ("outbox-not-empty", |books| {
        let unpublished = |order: &mut Order| order.outbox_length = 1;
        change(books, 3, unpublished);
    }),
    ("outbox-not-empty", |books| books.shipping[0].outbox_length = 1),
    ("subscription-lag", |books| {
        (books.subscriptions[0].lag, books.subscriptions[0].lag_ms) = (3, 11 * 60 * 1_000);
    }),
    ("dead-letter", |books| books.dead_letters.push(letter())),
    ("projection-missing", |books| drop(books.projection.remove(0))),
    ("projection-differs", |books| books.projection[0].status = "shipped".to_owned()),
    ("projection-differs", |books| books.projection[1].total.amount = 1),
    ("projection-differs", |books| books.projection[1].last_sequence = 1),
    ("projection-without-order", |books| books.projection[0].order_id = order_id(99)),
];

/// Unfinished work, which is a violation only when no work should be in progress.
const WHEN_QUIESCENT: &[(&str, Plant)] = &[
    ("order-unfinished", |books| drop(books.orders_before.remove(0))),
    ("message-unfinished", |books| {
        books.messages[0].status = MessageStatus::Pending;
        books.messages[0].sends = 0;
    }),
    ("reservation-overdue", |books| books.skus[0].claims[0].expires_at = Some(NOW_MS)),
    ("subscription-lag", |books| books.subscriptions[0].lag = 1),
    ("sequence-behind", |books| books.shipping[0].last_sequence = 1),
];

#[test]
fn every_violation_is_found_by_its_rule_and_no_other() {
    for (rule, plant) in AT_ANY_TIME {
        let mut books = sound();
        plant(&mut books);
        for quiescent in [false, true] {
            let found = violations(&books, &question(quiescent));
            let rules: BTreeSet<_> = found.iter().map(|violation| &*violation.rule).collect();
            assert!(rules.contains(rule), "{rule}: {found:?}");
            assert!(rules.iter().all(|also| is_expected(rule, also)), "{rule}: {found:?}");
        }
    }
}

/// Whether a planted violation can't occur without the one that was found.
fn is_expected(planted: &str, found: &str) -> bool {
    let along: &[&str] = match planted {
        "projection-without-order" => &["projection-missing"],
        "outbox-not-empty" => &["sequence-behind"],
        // The same day, it was parked.
        "order-parked-long" => &["order-parked"],
        // Money that moved in one book only; all books are compared with the payment.
        "charge-differs" => &["ledger-differs", "provider-differs", "ledger-unbalanced"],
        "ledger-unbalanced" => &["ledger-differs"],
        _ => &[],
    };
    planted == found || along.contains(&found)
}

#[test]
fn unfinished_work_is_a_violation_when_none_should_be_in_progress() {
    for (rule, plant) in WHEN_QUIESCENT {
        let mut books = sound();
        plant(&mut books);
        assert_eq!(broken(&books, &question(true)), [*rule]);
    }
    for (rule, plant) in WHEN_QUIESCENT {
        let mut books = sound();
        plant(&mut books);
        assert_eq!(broken(&books, &question(false)), [""; 0], "{rule}");
    }
}

#[test]
fn every_rule_has_a_planted_violation() {
    let all = AT_ANY_TIME.iter().chain(WHEN_QUIESCENT);
    let planted: BTreeSet<_> = all.map(|(rule, _)| rule).collect();
    assert_eq!(planted.len(), rules::RULES.len());
}

#[test]
fn a_violation_has_its_rule_detail_and_ids() {
    let mut books = sound();
    books.payments[3].held = 500;
    let payment = books.payments[3].id.clone();
    let expected = Violation {
        rule: "money-held".into(),
        detail: "500 EUR held".to_owned(),
        ids: vec![order_id(4), payment],
    };
    assert_eq!(violations(&books, &question(false)), [expected]);
}
