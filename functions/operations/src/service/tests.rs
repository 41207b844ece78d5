#![allow(clippy::unwrap_used)]

mod shop;

use super::*;
use crate::domain::tests::question;
use crate::domain::{Audit, IN_FLIGHT_MS_MAX, Violation};
pub(crate) use shop::Shop;
use std::sync::atomic::Ordering::SeqCst;

/// Begins a run and works on it until it is complete.
async fn run_with(shop: &Shop, question: Question, kept_max: u64) -> Run {
    let check = Reconciliation::new(shop.clone()).with_kept_max(kept_max);
    check.begin(question).await.unwrap();
    while !check.last().await.unwrap().unwrap().is_complete() {
        check.work().await.unwrap();
    }
    check.last().await.unwrap().unwrap()
}

async fn run(shop: &Shop) -> Run {
    run_with(shop, question(true), KEPT_MAX).await
}

fn rules(run: &Run) -> Vec<&str> {
    run.violations.iter().map(|violation| &*violation.rule).collect()
}

#[tokio::test]
async fn books_are_read_page_by_page_and_nothing_stays_stored() {
    let shop = Shop::sound();
    let done = run(&shop).await;
    assert_eq!(done.violations, []);
    let counted: Vec<(&str, u64)> = done.checked.iter().map(|(book, n)| (&**book, *n)).collect();
    let expected = [
        ("dead_letters", 0),
        ("events", 23),
        ("ledger_accounts", 4),
        ("messages", 13),
        ("orders", 5),
        ("payments", 5),
        ("projected_orders", 5),
        ("provider_charges", 4),
        ("shipments", 8),
        ("skus", 2),
        ("subscriptions", 1),
    ];
    assert_eq!(counted, expected);
    assert_eq!(shop.store.keys(), [RUN]);
    shop.books.lock().unwrap().payments[3].held = 1;
    assert_eq!(rules(&run(&shop).await), ["money-held"]);
}

#[tokio::test]
async fn orders_are_read_first_and_last_and_the_log_after_its_publishers() {
    let shop = Shop::sound();
    run(&shop).await;
    let mut read = shop.read.lock().unwrap().clone();
    read.dedup();
    assert_eq!(read.first(), Some(&"orders"));
    assert_eq!(read.last(), Some(&"orders"));
    let index = |book| read.iter().position(|it| *it == book).unwrap();
    assert!(index("shipping") < index("log") && index("log") < index("projection"));
    assert!(index("ledger") < index("payments"));
}

#[tokio::test]
async fn an_order_that_is_cancelled_during_the_check_is_not_reported() {
    let shop = Shop::sound();
    let lenient = Question { in_flight_ms: IN_FLIGHT_MS_MAX, ..question(false) };
    shop.cancel_during_check.store(true, SeqCst);
    assert_eq!(run_with(&shop, lenient, KEPT_MAX).await.violations, []);
}

#[tokio::test]
async fn an_order_with_an_unreadable_record_is_reported() {
    let shop = Shop::sound();
    {
        let order = &mut shop.books.lock().unwrap().orders[3];
        order.reservation_id.clear();
        order.faults.push("unreadable".to_owned());
        order.settled = false;
    }
    assert_eq!(rules(&run(&shop).await), ["order-faulty", "order-unfinished"]);
}

/// What was read before is not read again.
#[tokio::test]
async fn a_book_that_cannot_be_read_is_named_and_tried_again() {
    use Audit::*;
    for book in [Orders, Payments, Ledger, Statement, Skus, Shipping, Messages, Projection] {
        let shop = Shop::without(book);
        let check = Reconciliation::new(shop.clone());
        check.begin(question(true)).await.unwrap();
        check.work().await.unwrap();
        let blocked = check.last().await.unwrap().unwrap();
        assert_eq!(blocked.blocked_by.as_deref(), Some("payments"), "{book:?}");
        assert!(!blocked.is_complete() && blocked.violations.is_empty());
        shop.repair();
        check.work().await.unwrap();
        let done = check.last().await.unwrap().unwrap();
        assert_eq!((done.is_complete(), done.blocked_by), (true, None));
        let read = shop.read.lock().unwrap().iter().filter(|book| **book == "orders").count();
        assert_eq!(read, 6, "orders have 3 pages and are read twice");
    }
}

#[tokio::test]
async fn cyclic_pages_block_a_run() {
    let shop = Shop::sound();
    shop.is_cyclic.store(true, SeqCst);
    let check = Reconciliation::new(shop.clone());
    check.begin(question(true)).await.unwrap();
    check.work().await.unwrap();
    assert_eq!(check.last().await.unwrap().unwrap().blocked_by.as_deref(), Some("a function"));
}

/// The work of a request is bounded, and the next one continues.
#[tokio::test]
async fn a_request_works_for_a_bounded_time() {
    let shop = Shop::sound();
    shop.clock.advance_on_read(WORK_MS);
    let check = Reconciliation::new(shop.clone());
    check.begin(question(true)).await.unwrap();
    let mut reads = Vec::new();
    while !check.last().await.unwrap().unwrap().is_complete() {
        check.work().await.unwrap();
        reads.push(shop.read.lock().unwrap().drain(..).count());
    }
    assert!(reads.iter().all(|reads| *reads <= 1), "{reads:?}");
    assert!(reads.len() > 30, "{reads:?}");
    assert_eq!(check.last().await.unwrap().unwrap().violations, []);
}

/// A request that died is waited for, but not for ever.
#[tokio::test]
async fn one_request_works_at_a_time() {
    let shop = Shop::sound();
    let check = Reconciliation::new(shop.clone());
    check.begin(question(true)).await.unwrap();
    let (died, _) = check.lease().await.unwrap().unwrap();
    check.work().await.unwrap();
    assert_eq!(check.last().await.unwrap().unwrap(), died);
    shop.clock.advance(LEASE_MS);
    check.work().await.unwrap();
    assert!(check.last().await.unwrap().unwrap().is_complete());
}

/// A request whose lease ran out while it worked changes nothing any more.
#[tokio::test]
async fn a_request_that_was_thought_dead_changes_nothing() {
    let shop = Shop::sound();
    shop.books.lock().unwrap().payments[3].held = 1;
    let check = Reconciliation::new(shop.clone());
    check.begin(question(true)).await.unwrap();
    let (mut slow, mut version) = check.lease().await.unwrap().unwrap();
    shop.clock.advance(LEASE_MS);
    let (mut next, mut next_version) = check.lease().await.unwrap().unwrap();
    check.read(&mut next, u64::MAX).await.unwrap();
    check.read(&mut slow, u64::MAX).await.unwrap();
    next.leased_until_ms = 0;
    assert!(shop.store.swap(&mut next_version, &next).await.unwrap());
    assert!(!shop.store.swap(&mut version, &slow).await.unwrap());
    check.work().await.unwrap();
    let done = check.last().await.unwrap().unwrap();
    assert_eq!((rules(&done), done.checked["orders"]), (vec!["money-held"], 5));
}

#[tokio::test]
async fn a_request_whose_run_was_replaced_stops_and_leaves_nothing_stored() {
    let shop = Shop::sound();
    let check = Reconciliation::new(shop.clone());
    check.begin(question(true)).await.unwrap();
    shop.begin_during_check.store(true, SeqCst);
    check.work().await.unwrap();
    let next = check.last().await.unwrap().unwrap();
    assert_eq!((next.number, next.worker), (2, 0), "no request has worked on it");
    let read = shop.read.lock().unwrap().clone();
    assert!(!read.contains(&"projection"), "{read:?}");
    assert!(run(&shop).await.is_complete());
}

#[tokio::test]
async fn a_new_run_replaces_the_last_one_and_its_entries() {
    let shop = Shop::sound();
    let check = Reconciliation::new(shop.clone());
    check.begin(question(true)).await.unwrap();
    let (mut run, mut version) = check.lease().await.unwrap().unwrap();
    check.read(&mut run, u64::MAX).await.unwrap();
    assert!(shop.store.swap(&mut version, &run).await.unwrap());
    assert!(shop.store.keys().len() > 1);
    check.begin(question(false)).await.unwrap();
    assert_eq!(shop.store.keys(), [RUN]);
    assert!(!shop.store.swap(&mut version, &run).await.unwrap());
}

#[tokio::test]
async fn books_are_read_again_if_stored_entries_have_expired() {
    let shop = Shop::sound();
    let check = Reconciliation::new(shop.clone());
    check.begin(question(true)).await.unwrap();
    let (mut run, mut version) = check.lease().await.unwrap().unwrap();
    check.read(&mut run, u64::MAX).await.unwrap();
    run.leased_until_ms = 0;
    assert!(shop.store.swap(&mut version, &run).await.unwrap());
    for key in shop.store.keys().iter().filter(|key| *key != RUN) {
        shop.store.delete(key).await.unwrap();
    }
    check.work().await.unwrap();
    let done = check.last().await.unwrap().unwrap();
    assert!(done.is_complete());
    assert_eq!((done.checked["orders"], done.violations.len()), (5, 0));
}

/// Every violation is found once, regardless of the memory limit.
#[tokio::test]
async fn buckets_that_do_not_fit_into_memory_are_checked_in_parts() {
    let shop = Shop::sound();
    {
        let mut books = shop.books.lock().unwrap();
        books.payments[0].held = 1;
        books.orders.last_mut().unwrap().faults.push("broken".to_owned());
        books.skus[1].sold += 1;
    }
    let found = async |kept_max| -> Vec<Violation> {
        let mut run = run_with(&shop, question(true), kept_max).await;
        assert_eq!(run.checked["orders"], 5);
        run.violations.sort();
        run.violations
    };
    let all = found(KEPT_MAX).await;
    assert_eq!(all.len(), 4, "{all:?}");
    assert_eq!(found(1).await, all);
}
