//! Random customers, hostile clients, kills and pauses.
//!
//! Hostile clients have separate addresses, so that limits per address do not affect customers.
//! After the last kill, one client of each kind attacks at the same time: only a host that runs
//! long enough reaches its time limits.
//!
//! All random choices come from one seed, which is printed: `TESSERA_SOAK_SEED` makes the same
//! choices again, `TESSERA_SOAK_SECONDS` sets the length.

use super::Plant;
use super::day::Day;
use super::plant::setting;
use super::siege::{besieged, unharmed};
use crate::hostile::{Crowd, Vitals};
use fastrand::Rng;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The default length, in seconds.
const SECONDS: u64 = 60;
/// Stock of each product for each minute.
const PIECES_PER_MINUTE: u64 = 400;
/// Between two faults, in milliseconds.
const CALM_MS: std::ops::Range<u64> = 250..2_500;
/// The share of kills among the faults; the others are pauses. An hour has about a thousand kills.
const KILLS_PERCENT: u32 = 80;
/// The longest pause, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 50..1_500;
/// The share of deliveries that are made twice, at once or late.
const DUPLICATES_PERCENT: u64 = 20;

/// The faults of a day.
#[derive(Default)]
struct Trouble {
    kills: usize,
    /// The maximum size of the host before a kill.
    vitals: Vitals,
}

/// Kills and pauses until the time is over.
async fn trouble(plant: &mut Plant, mut rng: Rng, length: Duration) -> Trouble {
    let end = tokio::time::Instant::now() + length;
    let mut trouble = Trouble::default();
    loop {
        let seed = rng.u64(..);
        let duplicates = json!({"duplicate_deliveries": DUPLICATES_PERCENT, "seed": seed});
        plant.command(&duplicates).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(CALM_MS))).await;
        if tokio::time::Instant::now() >= end {
            return trouble;
        }
        if rng.u32(..100) >= KILLS_PERCENT {
            plant.pause(Duration::from_millis(rng.u64(PAUSE_MS))).await;
            continue;
        }
        trouble.vitals = trouble.vitals.max(Vitals::of(plant.host()).await);
        plant.kill().await;
        trouble.kills += 1;
        plant.restart().await;
    }
}

#[tokio::test]
async fn everything_agrees_after_a_bad_day() {
    let seed = setting("TESSERA_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    let length = Duration::from_secs(setting("TESSERA_SOAK_SECONDS").unwrap_or(SECONDS));
    println!("TESSERA_SOAK_SEED={seed}");
    let Some(mut plant) = Plant::fortified().await else { return };
    let pieces = u32::try_from(PIECES_PER_MINUTE * length.as_secs().div_ceil(60)).expect("a stock");
    let (day, crowd) =
        (Day::begin(&plant, pieces, length).await, Crowd::gather(plant.shop()).await);
    let mut rng = Rng::with_seed(seed);
    let shoppers = day.shoppers(&plant, &mut rng);
    let [faults, visits, siege] = [rng.fork(), rng.fork(), rng.fork()];
    // A long day outlives them, so a short one begins with having to sign in again.
    plant.expire_tokens();
    let dusk = AtomicBool::new(false);
    let night = async {
        let by_day = async {
            let trouble = trouble(&mut plant, faults, length).await;
            dusk.store(true, Ordering::Relaxed);
            trouble
        };
        let (trouble, roamed) = tokio::join!(by_day, crowd.roam(visits, &dusk));
        let (seen, vitals) = besieged(&plant, &crowd, siege).await;
        day.end();
        (trouble.kills, trouble.vitals.max(vitals), [roamed, seen])
    };
    let ((), (kills, vitals, tallies)) = tokio::join!(day.shop(shoppers, &crowd), night);

    println!("the day:\n{}", tallies[0]);
    let taken = unharmed(&mut plant, &day, &crowd, &tallies).await;
    let asked = day.placements.all().len();
    println!("seed {seed}: {taken} of {asked} orders taken, {kills} kills, all agrees; {vitals}");
    assert!(taken >= kills, "{taken} orders were taken between {kills} kills");
    assert!(kills > 0 || length < Duration::from_secs(SECONDS), "the host was never killed");
}
