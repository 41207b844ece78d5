//! Hostile clients of all kinds attack at the same time while customers buy.

use super::Plant;
use super::day::{CUSTOMERS, Day};
use super::oracle::assert_orders_exist_once;
use super::plant::setting;
use crate::hostile::{Crowd, Tally, Vitals, assert_limits_were_reached, assert_ready};
use crate::support::paid_as_served;
use fastrand::Rng;
use std::time::Duration;

/// Stock of each product.
const PIECES: u32 = 10_000;

/// One visit of each kind, all at the same time, while nothing is killed. Returns how the shop
/// reacted and how large the host is.
pub(super) async fn besieged(plant: &Plant, crowd: &Crowd, rng: Rng) -> (Tally, Vitals) {
    let seen = crowd.besiege(rng).await;
    println!("a siege:\n{seen}");
    assert_eq!(seen.unstopped(), [], "kinds that were not stopped");
    assert_limits_were_reached(plant.host()).await;
    (seen, Vitals::of(plant.host()).await)
}

/// Checks the shop after the attack: hostile clients got correct responses, customers could order,
/// the shop is ready, its responses and books agree, and only fulfilled orders are paid. Returns
/// the number of accepted orders.
pub(super) async fn unharmed(
    plant: &mut Plant,
    day: &Day,
    crowd: &Crowd,
    tallies: &[Tally],
) -> usize {
    let faults: Vec<String> = tallies.iter().flat_map(Tally::faults).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let taken = day.taken();
    assert!(taken > CUSTOMERS, "only {taken} orders were taken");
    assert_ready(plant.shop()).await;
    plant.restart_calmly().await;
    assert_orders_exist_once(plant, &day.placements).await;
    paid_as_served(plant.shop(), day.customers.iter().chain(crowd.accounts())).await;
    assert_ready(plant.shop()).await;
    taken
}

#[tokio::test]
async fn hostile_clients_of_all_kinds_do_not_affect_others() {
    let seed = setting("TESSERA_SOAK_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("TESSERA_SOAK_SEED={seed}");
    let Some(mut plant) = Plant::fortified().await else { return };
    let mut rng = Rng::with_seed(seed);
    let (day, crowd) =
        (Day::begin(&plant, PIECES, Duration::ZERO).await, Crowd::gather(plant.shop()).await);
    let shoppers = day.shoppers(&plant, &mut rng);
    let siege = async {
        let seen = besieged(&plant, &crowd, rng.fork()).await;
        day.end();
        seen
    };
    let ((), (seen, vitals)) = tokio::join!(day.shop(shoppers, &crowd), siege);
    let taken = unharmed(&mut plant, &day, &crowd, &[seen]).await;
    println!("{taken} orders taken; {vitals}");
}
