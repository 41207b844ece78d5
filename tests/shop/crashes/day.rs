//! Customers who place random orders until the day is over.

use super::Plant;
use super::oracle::{Placement, Placements};
use super::plant::Power;
use crate::hostile::Crowd;
use crate::support::{Buyer, Customer, order, unique};
use fastrand::Rng;
use futures::future::join_all;
use harness::Answer;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// The number of concurrent customers.
pub(super) const CUSTOMERS: usize = 6;
/// Products that they order.
const PRODUCTS: usize = 4;
/// The test cards, weighted by their number of entries.
const CARDS: [&str; 8] = [
    "tok_approved",
    "tok_approved",
    "tok_approved",
    "tok_approved",
    "tok_lost_answer",
    "tok_declined",
    "tok_insufficient_funds",
    "tok_slow",
];
/// How long a customer whose request got no answer waits before the next one.
const DOWN: Duration = Duration::from_millis(100);
/// The maximum number of orders of a day, apart from those of hostile clients. The reconciliation
/// compares all of them at the end.
const ORDERS_MAX: u32 = 10_000;
/// The minimum share of orders that a running shop must accept.
const TAKEN_MIN_PERCENT: usize = 90;

/// A day with its customers and their orders.
pub(super) struct Day {
    pub(super) placements: Placements,
    pub(super) customers: Vec<Customer>,
    skus: Vec<String>,
    /// The minimum time between two orders of a customer.
    interval: Duration,
    served: Served,
    over: AtomicBool,
}

/// One customer's part of it.
pub(super) struct Shopper {
    customer: Customer,
    buyer: Buyer,
    power: Arc<Power>,
    rng: Rng,
}

/// The orders during which the shop was always running. If one of these was not accepted, this was
/// not caused by a kill.
#[derive(Default)]
struct Served {
    asked: AtomicUsize,
    taken: AtomicUsize,
    /// Why others were not, and how many.
    refused: Mutex<BTreeMap<String, usize>>,
}

impl Day {
    /// Registers the customers and creates the products, each with this stock. Customers order as
    /// fast as they can, but on a day of this length not more than [`ORDERS_MAX`] times.
    pub(super) async fn begin(plant: &Plant, pieces: u32, length: Duration) -> Self {
        let admin = plant.admin().await;
        let mut skus = Vec::new();
        for _ in 0..PRODUCTS {
            skus.push(plant.shop().product(&admin, pieces).await);
        }
        let customers = join_all((0..CUSTOMERS).map(|_| Customer::new(plant.shop()))).await;
        let (placements, served, over) =
            (Placements::default(), Served::default(), AtomicBool::new(false));
        let customer_orders_max = ORDERS_MAX / u32::try_from(CUSTOMERS).expect("few customers");
        let interval = length / customer_orders_max;
        Self { placements, customers, skus, interval, served, over }
    }

    /// The customers as clients of a shop that may be killed.
    pub(super) fn shoppers(&self, plant: &Plant, rng: &mut Rng) -> Vec<Shopper> {
        let shopper = |customer: &Customer| Shopper {
            customer: customer.clone(),
            buyer: plant.buyer(customer),
            power: plant.power(),
            rng: rng.fork(),
        };
        self.customers.iter().map(shopper).collect()
    }

    /// Lets them order until the day is over. Hostile clients learn the ids of the orders.
    pub(super) async fn shop(&self, shoppers: Vec<Shopper>, crowd: &Crowd) {
        join_all(shoppers.into_iter().map(|shopper| self.shop_on(shopper, crowd))).await;
    }

    async fn shop_on(&self, mut shopper: Shopper, crowd: &Crowd) {
        let mut interval = tokio::time::interval(self.interval.max(Duration::from_millis(1)));
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.over.load(Ordering::Relaxed) {
            interval.tick().await;
            let rng = &mut shopper.rng;
            let lines: Vec<_> = (0..rng.usize(1..3))
                .map(|_| (self.skus[rng.usize(..self.skus.len())].as_str(), rng.u32(1..4)))
                .collect();
            let body = order(&lines, CARDS[rng.usize(..CARDS.len())]);
            let (key, cancels, repeats) = (unique(), rng.u8(..4) == 0, rng.u8(..4) == 0);
            let placed = self.place(&shopper, &key, &body).await;
            if repeats {
                shopper.buyer.place(&key, &body).await;
            }
            let Some(id) = placed.as_ref().and_then(|order| order["id"].as_str()) else {
                tokio::time::sleep(DOWN).await;
                continue;
            };
            crowd.learns_of(id);
            if cancels {
                shopper.buyer.cancel(id).await;
            }
        }
    }

    /// Places an order and records the response. Returns the order, if the shop has accepted it.
    async fn place(&self, shopper: &Shopper, key: &str, body: &Value) -> Option<Value> {
        let began = shopper.power.run();
        let answer = shopper.buyer.place(key, body).await;
        let reason = reason(answer.as_ref());
        let placed = answer.filter(|answer| answer.status.is_success());
        let placed = placed.map(|answer| answer.json());
        if began.is_some() && began == shopper.power.run() {
            self.served.note(placed.is_some(), reason);
        }
        self.placements.note(Placement {
            customer: shopper.customer.clone(),
            key: key.to_owned(),
            body: body.clone(),
            answer: placed.clone(),
        });
        placed
    }

    /// Ends the day: customers begin no more orders.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// The number of accepted orders.
    ///
    /// # Panics
    /// If it did not accept enough of them while it was running.
    pub(super) fn taken(&self) -> usize {
        let (asked, served) = (self.served.asked(), self.served.taken());
        let refused = self.served.refused.lock().expect("no panic");
        println!("{served} of {asked} orders were taken by a running shop; others: {refused:?}");
        let enough = served * 100 >= asked * TAKEN_MIN_PERCENT;
        assert!(enough, "{served} of {asked} orders were taken; others: {refused:?}");
        self.placements.all().iter().filter(|asked| asked.answer.is_some()).count()
    }
}

/// Why an order was not accepted: the status, and the type and detail of the problem.
fn reason(answer: Option<&Answer>) -> String {
    let Some(answer) = answer else { return "no answer".to_owned() };
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    format!("{} {} {}", answer.status.as_u16(), problem["type"], problem["detail"])
}

impl Served {
    fn note(&self, taken: bool, reason: String) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.taken.fetch_add(usize::from(taken), Ordering::Relaxed);
        if !taken {
            *self.refused.lock().expect("no panic").entry(reason).or_default() += 1;
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}
