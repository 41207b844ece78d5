//! Sweeps with unreadable values, and the results of audits.

use crate::simulation::{Answer, Shop, Simulation, place_as, run};
use chassis::store::Store;
use orders::domain::{Event, Status, Undo};
use orders::records::{Loaded, SHARDS};
use orders::service::SWEEP_MS;
use serde_json::json;

const NONSENSE: &[u8] = b"nonsense";

fn id(number: u32) -> String {
    format!("ord_01930000-0000-7000-8000-{number:012}")
}

/// Confirmed orders with unpublished events, each marked as unfinished.
fn unpublished(simulation: &Simulation, orders: u32) -> Vec<String> {
    let place = |number| {
        simulation.script("Publish", &[Answer::Unavailable; 8]);
        let process = simulation.named_process(&format!("customer-{number}"));
        run(place_as(process, &id(number))).placed.id
    };
    let ids = (0..orders).map(place).collect();
    simulation.script("Publish", &[]);
    ids
}

fn make_unreadable(simulation: &Simulation, key: &str) {
    run(simulation.store.set(key, NONSENSE)).unwrap();
}

fn shard_of(simulation: &Simulation, id: &str) -> u32 {
    let index = simulation.records().unfinished();
    let has_mark =
        |shard: &u32| run(index.entries_in(*shard)).unwrap().iter().any(|it| it.id == id);
    (0..SHARDS).find(has_mark).expect("it is marked")
}

fn is_published(simulation: &Simulation, id: &str) -> bool {
    simulation.loaded(id).record.outbox.is_empty()
}

#[tokio::test]
async fn an_unreadable_order_does_not_block_others() {
    let shop = Shop::new();
    let ids = unpublished(&shop.simulation, 8);
    make_unreadable(&shop.simulation, &format!("order:{}", ids[3]));
    let report = json!({"settled": 7, "unfinished": 0, "failed": 1, "parked": []});
    assert_eq!(shop.post(shop.client(), "/sweep").await.expect(200), report);
    assert!(ids.iter().filter(|id| **id != ids[3]).all(|id| is_published(&shop.simulation, id)));
}

#[tokio::test]
async fn an_unreadable_part_of_the_index_does_not_block_others() {
    let shop = Shop::new();
    let ids = unpublished(&shop.simulation, 1);
    let used = shard_of(&shop.simulation, &ids[0]);
    for shard in (0..SHARDS).filter(|shard| *shard != used) {
        make_unreadable(&shop.simulation, &format!("unfinished/{shard}"));
    }
    let report = json!({"settled": 1, "unfinished": 0, "failed": SHARDS - 1, "parked": []});
    assert_eq!(shop.post(shop.client(), "/sweep").await.expect(200), report);
    make_unreadable(&shop.simulation, &format!("unfinished/{used}"));
    shop.post(shop.client(), "/sweep").await.expect(500);
}

/// Each order takes as long to read as a whole sweep lasts.
#[test]
fn sweeps_start_at_different_parts_of_the_index() {
    let simulation = Simulation::new();
    let ids = unpublished(&simulation, 6);
    let first = ids.iter().map(|id| shard_of(&simulation, id)).min().unwrap();
    let (unreadable, others): (Vec<_>, Vec<_>) =
        ids.iter().partition(|id| shard_of(&simulation, id) == first);
    assert!(!others.is_empty());
    unreadable.iter().for_each(|id| make_unreadable(&simulation, &format!("order:{id}")));
    simulation.with(|state| state.order_read_ms = SWEEP_MS);
    for number in 0..200 {
        run(simulation.named_process(&format!("sweeper-{number}")).sweep()).unwrap();
    }
    assert!(others.iter().all(|id| is_published(&simulation, id)));
}

#[test]
fn an_audit_finds_stock_that_was_not_released() {
    let simulation = Simulation::new();
    simulation.script("Authorize", &[Answer::Refused]);
    simulation.script("Release", &[Answer::Unavailable; 20]);
    let order = simulation.place();
    assert_eq!(order.status, Status::Pending);
    let mut loaded = simulation.loaded(&order.placed.id);
    let end = |loaded: &mut Loaded| {
        loaded.push(Event::Undone { undo: Undo::CancelPayment }, 1)?;
        loaded.push(Event::Rejected { code: "no".to_owned(), detail: "refused".to_owned() }, 1)
    };
    run(simulation.records().decide(&mut loaded, end)).unwrap();
    let audited = run(simulation.process().audit(0, 10)).unwrap().entries;
    assert_eq!(audited[0].faults, ["ended without Release"]);
}

#[test]
fn a_sweep_adds_an_older_order_to_the_register_once() {
    let simulation = Simulation::new();
    let stored = include_str!("../fixtures/order-v1.json").trim();
    run(simulation.store.set(&format!("order:{}", id(1)), stored.as_bytes())).unwrap();
    run(simulation.records().mark(&id(1), simulation.with(|state| state.now_ms))).unwrap();
    for _ in 0..2 {
        run(simulation.process().sweep()).unwrap();
        let audited = run(simulation.process().audit(0, 10)).unwrap().entries;
        let listed: Vec<&str> = audited.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(listed, [id(1)]);
    }
    assert_eq!(run(simulation.records().register().last()), Ok(1));
}
