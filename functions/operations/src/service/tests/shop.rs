//! A shop with all books, in memory.

use crate::domain::tests::{NOW_MS, question, sound, sound_log};
use crate::domain::{
    Account, Audit, Books, DeadLetter, Entry, LoggedEvent, Money, OrderStatus, Posting, Side,
    Standing, Stated, StatementLine, Subscription,
};
use crate::ports::{EventLog, LogError, Part, Ports, Reading, Sources, Unreadable};
use crate::service::Reconciliation;
use bytes::Bytes;
use chassis::Clock;
use chassis::auth::KeySet;
use chassis::http::{Outbound, OutboundError};
use chassis::store::MemoryStore;
use chassis::testing::{Issuer, ManualClock};
use http::{Request, Response};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// The size of pages, regardless of the requested one.
const PART: usize = 2;

/// A shop with these books, which records what is read.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) books: Arc<Mutex<Books>>,
    pub(crate) log: Arc<Mutex<Vec<LoggedEvent>>>,
    pub(super) read: Arc<Mutex<Vec<&'static str>>>,
    /// A book that can't be read.
    pub(super) broken: Arc<Mutex<Option<Audit>>>,
    /// Cancels an order while the payments are read.
    pub(super) cancel_during_check: Arc<AtomicBool>,
    /// Begins another run while the first payments are read.
    pub(super) begin_during_check: Arc<AtomicBool>,
    /// The pages of shipping form a cycle.
    pub(super) is_cyclic: Arc<AtomicBool>,
    /// Calls of the log that change something.
    pub(crate) replayed: Arc<Mutex<Vec<String>>>,
    pub(super) store: MemoryStore,
    pub(super) clock: ManualClock,
    keys: KeySet,
}

impl Shop {
    pub(crate) fn sound() -> Shop {
        Shop {
            books: Arc::new(Mutex::new(sound())),
            log: Arc::new(Mutex::new(sound_log())),
            read: Arc::default(),
            broken: Arc::default(),
            cancel_during_check: Arc::default(),
            begin_during_check: Arc::default(),
            is_cyclic: Arc::default(),
            replayed: Arc::default(),
            store: MemoryStore::new(),
            clock: ManualClock::new(NOW_MS),
            keys: Issuer::new().key_set(),
        }
    }

    pub(crate) fn without(book: Audit) -> Shop {
        let shop = Shop::sound();
        *shop.broken.lock().unwrap() = Some(book);
        shop
    }

    /// All books can be read again.
    pub(crate) fn repair(&self) {
        *self.broken.lock().unwrap() = None;
    }
}

impl Ports for Shop {
    type Store = MemoryStore;
    type Keys = KeySet;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn keys(&self) -> &KeySet {
        &self.keys
    }
}

impl Clock for Shop {
    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}

/// Functions that are swept, except for `events`, which does not run.
impl Outbound for Shop {
    async fn send(
        &self,
        request: Request<Bytes>,
        _: u64,
    ) -> Result<Response<Bytes>, OutboundError> {
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/sweep"));
        match request.uri().host() {
            Some("events.spin.internal") => Err(OutboundError::Connect("gone".to_owned())),
            _ => Ok(Response::new(Bytes::new())),
        }
    }
}

fn entries<T: Clone>(all: &[T], entry: fn(T) -> Entry) -> Vec<Entry> {
    all.iter().cloned().map(entry).collect()
}

impl Sources for Shop {
    async fn page(&self, book: Audit, after: Option<String>, _: u32) -> Reading<Part<Entry>> {
        if book == Audit::Payments && self.begin_during_check.swap(false, SeqCst) {
            Reconciliation::new(self.clone()).begin(question(false)).await.unwrap();
        }
        let mut books = self.books.lock().unwrap();
        if *self.broken.lock().unwrap() == Some(book) {
            let reason = "out of order".to_owned();
            return Err(Unreadable { book: "payments", reason });
        }
        if book == Audit::Payments && self.cancel_during_check.load(SeqCst) {
            books.orders[1].status = OrderStatus::Cancelled;
            books.payments[1].refunded = 500;
        }
        if book == Audit::Shipping && self.is_cyclic.load(SeqCst) {
            return Ok(Part { entries: Vec::new(), next: Some("same".to_owned()) });
        }
        let (name, all) = match book {
            Audit::Orders => ("orders", entries(&books.orders, Entry::Order)),
            Audit::Payments => ("payments", entries(&books.payments, Entry::Payment)),
            Audit::Ledger => {
                // One side in one line, the other in another.
                let lines: Vec<_> = books.ledger.iter().flat_map(lines_of).collect();
                ("ledger", entries(&lines, Entry::Posting))
            }
            Audit::Statement => {
                let lines: Vec<_> = books.statement.iter().map(statement_line).collect();
                ("statement", entries(&lines, Entry::StatementLine))
            }
            Audit::Skus => ("skus", entries(&books.skus, Entry::Sku)),
            Audit::Shipping => ("shipping", entries(&books.shipping, Entry::Shipping)),
            Audit::Messages => ("messages", entries(&books.messages, Entry::Message)),
            Audit::Projection => ("projection", entries(&books.projection, Entry::Projected)),
        };
        self.read.lock().unwrap().push(name);
        let from: usize = after.map_or(0, |after| after.parse().unwrap());
        let until = (from + PART).min(all.len());
        let next = (until < all.len()).then(|| until.to_string());
        Ok(Part { entries: all[from..until].to_vec(), next })
    }

    async fn reservations(&self, ids: Vec<String>) -> Reading<Vec<Standing>> {
        let books = self.books.lock().unwrap();
        Ok(ids.iter().map(|id| books.reservations[id]).collect())
    }
}

fn statement_line(((payment_id, currency), stated): (&(String, String), &Stated)) -> StatementLine {
    StatementLine {
        number: 1,
        payment_id: payment_id.clone(),
        order_id: stated.order_id.clone(),
        amount: Money { amount: stated.net, currency: currency.clone() },
        at_ms: stated.last_at_ms,
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
