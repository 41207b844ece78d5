//! Kills at every fault point.
//!
//! A story runs once while the host records its fault points: before and after each write, call,
//! publication and delivery. Then the story runs again for each of them, with a SIGKILL at this
//! point. Afterwards, the host is started again, and the oracle checks the shop.
//!
//! A story may reach a fault point several times, in different states of an order. So the process
//! is also killed when it reaches one for the second and third time, at a sample of these that a
//! seed chooses, because each takes seconds. `TESSERA_SOAK_SEED` chooses the same sample again, and
//! `TESSERA_MATRIX_WHOLE=1` takes all of them.
//!
//! All stories begin like that of an order that is delivered. So the other ones are only killed
//! after the fault point at which they begin to differ from it.

use super::Plant;
use super::oracle::{Placement, Placements, assert_orders_exist_once};
use super::plant::setting;
use crate::support::{Api, Customer, books_agree_for, order, unique};
use fastrand::Rng;
use futures::future::join;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The time within which a story should reach its fault point.
const REACH: Duration = Duration::from_secs(10);
/// A story is over when no other fault point was reached for this time, which is longer than the
/// pause of a courier.
const STILL: Duration = Duration::from_secs(3);
/// Fault points that only a returned order has.
const RETURN: &[&str] = &[
    "link/payments/payments.refund/",
    "link/inventory/stock.restock/",
    "publish/com.shop.orders.order.returned.v1/",
];
/// The maximum number of kills at a fault point.
const HITS_MAX: u64 = 3;
/// The size of the sample of second and third times.
const LATER_HITS: usize = 12;
/// The maximum number of runs of a story until one has reached all required fault points.
const RUNS_MAX: usize = 4;
/// Customers who register at once.
const REGISTERING: usize = 4;

/// What a customer does until the kill.
#[derive(Clone, Copy, Debug)]
enum Story {
    /// Orders the cart, pays, and receives the order.
    Delivered,
    /// Pays with a card that is declined.
    Declined,
    /// The provider charges the card, and its response is lost.
    LostAnswer,
    /// Cancels the order.
    Cancelled,
    /// The parcel can't be delivered, so the order is returned.
    Returned,
}

impl Story {
    fn card(self) -> &'static str {
        match self {
            Self::Declined => "tok_declined",
            Self::LostAnswer => "tok_lost_answer",
            Self::Delivered | Self::Cancelled | Self::Returned => "tok_approved",
        }
    }

    /// Fault points that it always reaches.
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Delivered => &[
                "link/inventory/stock.reserve/",
                "link/payments/payments.authorize/",
                "link/payments/payments.capture/",
                "link/inventory/stock.commit/",
                "link/shipping/shipments.create/",
                "link/cart/carts.clear/",
                "http/payments/",
                "http/notifications/",
                "publish/com.shop.orders.order.placed.v1/",
                "publish/com.shop.shipping.shipment.changed.v1/",
                "deliver/orders/",
                "deliver/notifications-orders/",
                "deliver/order-history-orders/",
                "deliver/recommendations-orders/",
                "acknowledge/orders/done/",
            ],
            Self::Declined => &[
                "link/payments/payments.authorize/",
                "link/payments/payments.cancel/",
                "link/inventory/stock.release/",
            ],
            Self::LostAnswer => &["link/payments/payments.capture/", "http/payments/"],
            Self::Cancelled => &[
                "link/shipping/shipments.cancel/",
                "link/payments/payments.cancel/",
                "link/inventory/stock.take-back/",
            ],
            Self::Returned => RETURN,
        }
    }

    /// The fault point at which it begins to differ from [`Story::Delivered`], and how often it was
    /// reached then, from 1.
    fn differs_from(self) -> Option<(&'static str, usize)> {
        match self {
            Self::Delivered | Self::Returned => None,
            Self::Declined => Some(("link/payments/payments.authorize/before", 1)),
            Self::LostAnswer => Some(("link/payments/payments.capture/before", 1)),
            // The first request places the order.
            Self::Cancelled => Some(("http/gateway/POST orders.spin.internal/before", 2)),
        }
    }

    /// Whether this story is killed at this fault point: one story at all of them, the others in the
    /// saga and its participants.
    fn is_killed_at(self, point: &str) -> bool {
        const SAGA: [&str; 6] =
            ["orders", "inventory", "payments", "psp-sandbox", "shipping", "cart"];
        if matches!(self, Self::Returned) {
            return RETURN.iter().any(|boundary| point.starts_with(boundary));
        }
        let mut parts = point.split(['/', ' ', '.']);
        matches!(self, Self::Delivered) || parts.any(|part| SAGA.contains(&part))
    }

    /// Runs it against a host that may be killed at any time.
    async fn run(self, plant: &Plant, customer: &Customer, sku: &str, placements: &Placements) {
        let buyer = plant.buyer(customer);
        let mut body = order(&[(sku, 1)], self.card());
        if matches!(self, Self::Delivered) {
            let put = buyer.fill_cart(sku).await;
            if put.is_some_and(|answer| answer.status.is_success()) {
                body.as_object_mut().expect("an object").remove("items");
            }
        }
        if matches!(self, Self::Returned) {
            body["shipping_address"]["name"] = json!("Nobody Home");
        }
        let key = unique();
        let answer = buyer.place(&key, &body).await;
        let placed = answer.filter(|answer| answer.status.is_success());
        let placed = placed.map(|answer| answer.json());
        let id = placed.as_ref().and_then(|order| Some(order["id"].as_str()?.to_owned()));
        // If the cart was emptied in the meantime, a repetition would be another order.
        if placed.is_some() || body.get("items").is_some() {
            placements.note(Placement { customer: customer.clone(), key, body, answer: placed });
        }
        if let (Self::Cancelled, Some(id)) = (self, id) {
            buyer.cancel(&id).await;
        }
    }
}

/// The kill of a story: when it reaches this fault point for this time, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    point: String,
    hit: u64,
}

/// The fault points of a story, in the order in which they are reached. The oracle does not run in
/// the meantime, because its work is not part of the story.
async fn points(plant: &Plant, story: Story, customer: &Customer, sku: &str) -> Vec<String> {
    // Work that is still in progress is not part of the story.
    plant.command(&json!({"record": true})).await;
    all_reached(plant).await;
    plant.command(&json!({"record": true})).await;
    story.run(plant, customer, sku, &Placements::default()).await;
    let reached = all_reached(plant).await;
    plant.command(&json!({"record": false})).await;
    reached.into_iter().filter(|point| story.is_killed_at(point)).collect()
}

/// The fault points of a run that has reached all required ones. A courier may leave with the
/// parcel before its order is canceled; then another customer tries.
async fn all_points(plant: &Plant, story: Story, customers: &[Customer], sku: &str) -> Vec<String> {
    let mut lacking = Vec::new();
    for customer in customers {
        let points = points(plant, story, customer, sku).await;
        let reached = |boundary: &&str| points.iter().any(|point| point.starts_with(boundary));
        let missing: Vec<_> =
            story.required().iter().filter(|boundary| !reached(boundary)).collect();
        if missing.is_empty() {
            return points;
        }
        lacking.push(format!("{missing:?} in {points:#?}"));
    }
    panic!("{story:?} did not reach {}", lacking.join("\n"));
}

/// The kills of a story that reaches these fault points and differs from the first one on: each for
/// the first time, and a sample of the later times.
fn cuts(points: &[String], differs_from: usize, rng: &mut Rng) -> Vec<Cut> {
    let mut hits = BTreeMap::<&str, u64>::new();
    let mut counted = BTreeMap::<&str, u64>::new();
    let mut first = Vec::new();
    let mut later = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let hit = hits.entry(point).or_default();
        *hit += 1;
        if index < differs_from {
            continue;
        }
        let cut = Cut { point: point.clone(), hit: *hit };
        let count = counted.entry(point).or_default();
        *count += 1;
        match *count {
            1 => first.push(cut),
            2..=HITS_MAX => later.push(cut),
            _ => {}
        }
    }
    rng.shuffle(&mut later);
    if std::env::var_os("TESSERA_MATRIX_WHOLE").is_none() {
        later.truncate(LATER_HITS);
    }
    first.append(&mut later);
    first
}

/// The index of the first point that only this story reaches in this way.
fn first_of_its_own(story: Story, points: &[String]) -> usize {
    let Some((point, hit)) = story.differs_from() else { return 0 };
    let mut hits = points.iter().enumerate().filter(|(_, reached)| *reached == point);
    let (index, _) = hits.nth(hit - 1).unwrap_or_else(|| panic!("{story:?} reaches {point}"));
    index
}

/// The fault points that were reached, once no other one is reached for some time.
async fn all_reached(plant: &Plant) -> Vec<String> {
    let (mut kinds, mut since) = (0, Instant::now());
    loop {
        let reached = plant.reached().await;
        let now = reached.iter().collect::<BTreeSet<_>>().len();
        if now != kinds {
            (kinds, since) = (now, Instant::now());
        } else if since.elapsed() > STILL {
            return reached;
        }
        tokio::time::sleep(STILL / 20).await;
    }
}

/// Customers without orders, so that the first write of a customer is also interrupted.
async fn newcomers(plant: &Plant, count: usize) -> Vec<Customer> {
    let register = stream::iter(0..count).map(|_| Customer::new(plant.shop()));
    register.buffer_unordered(REGISTERING).collect().await
}

/// A shop in which a story has happened once, which causes what happens only once in a shop.
struct Scene {
    story: Story,
    plant: Plant,
    /// The administrator stays signed in when the shop is killed.
    admin: Api,
    sku: String,
    placements: Placements,
}

impl Scene {
    /// None when the scenarios go to another address.
    async fn open(story: Story) -> Option<Self> {
        let (plant, placements) = (Plant::open().await?, Placements::default());
        let mut admin = plant.admin().await;
        let sku = plant.shop().product(&admin, 100_000).await;
        let customers = newcomers(&plant, 1).await;
        story.run(&plant, &customers[0], &sku, &placements).await;
        books_agree_for(plant.shop(), &mut admin).await;
        Some(Self { story, plant, admin, sku, placements })
    }

    async fn all_points(&self) -> Vec<String> {
        let customers = newcomers(&self.plant, RUNS_MAX).await;
        all_points(&self.plant, self.story, &customers, &self.sku).await
    }

    async fn books_agree(&mut self) {
        books_agree_for(self.plant.shop(), &mut self.admin).await;
    }

    /// Runs the story with each of these kills. Returns those whose fault point was not reached.
    async fn survive(mut self, cuts: &[Cut]) -> Vec<&Cut> {
        let customers = newcomers(&self.plant, cuts.len()).await;
        self.books_agree().await;
        let mut missed = Vec::new();
        for (cut, customer) in cuts.iter().zip(&customers) {
            self.plant.command(&json!({"kill_at": cut.hit, "only": cut.point})).await;
            self.story.run(&self.plant, customer, &self.sku, &self.placements).await;
            if !self.plant.ends_within(REACH).await {
                missed.push(cut);
                self.plant.kill().await;
            }
            self.plant.restart().await;
            self.books_agree().await;
        }
        assert_orders_exist_once(&self.plant, &self.placements).await;
        missed
    }
}

/// Two shops share the kills of a story: a shop waits most of the time, for timeouts and schedules.
async fn assert_survives_kills(story: Story) {
    let Some(scene) = Scene::open(story).await else { return };
    let points = scene.all_points().await;
    let seed = setting("TESSERA_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{story:?}: TESSERA_SOAK_SEED={seed}");
    let cuts = cuts(&points, first_of_its_own(story, &points), &mut Rng::with_seed(seed));
    let (part, other) = cuts.split_at(cuts.len() / 2);
    let second = async || {
        let scene = Scene::open(story).await.expect("a shop opens again");
        scene.survive(other).await
    };
    let (missed, also_missed) = join(scene.survive(part), second()).await;
    let missed = [missed, also_missed].concat();
    println!(
        "{story:?}: killed at {} of {} points; not reached again: {missed:#?}",
        cuts.len() - missed.len(),
        cuts.len(),
    );
    // Some fault points depend on chance (the van, the shard), and repetitions even more.
    let count = |cuts: &mut dyn Iterator<Item = &Cut>, later: bool| {
        cuts.filter(|cut| (cut.hit > 1) == later).count()
    };
    for (later, part) in [(false, 5), (true, 2)] {
        let all = count(&mut cuts.iter(), later);
        let missed = count(&mut missed.iter().copied(), later);
        assert!(missed * part <= all, "{missed} of {all} were not reached again");
    }
}

#[test]
fn kills_are_at_each_first_hit_and_at_a_sample_of_the_second_and_third() {
    let names = |count: usize| (0..count).map(|n| format!("point {n}")).collect::<Vec<_>>();
    let points = [names(40), names(40), names(40), names(40)].concat();
    let all = cuts(&points, 0, &mut Rng::with_seed(1));
    let hits = |hit| all.iter().filter(|cut| cut.hit == hit).count();
    assert_eq!((hits(1), hits(2) + hits(3), hits(4)), (40, LATER_HITS, 0));
    assert!(hits(2) > 0 && hits(3) > 0);
    let different: BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    let rest = cuts(&points, 130, &mut Rng::with_seed(1));
    let hit_before: Vec<_> = rest.iter().map(|cut| cut.hit).collect();
    assert_eq!(hit_before, [4; 30], "only what comes after, counted from the beginning");
}

#[tokio::test]
async fn an_order_survives_a_kill_at_every_step() {
    assert_survives_kills(Story::Delivered).await;
}

#[tokio::test]
async fn a_declined_order_survives_a_kill_at_every_step() {
    assert_survives_kills(Story::Declined).await;
}

#[tokio::test]
async fn an_order_with_a_lost_response_survives_a_kill_at_every_step() {
    assert_survives_kills(Story::LostAnswer).await;
}

#[tokio::test]
async fn a_cancelled_order_survives_a_kill_at_every_step() {
    assert_survives_kills(Story::Cancelled).await;
}

#[tokio::test]
async fn a_returned_order_survives_a_kill_at_every_step() {
    assert_survives_kills(Story::Returned).await;
}

/// Longer than the timeouts of this test: an hour, in milliseconds.
const LONG_LEASE_MS: &str = "3600000";

#[tokio::test]
async fn after_a_kill_the_same_key_continues_immediately() {
    let Some(mut plant) = Plant::with_leases_of(LONG_LEASE_MS).await else { return };
    let sku = plant.shop().product(&plant.admin().await, 10).await;
    let customer = Customer::new(plant.shop()).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_approved"));
    let point = "link/payments/payments.authorize/";
    plant.command(&json!({"kill_at": 1, "only": point})).await;
    let answer = plant.buyer(&customer).place(&key, &body).await;
    assert!(answer.is_none() && plant.ends_within(REACH).await, "{answer:?}");
    plant.restart().await;
    // The killed request holds the key and the lease of the order.
    let again = plant.buyer(&customer).place(&key, &body).await.expect("an answer");
    assert!([201, 202].contains(&again.status.as_u16()), "{again:?}");
    let id = again.json()["id"].as_str().expect("an id").to_owned();
    let decided = plant.signed_in(&customer).await.decided(&id).await;
    // Couriers may have been faster than this client.
    let accepted = ["confirmed", "shipped", "delivered"];
    assert!(accepted.contains(&decided["status"].as_str().unwrap_or_default()), "{decided}");
}

/// The tests above depend on this.
#[tokio::test]
async fn a_commanded_kill_ends_the_host() {
    let Some(mut plant) = Plant::open().await else { return };
    let (admin, placements) = (plant.admin().await, Placements::default());
    let sku = plant.shop().product(&admin, 10).await;
    let customer = Customer::new(plant.shop()).await;
    plant.command(&json!({"kill_at": 1, "only": ""})).await;
    Story::Declined.run(&plant, &customer, &sku, &placements).await;
    assert!(plant.ends_within(REACH).await);
    assert_eq!(placements.all().len(), 1);
    assert_eq!(placements.all()[0].answer, None::<Value>);
}
