//! Customers do what they like, and nothing is safe.
//!
//! Everything that is chosen comes from one seed, which is printed: `TESSERA_SOAK_SEED` makes
//! the same choices again, `TESSERA_SOAK_SECONDS` goes on for longer.

use super::Plant;
use super::buyer::Buyer;
use super::oracle::{Asked, Told, kept};
use super::plant::setting;
use crate::support::{Customer, order, unique};
use fastrand::Rng;
use futures::future::join_all;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// How long it goes on unless told otherwise, in seconds.
const SECONDS: u64 = 60;
/// Customers at once.
const CUSTOMERS: usize = 6;
/// Products that they fight for, with so many pieces each for every minute.
const PRODUCTS: usize = 4;
const PIECES_PER_MINUTE: u64 = 400;
/// What cards can do, each as often as it stands here.
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
/// Between two faults, in milliseconds.
const CALM_MS: std::ops::Range<u64> = 250..2_500;
/// Of a hundred faults so many are kills; the others are pauses. An hour has a thousand kills.
const KILLS_PERCENT: u32 = 80;
/// The longest pause, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 50..1_500;
/// Of a hundred deliveries so many are made twice, at once or late.
const DUPLICATES_PERCENT: u64 = 20;
/// How long a customer whose request got no answer waits before the next one.
const DOWN: Duration = Duration::from_millis(100);

/// One customer's day.
async fn shop_on(
    buyer: Buyer,
    customer: &Customer,
    skus: &[String],
    mut rng: Rng,
    told: &Told,
    over: &AtomicBool,
) {
    while !over.load(Ordering::Relaxed) {
        let lines: Vec<_> = (0..rng.usize(1..3))
            .map(|_| (skus[rng.usize(..skus.len())].as_str(), rng.u32(1..4)))
            .collect();
        let body = order(&lines, CARDS[rng.usize(..CARDS.len())]);
        let (key, cancels, repeats) = (unique(), rng.u8(..4) == 0, rng.u8(..4) == 0);
        let answer = buyer.place(&key, &body).await;
        let placed = answer.filter(|answer| answer.status.is_success());
        let placed = placed.map(|answer| answer.json());
        told.note(Asked {
            customer: customer.clone(),
            key: key.clone(),
            body: body.clone(),
            answer: placed.clone(),
        });
        if repeats {
            buyer.place(&key, &body).await;
        }
        let id = placed.as_ref().and_then(|order| order["id"].as_str());
        match id {
            Some(id) if cancels => drop(buyer.cancel(id).await),
            Some(_) => {}
            None => tokio::time::sleep(DOWN).await,
        }
    }
}

/// Kills and pauses until the time is over. How often it was killed.
async fn trouble(plant: &mut Plant, mut rng: Rng, length: Duration, kills: &AtomicU32) {
    let end = tokio::time::Instant::now() + length;
    loop {
        let seed = rng.u64(..);
        let duplicates = json!({"duplicate_deliveries": DUPLICATES_PERCENT, "seed": seed});
        plant.command(&duplicates).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(CALM_MS))).await;
        if tokio::time::Instant::now() >= end {
            return;
        }
        if rng.u32(..100) >= KILLS_PERCENT {
            plant.pause(Duration::from_millis(rng.u64(PAUSE_MS))).await;
            continue;
        }
        plant.kill().await;
        kills.fetch_add(1, Ordering::Relaxed);
        plant.restart().await;
    }
}

#[tokio::test]
async fn everything_agrees_after_a_bad_day() {
    let seed = setting("TESSERA_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    let length = Duration::from_secs(setting("TESSERA_SOAK_SECONDS").unwrap_or(SECONDS));
    println!("TESSERA_SOAK_SEED={seed}");
    let Some(mut plant) = Plant::open().await else { return };
    let admin = plant.admin().await;
    let pieces = u32::try_from(PIECES_PER_MINUTE * length.as_secs().div_ceil(60)).expect("a stock");
    let mut skus = Vec::new();
    for _ in 0..PRODUCTS {
        skus.push(plant.shop().product(&admin, pieces).await);
    }
    let customers = join_all((0..CUSTOMERS).map(|_| Customer::new(plant.shop()))).await;
    let mut rng = Rng::with_seed(seed);
    let (told, over, kills) = (Told::default(), AtomicBool::new(false), AtomicU32::new(0));
    let days = customers
        .iter()
        .map(|customer| shop_on(plant.buyer(customer), customer, &skus, rng.fork(), &told, &over));
    let days = join_all(days.collect::<Vec<_>>());
    // A long day outlives them, so a short one begins with having to sign in again.
    plant.expire_tokens();
    let fault_rng = rng.fork();
    let night = async {
        trouble(&mut plant, fault_rng, length, &kills).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(days, night);

    plant.restart_calmly().await;
    kept(&plant, &told).await;
    let (kills, asked) = (kills.into_inner(), told.all());
    let answered = asked.iter().filter(|asked| asked.answer.is_some()).count();
    let asked = asked.len();
    println!("seed {seed}: {answered} of {asked} orders answered, {kills} kills, all agrees");
    assert!(answered > CUSTOMERS, "customers came through: {answered} of {asked}");
    assert!(kills > 0 || length < Duration::from_secs(SECONDS), "nothing was safe");
}
