//! Whatever happens in whatever order (answers lost, the provider cut off, webhooks late,
//! doubled and out of order, the power going off between any two writes): the books always add
//! up to nothing, nobody is charged twice, and in the end they say what the provider says.

use super::wire::*;
use axum::body::Body;
use bytes::Bytes;
use chassis::clock::{Clock, Timer};
use chassis::money::Money;
use chassis::store::{FailingStore, MemoryStore, Store};
use http::Request;
use payments::audit::Entry;
use payments::domain::Status;
use payments::ledger::Account;
use payments::service::Refusal;
use proptest::prelude::*;
use psp_sandbox::charge::State;
use tower::ServiceExt;

const CARDS: [&str; 10] = [
    "tok_approved",
    "tok_slow",
    "tok_lost_answer",
    "tok_unreachable",
    "tok_declined",
    "tok_wrong_amount",
    "tok_refused_later",
    "tok_hold_lapsed",
    "tok_partial_capture",
    "tok_partial_reversal",
];

#[derive(Clone, Copy, Debug)]
enum Step {
    Authorize,
    Capture,
    Cancel,
    Get,
    Sweep,
    /// One of the webhooks that were sent so far, delivered or not.
    Webhook(usize),
    /// So many answers of the provider are lost.
    Lose(u32),
    /// The provider can't be reached, or can again.
    Cut(bool),
    /// The next request to the provider gets no answer and stays under way.
    Delay,
    /// Requests that are under way arrive.
    Arrive,
    /// So many milliseconds pass at the provider.
    Wait(u64),
    /// The power goes off after so many store operations of the next call.
    Crash(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Authorize),
        4 => Just(Step::Capture),
        2 => Just(Step::Cancel),
        1 => Just(Step::Get),
        1 => Just(Step::Sweep),
        4 => (0..6usize).prop_map(Step::Webhook),
        2 => (0..3u32).prop_map(Step::Lose),
        1 => any::<bool>().prop_map(Step::Cut),
        2 => Just(Step::Delay),
        1 => Just(Step::Arrive),
        1 => (0..4_000u64).prop_map(Step::Wait),
        3 => (0..12usize).prop_map(Step::Crash),
    ]
}

/// What a customer was told, and what must hold from then on.
#[derive(Default)]
struct Promises {
    captured: bool,
    cancelled: bool,
    cancel_asked: bool,
}

struct Run {
    wire: Wire,
    disk: MemoryStore,
    /// All webhooks that were ever sent.
    webhooks: Vec<Request<Bytes>>,
    card: &'static str,
    promises: Promises,
}

impl Run {
    fn new(card: &'static str) -> Run {
        Run {
            wire: Wire::new(),
            disk: MemoryStore::new(),
            webhooks: Vec::new(),
            card,
            promises: Promises::default(),
        }
    }

    async fn take(&mut self, step: Step, crash: Option<usize>) {
        match step {
            Step::Lose(count) => *self.wire.lose_answers.lock().unwrap() = count,
            Step::Cut(cut) => *self.wire.cut.lock().unwrap() = cut,
            Step::Delay => *self.wire.delay.lock().unwrap() = true,
            Step::Arrive => self.wire.arrive().await,
            Step::Wait(ms) => self.wire.clock.sleep(ms).await,
            Step::Crash(_) => {}
            call => match crash {
                Some(operations) => {
                    self.call(call, FailingStore::after(operations, self.disk.clone())).await;
                }
                None => self.call(call, self.disk.clone()).await,
            },
        }
        let mut sent = self.wire.sent.lock().unwrap();
        self.webhooks.extend(sent.drain(..));
    }

    async fn call(&mut self, call: Step, store: impl Store) {
        let payments = service(store, &self.wire);
        match call {
            Step::Authorize => {
                let answer = authorize(&payments, self.card).await;
                let lives = matches!(answer, Ok(Status::Authorized | Status::Captured));
                assert!(!(lives && self.promises.cancelled), "a cancelled payment came to life");
            }
            Step::Capture => {
                let answer = payments.capture(ID).await;
                assert!(!(answer.is_ok() && self.promises.cancel_asked), "captured after a cancel");
                self.promises.captured |= answer.is_ok();
            }
            Step::Cancel => {
                let answer = payments.cancel(ID, ORDER).await;
                self.promises.cancelled |= answer.is_ok();
                // A call that was cut off before it wrote anything has asked for nothing.
                let known = service(self.disk.clone(), &self.wire).history(ID).await.unwrap();
                self.promises.cancel_asked |= known.is_some_and(|(payment, _)| payment.barred);
            }
            Step::Get => drop(payments.get(ID).await),
            Step::Sweep => drop(payments.sweep().await),
            Step::Webhook(number) => {
                if let Some(webhook) = self.webhooks.get(number) {
                    let request = webhook.clone().map(Body::from);
                    drop(api(payments).oneshot(request).await.unwrap());
                }
            }
            _ => {}
        }
    }

    async fn entry(&self) -> Option<Entry> {
        let payments = service(self.disk.clone(), &self.wire);
        let mut entries = payments.entries(0, 100).await.unwrap().entries;
        assert!(entries.len() <= 1, "one payment is in the books once: {entries:?}");
        entries.pop()
    }

    /// What must hold at all times, whatever is under way.
    async fn check(&self) {
        let payments = service(self.disk.clone(), &self.wire);
        let postings = postings(&payments).await;
        let Some(entry) = self.entry().await else {
            assert!(postings.is_empty(), "money moved for no payment: {postings:?}");
            return;
        };
        assert!([0, 50, 500].contains(&entry.captured), "charged twice: {entry:?}");
        assert!(entry.refunded <= entry.captured, "{entry:?}");
        let paid = balance(&postings, Account::CustomerFunds);
        assert_eq!(paid, entry.refunded - entry.captured, "the ledger is the payment");
    }

    /// The storm is over: the provider answers, and those who called go on until they know.
    async fn settle(&mut self) {
        self.take(Step::Cut(false), None).await;
        self.take(Step::Lose(0), None).await;
        *self.wire.delay.lock().unwrap() = false;
        self.take(Step::Arrive, None).await;
        self.take(Step::Wait(10_000), None).await;
        for _ in 0..2 {
            self.take(Step::Sweep, None).await;
            if self.promises.cancel_asked {
                self.take(Step::Cancel, None).await;
            } else {
                self.take(Step::Get, None).await;
            }
            for number in 0..self.webhooks.len() {
                self.take(Step::Webhook(number), None).await;
            }
        }
    }

    async fn check_settled(&self) {
        let Some(entry) = self.entry().await else { return };
        let now_ms = self.wire.clock.now_ms();
        let charge = self.wire.sandbox().find_by_key(ID).await.ok();
        let theirs = charge.as_ref().map_or(0, |charge| charge.balance());
        assert_eq!(entry.captured - entry.refunded, theirs, "{entry:?} {charge:?}");
        let state = charge.as_ref().map(|charge| charge.state(now_ms));
        let held = state == Some(State::Hold);
        let value = charge.as_ref().map_or(0, |charge| charge.value());
        assert_eq!(entry.held, if held { value } else { 0 }, "{entry:?} {charge:?}");
        let postings = books(&service(self.disk.clone(), &self.wire)).await;
        assert!(adds_up(&postings), "both sides of the ledger agree: {postings:?}");
        assert_eq!(balance(&postings, Account::PspClearing), theirs, "{postings:?}");
        if self.card == "tok_partial_reversal" && theirs > 0 {
            assert!(!self.promises.cancelled, "what is kept was not given back: {entry:?}");
        } else if self.promises.cancel_asked {
            assert!(self.promises.cancelled, "a cancel comes to its end: {entry:?}");
            assert!(!held && theirs == 0, "nothing is kept of a cancelled payment: {charge:?}");
        } else if self.promises.captured {
            assert_eq!(theirs, 500, "what was taken stays taken");
        }
    }
}

async fn run(card: &'static str, steps: &[Step]) {
    let mut run = Run::new(card);
    let mut crash = None;
    for step in steps {
        run.take(*step, crash.take()).await;
        if let Step::Crash(operations) = step {
            crash = Some(*operations);
        }
        run.check().await;
    }
    run.settle().await;
    run.check().await;
    run.check_settled().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn the_books_add_up_and_nobody_is_charged_twice(
        card in prop::sample::select(&CARDS[..]),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(card, &steps));
    }
}

#[tokio::test]
async fn a_capture_cut_anywhere_and_a_webhook_about_it_book_it_once() {
    for operations in 0..20 {
        let mut run = Run::new("tok_approved");
        run.take(Step::Authorize, None).await;
        run.take(Step::Capture, Some(operations)).await;
        for number in [1, 0, 1] {
            run.take(Step::Webhook(number), None).await;
            run.check().await;
        }
        run.take(Step::Capture, None).await;
        assert_eq!(run.entry().await.unwrap().captured, 500, "step {operations}");
        run.check().await;
    }
}

#[tokio::test]
async fn every_payment_is_in_the_books_whenever_the_power_goes_off() {
    for operations in 0..30 {
        let (wire, disk) = (Wire::new(), MemoryStore::new());
        let dying = service(FailingStore::after(operations, disk.clone()), &wire);
        let first = dying.authorize(ID, ORDER, Money::new(500, "EUR"), "tok_approved").await;
        let payments = service(disk, &wire);
        let known = payments.history(ID).await.unwrap().is_some();
        let listed = payments.entries(0, 100).await.unwrap().entries;
        assert_eq!(listed.len(), usize::from(known), "step {operations}");
        if let Err(Refusal::Unavailable(_)) = first {
            payments.authorize(ID, ORDER, Money::new(500, "EUR"), "tok_approved").await.unwrap();
        }
        let [entry] = payments.entries(0, 100).await.unwrap().entries.try_into().unwrap();
        assert_eq!((entry.captured, entry.refunded), (0, 0), "step {operations}");
    }
}
