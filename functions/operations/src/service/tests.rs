#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::tests::{question, sound, sound_log};
use crate::domain::{
    Account, DeadLetter, IN_FLIGHT_MS_MAX, LoggedEvent, Message, Money, Order, OrderStatus,
    Payment, Posting, Projected, Shipping, Side, Sku, Standing, Stated, StatementLine,
    Subscription,
};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// The size of pages, regardless of the requested one.
const PART: usize = 2;

/// A shop with these books, which records what is read.
#[derive(Clone, Default)]
pub(crate) struct Shop {
    pub(crate) books: Arc<Mutex<Books>>,
    pub(crate) log: Arc<Mutex<Vec<LoggedEvent>>>,
    read: Arc<Mutex<Vec<&'static str>>>,
    /// A book that can't be read.
    broken: Option<&'static str>,
    /// Cancels an order while the payments are read.
    cancel_during_check: Arc<AtomicBool>,
    /// Calls of the log that change something.
    pub(crate) replayed: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    pub(crate) fn sound() -> Shop {
        let shop = Shop::default();
        *shop.books.lock().unwrap() = sound();
        *shop.log.lock().unwrap() = sound_log();
        shop
    }

    pub(crate) fn without(book: &'static str) -> Shop {
        Shop { broken: Some(book), ..Shop::sound() }
    }

    fn part<T: Clone>(
        &self,
        book: &'static str,
        after: Option<String>,
        entries: impl Fn(&Books) -> Vec<T>,
    ) -> Reading<Part<T>> {
        self.read.lock().unwrap().push(book);
        if self.broken == Some(book) {
            return Err(Unreadable { book, reason: "out of order".to_owned() });
        }
        let entries = entries(&self.books.lock().unwrap());
        let from: usize = after.map_or(0, |after| after.parse().unwrap());
        let until = (from + PART).min(entries.len());
        let next = (until < entries.len()).then(|| until.to_string());
        Ok(Part { entries: entries[from..until].to_vec(), next })
    }
}

impl Sources for Shop {
    async fn orders(&self, after: Option<String>, _: u32) -> Reading<Part<Order>> {
        self.part("orders", after, |books| books.orders.clone())
    }
    async fn payments(&self, after: Option<String>, _: u32) -> Reading<Part<Payment>> {
        if self.cancel_during_check.load(SeqCst) {
            let mut books = self.books.lock().unwrap();
            books.orders[1].status = OrderStatus::Cancelled;
            books.payments[1].refunded = 500;
        }
        self.part("payments", after, |books| books.payments.clone())
    }
    async fn ledger(&self, after: Option<String>) -> Reading<Part<Posting>> {
        // One side in one line, the other in another.
        self.part("ledger", after, |books| books.ledger.iter().flat_map(lines_of).collect())
    }
    async fn statement(&self, after: Option<String>) -> Reading<Part<StatementLine>> {
        let line = |((payment_id, currency), stated): (&(String, String), &Stated)| StatementLine {
            number: 1,
            payment_id: payment_id.clone(),
            order_id: stated.order_id.clone(),
            amount: Money { amount: stated.net, currency: currency.clone() },
            at_ms: stated.last_at_ms,
        };
        self.part("statement", after, |books| books.statement.iter().map(line).collect())
    }
    async fn skus(&self, after: Option<String>, _: u32) -> Reading<Part<Sku>> {
        self.part("skus", after, |books| books.skus.clone())
    }
    async fn reservations(&self, ids: Vec<String>) -> Reading<Vec<Standing>> {
        let books = self.books.lock().unwrap();
        Ok(ids.iter().map(|id| books.reservations[id]).collect())
    }
    async fn shipping(&self, after: Option<String>, _: u32) -> Reading<Part<Shipping>> {
        self.part("shipping", after, |books| books.shipping.clone())
    }
    async fn messages(&self, after: Option<String>, _: u32) -> Reading<Part<Message>> {
        self.part("messages", after, |books| books.messages.clone())
    }
    async fn projection(&self, after: Option<String>, _: u32) -> Reading<Part<Projected>> {
        self.part("projection", after, |books| books.projection.clone())
    }
}

/// The two lines of an account.
fn lines_of((key, account): (&(String, String), &Account)) -> [Posting; 2] {
    let line = |side, amount| Posting {
        payment_id: key.0.clone(),
        order_id: account.order_id.clone(),
        side,
        amount: Money { amount, currency: key.1.clone() },
    };
    [
        line(Side::CustomerFunds, account.customer_funds),
        line(Side::PspClearing, account.psp_clearing),
    ]
}

impl EventLog for Shop {
    async fn read(&self, after: u64, limit: u32) -> Result<Vec<LoggedEvent>, LogError> {
        self.read.lock().unwrap().push("log");
        assert!((1..=500).contains(&limit));
        let log = self.log.lock().unwrap();
        Ok(log.iter().filter(|event| event.position > after).take(PART).cloned().collect())
    }
    async fn subscriptions(&self) -> Result<Vec<Subscription>, LogError> {
        Ok(self.books.lock().unwrap().subscriptions.clone())
    }
    async fn dead_letters(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, LogError> {
        let books = self.books.lock().unwrap();
        let later =
            books.dead_letters.iter().filter(|it| after.as_ref().is_none_or(|a| it.id > *a));
        Ok(later.take(PART.min(limit as usize)).cloned().collect())
    }
    async fn replay(&self, dead_letter_id: String) -> Result<(), LogError> {
        let known = |letter: &DeadLetter| letter.id == dead_letter_id;
        if !self.books.lock().unwrap().dead_letters.iter().any(known) {
            return Err(LogError::NotFound("no such letter".to_owned()));
        }
        self.replayed.lock().unwrap().push(dead_letter_id);
        Ok(())
    }
    async fn replay_key(&self, name: String, key: String) -> Result<u64, LogError> {
        self.replayed.lock().unwrap().push(format!("{name} {key}"));
        Ok(2)
    }
    async fn discard(&self, dead_letter_id: String) -> Result<(), LogError> {
        let known = |letter: &DeadLetter| letter.id == dead_letter_id;
        if !self.books.lock().unwrap().dead_letters.iter().any(known) {
            return Err(LogError::NotFound("no such letter".to_owned()));
        }
        self.replayed.lock().unwrap().push(format!("not {dead_letter_id}"));
        Ok(())
    }
    async fn replay_range(&self, name: String, from: u64, until: u64) -> Result<u64, LogError> {
        self.replayed.lock().unwrap().push(format!("{name} {from} {until}"));
        Ok(3)
    }
}

async fn run(shop: &Shop) -> Reading<Finding> {
    Reconciliation::new(shop.clone(), shop.clone()).run(Partition::default(), &question(true)).await
}

#[tokio::test]
async fn books_are_read_page_by_page() {
    let shop = Shop::sound();
    let finding = run(&shop).await.unwrap();
    assert_eq!(finding.violations, []);
    let counted: Vec<_> = finding.checked.iter().map(|(_, count)| *count).collect();
    assert_eq!(counted, [5, 5, 4, 4, 2, 8, 13, 5, 23, 1, 0]);
    assert_eq!(finding.next, None);
    shop.books.lock().unwrap().payments[3].held = 1;
    assert_eq!(run(&shop).await.unwrap().violations[0].rule, "money-held");
}

#[tokio::test]
async fn orders_are_read_first_and_last_and_the_log_after_its_publishers() {
    let shop = Shop::sound();
    run(&shop).await.unwrap();
    let mut read = shop.read.lock().unwrap().clone();
    read.dedup();
    assert_eq!(read.first(), Some(&"orders"));
    assert_eq!(read.last(), Some(&"orders"));
    let index = |book| read.iter().position(|it| *it == book).unwrap();
    assert!(index("shipping") < index("log") && index("log") < index("projection"));
}

#[tokio::test]
async fn an_order_that_is_cancelled_during_the_check_is_not_reported() {
    let shop = Shop::sound();
    let lenient = Question { in_flight_ms: IN_FLIGHT_MS_MAX, ..question(false) };
    shop.cancel_during_check.store(true, SeqCst);
    let check = Reconciliation::new(shop.clone(), shop.clone());
    assert_eq!(check.run(Partition::default(), &lenient).await.unwrap().violations, []);
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
    let found = run(&shop).await.unwrap().violations;
    let rules: Vec<_> = found.iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, ["order-faulty", "order-unfinished"]);
}

#[tokio::test]
async fn an_unreadable_book_fails_the_check_and_is_named() {
    for book in
        ["orders", "payments", "ledger", "statement", "skus", "shipping", "messages", "projection"]
    {
        assert_eq!(run(&Shop::without(book)).await.unwrap_err().book, book);
    }
}

#[tokio::test]
async fn cyclic_pages_are_an_error() {
    let same = || async { Ok(Part { entries: Vec::<Order>::new(), next: Some("x".to_owned()) }) };
    let read = all(&mut Draft::default(), |_| same(), Draft::order).await;
    assert!(read.is_err());
}

/// Every violation is found once, including new ones, regardless of the memory limit.
#[tokio::test]
async fn books_that_do_not_fit_into_memory_are_checked_in_parts() {
    let shop = Shop::sound();
    {
        let mut books = shop.books.lock().unwrap();
        books.payments[0].held = 1;
        books.orders.last_mut().unwrap().faults.push("broken".to_owned());
        books.skus[1].sold += 1;
    }
    let check = async |kept_max| {
        let whole = Reconciliation::new(shop.clone(), shop.clone()).with_kept_max(kept_max);
        let (mut found, mut orders, mut parts) = (Vec::new(), 0, 0);
        let mut at = Some(Partition::default());
        while let Some(part) = at {
            let finding = whole.run(part, &question(true)).await.unwrap();
            found.extend(finding.violations);
            orders += finding.checked[0].1;
            (at, parts) = (finding.next, parts + 1);
        }
        found.sort();
        assert_eq!(orders, 5);
        (found, parts)
    };
    let (all, parts) = check(KEPT_MAX).await;
    assert_eq!((all.len(), parts), (4, 1), "{all:?}");
    let (same, parts) = check(20).await;
    assert_eq!(same, all);
    assert!(parts > 1);
}
