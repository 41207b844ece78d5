//! Killed at every boundary.
//!
//! A story is told once while the host notes each boundary of work that it passes: before and
//! after each write, call, publication and delivery. Then it is told again for each of them,
//! and there the process ends by SIGKILL. Afterwards it is started again, and the oracle is
//! asked.
//!
//! A boundary that a story passes several times is not the same each time: the second write of an
//! order is another one than the first. So the process is also killed when it comes there for the
//! second and third time; at a sample of these, which a seed chooses, because each takes seconds.
//! `TESSERA_SOAK_SEED` chooses the same sample again, `TESSERA_MATRIX_WHOLE=1` takes all of them.

use super::Plant;
use super::oracle::{Asked, Told, kept};
use super::plant::setting;
use crate::support::{Customer, books_agree, order, unique};
use fastrand::Rng;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a story may take to come to its point.
const REACH: Duration = Duration::from_secs(6);
/// A story is over when nothing new has happened for so long: longer than a courier's pause.
const STILL: Duration = Duration::from_secs(3);
/// Steps that only a returned order has.
const RETURN: &[&str] = &[
    "link/payments/payments.refund/",
    "link/inventory/stock.restock/",
    "publish/com.shop.orders.order.returned.v1/",
];
/// How often a boundary is passed before the kill, at most.
const HITS_MAX: u64 = 3;
/// Second and third hits that a story is cut off at.
const LATER_HITS: usize = 12;
/// How often a story is told before it must have passed all that it can't do without.
const TELLINGS_MAX: usize = 4;
/// Customers who register at once.
const REGISTERING: usize = 4;

/// What a customer does until the power goes off.
#[derive(Clone, Copy, Debug)]
enum Story {
    /// Orders what is in the cart, pays, and gets it.
    Delivered,
    /// Pays with a card that is declined.
    Declined,
    /// The provider charges the card and its answer is lost.
    LostAnswer,
    /// Calls the order off.
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

    /// Boundaries that it can't do without.
    fn passes(self) -> &'static [&'static str] {
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

    /// Whether this story is to be cut off at this point. One of them at all; the others where
    /// they differ from it, which is in the saga and its participants.
    fn is_cut_off_at(self, point: &str) -> bool {
        const SAGA: [&str; 6] =
            ["orders", "inventory", "payments", "psp-sandbox", "shipping", "cart"];
        if matches!(self, Self::Returned) {
            return RETURN.iter().any(|boundary| point.starts_with(boundary));
        }
        let mut parts = point.split(['/', ' ', '.']);
        matches!(self, Self::Delivered) || parts.any(|part| SAGA.contains(&part))
    }

    /// Tells it to a host that may be gone at any moment.
    async fn tell(self, plant: &Plant, customer: &Customer, sku: &str, told: &Told) {
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
        // An order of a cart that was emptied meanwhile would be another one.
        if placed.is_some() || body.get("items").is_some() {
            told.note(Asked { customer: customer.clone(), key, body, answer: placed });
        }
        if let (Self::Cancelled, Some(id)) = (self, id) {
            buyer.cancel(&id).await;
        }
    }
}

/// Where a story is cut off: when it comes to this point for this time, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    point: String,
    hit: u64,
}

/// All points of a story, in the order in which they are passed. The oracle is not asked meanwhile:
/// its own work is none of the story's.
async fn points(plant: &Plant, story: Story, customer: &Customer, sku: &str) -> Vec<String> {
    // What is still going on from before is not the story's either.
    plant.command(&json!({"record": true})).await;
    all_reached(plant).await;
    plant.command(&json!({"record": true})).await;
    story.tell(plant, customer, sku, &Told::default()).await;
    let reached = all_reached(plant).await;
    plant.command(&json!({"record": false})).await;
    reached.into_iter().filter(|point| story.is_cut_off_at(point)).collect()
}

/// The points of a story that has passed all boundaries that it can't do without. A courier may
/// leave with the parcel before its order is canceled: then another customer tries.
async fn all_points(plant: &Plant, story: Story, customers: &[Customer], sku: &str) -> Vec<String> {
    let mut lacking = Vec::new();
    for customer in customers {
        let points = points(plant, story, customer, sku).await;
        let passed = |boundary: &&str| points.iter().any(|point| point.starts_with(boundary));
        let missing: Vec<_> = story.passes().iter().filter(|boundary| !passed(boundary)).collect();
        if missing.is_empty() {
            return points;
        }
        lacking.push(format!("{missing:?} in {points:#?}"));
    }
    panic!("{story:?} did not pass {}", lacking.join("\n"));
}

/// Where to cut off a story that passes these points: at each for the first time, and at a sample
/// of the later hits.
fn cuts(points: &[String], rng: &mut Rng) -> Vec<Cut> {
    let mut hits = BTreeMap::<&str, u64>::new();
    let mut first = Vec::new();
    let mut later = Vec::new();
    for point in points {
        let hit = hits.entry(point).or_default();
        *hit += 1;
        let cut = Cut { point: point.clone(), hit: *hit };
        match cut.hit {
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

/// What was reached, once nothing new has been reached for a while.
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

/// Customers who have not ordered yet: what a first order writes is to be cut off, too.
async fn newcomers(plant: &Plant, count: usize) -> Vec<Customer> {
    let register = stream::iter(0..count).map(|_| Customer::new(plant.shop()));
    register.buffer_unordered(REGISTERING).collect().await
}

async fn killed_everywhere(story: Story) {
    let Some(mut plant) = Plant::open().await else { return };
    let (admin, told) = (plant.admin().await, Told::default());
    let sku = plant.shop().product(&admin, 100_000).await;
    // What happens only once in the life of a shop happens to the first of them.
    let first = newcomers(&plant, 1 + TELLINGS_MAX).await;
    story.tell(&plant, &first[0], &sku, &told).await;
    books_agree(plant.shop()).await;
    let points = all_points(&plant, story, &first[1..], &sku).await;
    let seed = setting("TESSERA_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{story:?}: TESSERA_SOAK_SEED={seed}");
    let cuts = cuts(&points, &mut Rng::with_seed(seed));
    let customers = newcomers(&plant, cuts.len()).await;
    books_agree(plant.shop()).await;
    let mut missed = Vec::new();
    for (cut, customer) in cuts.iter().zip(&customers) {
        plant.command(&json!({"kill_at": cut.hit, "only": cut.point})).await;
        story.tell(&plant, customer, &sku, &told).await;
        if !plant.ends_within(REACH).await {
            missed.push(cut);
            plant.kill().await;
        }
        plant.restart().await;
        books_agree(plant.shop()).await;
    }
    kept(&plant, &told).await;
    println!(
        "{story:?}: killed at {} of {} points, {} orders; not come by again: {missed:#?}",
        cuts.len() - missed.len(),
        cuts.len(),
        told.all().len(),
    );
    // Which van, which shard: some points are chance, and how often one is passed even more so.
    let count = |cuts: &mut dyn Iterator<Item = &Cut>, later: bool| {
        cuts.filter(|cut| (cut.hit > 1) == later).count()
    };
    for (later, of_so_many) in [(false, 5), (true, 2)] {
        let all = count(&mut cuts.iter(), later);
        let missed = count(&mut missed.iter().copied(), later);
        assert!(missed * of_so_many <= all, "{missed} of {all} were not come by again");
    }
}

#[test]
fn a_point_is_cut_at_up_to_its_third_hit_and_later_hits_are_a_sample() {
    let names = |count: usize| (0..count).map(|n| format!("point {n}")).collect::<Vec<_>>();
    let points = [names(40), names(40), names(40), names(40)].concat();
    let cuts = cuts(&points, &mut Rng::with_seed(1));
    let hits = |hit| cuts.iter().filter(|cut| cut.hit == hit).count();
    assert_eq!((hits(1), hits(2) + hits(3), hits(4)), (40, LATER_HITS, 0));
    assert!(hits(2) > 0 && hits(3) > 0);
    let different: BTreeSet<_> = cuts.iter().collect();
    assert_eq!(different.len(), cuts.len());
}

#[tokio::test]
async fn an_order_survives_a_kill_at_every_step() {
    killed_everywhere(Story::Delivered).await;
}

#[tokio::test]
async fn a_declined_order_survives_a_kill_at_every_step() {
    killed_everywhere(Story::Declined).await;
}

#[tokio::test]
async fn an_order_whose_charge_got_lost_survives_a_kill_at_every_step() {
    killed_everywhere(Story::LostAnswer).await;
}

#[tokio::test]
async fn a_cancelled_order_survives_a_kill_at_every_step() {
    killed_everywhere(Story::Cancelled).await;
}

#[tokio::test]
async fn a_returned_order_survives_a_kill_at_every_step() {
    killed_everywhere(Story::Returned).await;
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
    // The dead request holds the key and the lease of the order's driver.
    let again = plant.buyer(&customer).place(&key, &body).await.expect("an answer");
    assert!([201, 202].contains(&again.status.as_u16()), "{again:?}");
    let id = again.json()["id"].as_str().expect("an id").to_owned();
    let decided = plant.returned(&customer).await.decided(&id).await;
    assert_eq!(decided["status"], "confirmed", "{decided}");
}

/// What the tests above rest on: a kill that is commanded happens.
#[tokio::test]
async fn a_commanded_kill_ends_the_host() {
    let Some(mut plant) = Plant::open().await else { return };
    let (admin, told) = (plant.admin().await, Told::default());
    let sku = plant.shop().product(&admin, 10).await;
    let customer = Customer::new(plant.shop()).await;
    plant.command(&json!({"kill_at": 1, "only": ""})).await;
    Story::Declined.tell(&plant, &customer, &sku, &told).await;
    assert!(plant.ends_within(REACH).await);
    assert_eq!(told.all().len(), 1);
    assert_eq!(told.all()[0].answer, None::<Value>);
}
