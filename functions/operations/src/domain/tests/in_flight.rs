//! Work in progress is not a violation.

use super::*;

/// Books with a new order in the second reading, of which only the payment is in other books.
fn with_a_new_order() -> Books {
    let mut books = sound();
    let mut new = order(7, OrderStatus::Pending, &[]);
    new.id = id("ord", NOW_MS - 1_000, 7);
    new.settled = false;
    books.payments.push(payment(&new, 500, 0));
    books.payments.last_mut().unwrap().status = PaymentStatus::Unknown;
    books.skus[0].sold += 2;
    books.skus[0].on_hand -= 2;
    books.sales.get_mut("TEA").unwrap().moving = true;
    books.orders.push(new);
    books
}

#[test]
fn an_order_placed_during_the_check_is_not_a_violation() {
    assert_eq!(broken(&with_a_new_order(), &question(false)), [""; 0]);
    assert_eq!(broken(&with_a_new_order(), &question(true)), ["order-unfinished"]);
}

#[test]
fn an_order_that_changed_after_the_log_was_read_is_not_reported() {
    let mut books = sound();
    // Placed hours ago and cancelled just now, which is not in the log yet.
    let moved = &mut books.orders[1];
    (moved.status, moved.settled) = (OrderStatus::Cancelled, false);
    (moved.last_sequence, moved.outbox_length) = (3, 1);
    books.sales.values_mut().for_each(|sales| sales.moving = true);
    assert_eq!(broken(&books, &question(false)), [""; 0]);
    assert_eq!(broken(&books, &question(true)), ["order-unfinished"]);
}

#[test]
fn a_recent_unsettled_order_is_not_reported() {
    let mut books = with_a_new_order();
    let new = books.orders[5].clone();
    books.orders_before.push(new);
    assert_eq!(broken(&books, &question(false)), [""; 0]);
    let strict = Question { in_flight_ms: 500, ..question(false) };
    assert_eq!(broken(&books, &strict), ["order-unfinished"]);
}

#[test]
fn an_order_that_changed_between_the_readings_is_not_reported() {
    let mut books = sound();
    // Cancelled after the payments were read, seconds ago.
    books.orders[1].status = OrderStatus::Cancelled;
    books.orders[1].last_sequence = 3;
    books.sales.values_mut().for_each(|sales| sales.print = 8);
    let mut moved = event(ORDERS_SOURCE, &order_id(2), 3, "cancelled");
    moved.recorded_at = NOW_MS - 2_000;
    books.log.add(&moved);
    assert_eq!(broken(&books, &question(false)), [""; 0]);
}

#[test]
fn subscribers_have_time_to_process_events() {
    let mut books = sound();
    // It was shipped a minute ago, which only orders and the log know.
    for orders in [&mut books.orders, &mut books.orders_before] {
        orders[1].status = OrderStatus::Shipped;
        orders[1].last_sequence = 3;
    }
    let mut shipped = event(ORDERS_SOURCE, &order_id(2), 3, "shipped");
    shipped.recorded_at = NOW_MS - 60_000;
    books.log.add(&shipped);
    assert_eq!(broken(&books, &question(false)), [""; 0]);
    assert_eq!(broken(&books, &question(true)), ["message-missing", "projection-differs"]);
    let later = Question { checked_at_ms: NOW_MS + IN_FLIGHT_MS_DEFAULT, ..question(false) };
    let found = broken(&books, &later);
    assert!(found.contains(&"message-missing") && found.contains(&"projection-differs"));
}

#[test]
fn a_message_is_required_for_each_channel() {
    for request in ["shipped", "shipped:push", "delivered", "delivered:push", "confirmed"] {
        let mut books = sound();
        books.messages.retain(|message| message.request_id != format!("{}:{request}", order_id(1)));
        assert_eq!(broken(&books, &question(true)), ["message-missing"], "{request}");
    }
}

#[test]
fn a_suppressed_message_is_not_missing() {
    let mut books = sound();
    (books.messages[0].status, books.messages[0].sends) = (MessageStatus::Suppressed, 0);
    assert_eq!(broken(&books, &question(true)), [""; 0]);
}

#[test]
fn events_removed_from_the_log_are_not_missing() {
    let mut books = sound();
    // It begins after the orders were placed, in the middle of their lives.
    let mut log = Vec::new();
    for (order, changes) in story() {
        let sequence = changes.len() as u64;
        log.push(event(ORDERS_SOURCE, &order.id, sequence, order.status.as_str()));
    }
    log.remove(1);
    for (logged, position) in log.iter_mut().zip(41..) {
        logged.position = position;
        logged.recorded_at = NOW_MS - 60 * 60 * 1_000;
    }
    books.log = Streams::of(&log);
    assert_eq!(broken(&books, &question(true)), [""; 0]);
    books.log.begins = Some((1, BORN_MS));
    assert!(broken(&books, &question(true)).contains(&"order-not-in-log"));
    assert!(broken(&books, &question(true)).contains(&"sequence-gap"));
}

#[test]
fn recent_movements_at_the_provider_are_not_violations() {
    let mut books = sound();
    let key = (books.payments[0].id.clone(), "EUR".to_owned());
    let charged_back = books.statement.get_mut(&key).unwrap();
    (charged_back.net, charged_back.last_at_ms) = (0, NOW_MS - 60_000);
    assert_eq!(broken(&books, &question(false)), [""; 0]);
    assert_eq!(broken(&books, &question(true)), ["provider-differs"]);
}

#[test]
fn a_lagging_statement_is_not_a_violation() {
    let mut books = sound();
    let key = (books.payments[1].id.clone(), "EUR".to_owned());
    books.statement.remove(&key);
    books.ledger.get_mut(&key).unwrap().psp_clearing = 0;
    // It was confirmed a minute ago.
    let stream = books.log.streams.get_mut(&(ORDERS_SOURCE.to_owned(), order_id(2))).unwrap();
    stream.last_at_ms = NOW_MS - 60_000;
    assert_eq!(broken(&books, &question(false)), [""; 0]);
    assert_eq!(broken(&books, &question(true)), ["ledger-unbalanced", "provider-differs"]);
    let later = Question { checked_at_ms: NOW_MS + IN_FLIGHT_MS_DEFAULT, ..question(false) };
    let found = broken(&books, &later);
    assert!(found.contains(&"ledger-unbalanced") && found.contains(&"provider-differs"));
}

#[test]
fn old_payments_are_not_compared_with_the_statement() {
    let mut books = sound();
    books.payments[0].unstated = true;
    books.statement.clear();
    books.payments.iter_mut().for_each(|payment| payment.unstated = true);
    assert_eq!(broken(&books, &question(true)), [""; 0]);
}

#[test]
fn skus_of_unsettled_orders_are_not_checked() {
    for moved in [true, false] {
        let mut books = sound();
        books.skus[0].sold += 2;
        books.skus[0].on_hand -= 2;
        let sales = books.sales.get_mut("TEA").unwrap();
        if moved {
            sales.print = 8
        } else {
            sales.moving = true
        }
        assert_eq!(broken(&books, &question(false)), [""; 0]);
    }
}
