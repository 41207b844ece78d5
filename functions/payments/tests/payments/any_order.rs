//! Any calls, webhooks, failures and crashes in any order: the books always add up, no customer is
//! charged twice, and in the end the books agree with the provider.

use super::wire::*;
use axum::body::Body;
use bytes::Bytes;
use chassis::Clock;
use chassis::store::Store;
use chassis::testing::{MemoryStore, ScriptedStore};
use http::Request;
use payments::domain::{Account, Payment, Status};
use proptest::prelude::*;
use psp_sandbox::charge::State;

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
    /// This number of responses of the provider is lost.
    Lose(u32),
    /// Whether the provider can't be reached.
    Cut(bool),
    /// The next request to the provider is delayed, and gets no response.
    Delay,
    /// Delayed requests arrive.
    Arrive,
    /// This number of milliseconds passes at the provider.
    Wait(u64),
    /// The next call crashes after this number of store operations.
    Crash(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Authorize),
        4 => Just(Step::Capture),
        2 => Just(Step::Cancel),
        1 => Just(Step::Get),
        2 => Just(Step::Sweep),
        4 => (0..6usize).prop_map(Step::Webhook),
        2 => (0..3u32).prop_map(Step::Lose),
        1 => any::<bool>().prop_map(Step::Cut),
        2 => Just(Step::Delay),
        1 => Just(Step::Arrive),
        1 => (0..4_000u64).prop_map(Step::Wait),
        3 => (0..20usize).prop_map(Step::Crash),
    ]
}

/// What was confirmed to the caller.
#[derive(Default)]
struct Confirmed {
    captured: bool,
    canceled: bool,
    cancel_asked: bool,
}

struct Run {
    wire: Wire,
    disk: MemoryStore,
    /// All webhooks so far.
    webhooks: Vec<Request<Bytes>>,
    card: &'static str,
    confirmed: Confirmed,
}

impl Run {
    fn new(card: &'static str) -> Run {
        Run {
            wire: Wire::new(),
            disk: MemoryStore::new(),
            webhooks: Vec::new(),
            card,
            confirmed: Confirmed::default(),
        }
    }

    async fn take(&mut self, step: Step, crash: Option<usize>) {
        match step {
            Step::Lose(count) => self.wire.lose_responses(count),
            Step::Cut(is_cut) => self.wire.cut(is_cut),
            Step::Delay => self.wire.delay_next(),
            Step::Arrive => self.wire.arrive().await,
            Step::Wait(ms) => self.wire.provider_clock.advance(ms),
            Step::Crash(_) => {}
            call => match crash {
                Some(operations) => {
                    self.call(call, ScriptedStore::failing_after(operations, self.disk.clone()))
                        .await;
                }
                None => self.call(call, self.disk.clone()).await,
            },
        }
        self.webhooks.extend(self.wire.network().webhooks.drain(..));
    }

    async fn call(&mut self, call: Step, store: impl Store) {
        let payments = service(store, &self.wire);
        match call {
            Step::Authorize => {
                let answer = authorize(&payments, self.card).await;
                let is_active = matches!(answer, Ok(Status::Authorized | Status::Captured));
                assert!(
                    !(is_active && self.confirmed.canceled),
                    "a canceled payment is not active"
                );
            }
            Step::Capture => {
                let answer = payments.capture(ID).await;
                assert!(
                    !(answer.is_ok() && self.confirmed.cancel_asked),
                    "captured after a cancel"
                );
                self.confirmed.captured |= answer.is_ok();
            }
            Step::Cancel => {
                let answer = payments.cancel(ID, ORDER).await;
                self.confirmed.canceled |= answer.is_ok();
                // A call that crashed before it wrote anything has no effect.
                let known =
                    service(self.disk.clone(), &self.wire).records().load(ID).await.unwrap();
                self.confirmed.cancel_asked |= known.is_some_and(|(payment, _)| payment.barred);
            }
            Step::Get => drop(payments.get(ID).await),
            Step::Sweep => drop(payments.sweep().await),
            Step::Webhook(number) => {
                if let Some(webhook) = self.webhooks.get(number) {
                    drop(client(&payments).send(webhook.clone().map(Body::from)).await);
                }
            }
            _ => {}
        }
    }

    async fn payment(&self) -> Option<Payment> {
        let payments = service(self.disk.clone(), &self.wire);
        let mut listed = payments.records().payments(0, 100).await.unwrap().entries;
        let is_known = payments.records().load(ID).await.unwrap().is_some();
        assert_eq!(listed.len(), usize::from(is_known), "it is listed once: {listed:?}");
        listed.pop().map(|(payment, _)| payment)
    }

    /// The invariants of all states.
    async fn check(&self) {
        let payments = service(self.disk.clone(), &self.wire);
        let postings = postings(&payments).await;
        let Some(payment) = self.payment().await else {
            assert!(postings.is_empty(), "no movement without a payment: {postings:?}");
            return;
        };
        assert!([0, 50, 500].contains(&payment.known.captured), "charged twice: {payment:?}");
        assert!(payment.known.refunded <= payment.known.captured, "{payment:?}");
        let paid = balance(&postings, Account::CustomerFunds);
        assert_eq!(paid, -payment.net(), "the ledger agrees with the payment");
    }

    /// The failures end, and callers repeat their calls until they have a result.
    async fn settle(&mut self) {
        self.take(Step::Cut(false), None).await;
        self.take(Step::Lose(0), None).await;
        self.wire.network().delay_next = false;
        self.take(Step::Arrive, None).await;
        self.take(Step::Wait(10_000), None).await;
        for _ in 0..2 {
            self.take(Step::Sweep, None).await;
            if self.confirmed.cancel_asked {
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
        let Some(payment) = self.payment().await else { return };
        let now_ms = self.wire.provider_clock.now_ms();
        let charge = self.wire.sandbox().find_by_key(ID).await.ok();
        let captured = charge.as_ref().map_or(0, |charge| charge.balance());
        assert_eq!(payment.net(), captured, "{payment:?} {charge:?}");
        let state = charge.as_ref().map(|charge| charge.state(now_ms));
        let held = state == Some(State::Hold);
        let value = charge.as_ref().map_or(0, |charge| charge.value());
        assert_eq!(payment.held(), if held { value } else { 0 }, "{payment:?} {charge:?}");
        let postings = books(&service(self.disk.clone(), &self.wire)).await;
        assert!(adds_up(&postings), "both sides of the ledger agree: {postings:?}");
        assert_eq!(balance(&postings, Account::PspClearing), captured, "{postings:?}");
        if self.card == "tok_partial_reversal" && captured > 0 {
            assert!(!self.confirmed.canceled, "an incomplete refund is not confirmed: {payment:?}");
        } else if self.confirmed.cancel_asked {
            assert!(self.confirmed.canceled, "a cancellation ends: {payment:?}");
            assert!(!held && captured == 0, "a canceled payment is refunded: {charge:?}");
        } else if self.confirmed.captured {
            assert_eq!(captured, 500, "a confirmed capture stays");
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
    fn the_books_add_up_and_no_customer_is_charged_twice(
        card in prop::sample::select(&CARDS[..]),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(card, &steps));
    }
}
