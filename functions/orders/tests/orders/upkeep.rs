//! Sweeps that meet what can't be read, and what audits find.

use crate::world::shop::{Shop, read};
use crate::world::{Gated, Mood, World, request, run};
use axum::body::Body;
use chassis::store::{Store, StoreError};
use http::{Request, StatusCode};
use orders::domain::{Event, Status, Undo};
use orders::records::{Loaded, OPEN_SHARDS};
use orders::service::{Orders, SWEEP_MS};
use serde_json::{Value, json};

const NONSENSE: &[u8] = b"nonsense";

fn id(number: u32) -> String {
    format!("ord_01930000-0000-7000-8000-{number:012}")
}

/// Confirmed orders of which nobody has heard yet, each marked as unfinished.
fn unpublished(world: &World, orders: u32) -> Vec<String> {
    world.with(|state| state.on_hand = 1_000);
    let place = |number| {
        world.mood("Publish", &[Mood::Fails; 8]);
        let process = world.process(&format!("customer-{number}"));
        run(process.place(request(&id(number)))).unwrap().order.placed.id
    };
    let ids = (0..orders).map(place).collect();
    world.mood("Publish", &[]);
    ids
}

async fn sweep(shop: &Shop) -> (StatusCode, Value) {
    let request = Request::post("/sweep").body(Body::empty()).unwrap();
    read(shop.send(request).await).await
}

fn shard_of(world: &World, id: &str) -> u32 {
    let holds =
        |shard: &u32| run(world.records().marks(*shard)).unwrap().iter().any(|mark| mark.id == id);
    (0..OPEN_SHARDS).find(holds).expect("it is marked")
}

#[tokio::test]
async fn an_order_that_can_not_be_read_holds_nobody_up() {
    let shop = Shop::new();
    let ids = unpublished(&shop.world, 8);
    shop.world.1.set(&format!("order:{}", ids[3]), NONSENSE).await.unwrap();
    let done = json!({"settled": 7, "unfinished": 0, "failed": 1, "parked": []});
    assert_eq!(sweep(&shop).await, (StatusCode::OK, done));
    for id in ids.iter().filter(|id| **id != ids[3]) {
        assert!(shop.world.loaded(id).record.outbox.is_empty(), "{id}");
    }
}

#[tokio::test]
async fn a_part_of_the_index_that_can_not_be_read_holds_nobody_up() {
    let shop = Shop::new();
    let ids = unpublished(&shop.world, 1);
    let taken = shard_of(&shop.world, &ids[0]);
    for shard in (0..OPEN_SHARDS).filter(|shard| *shard != taken) {
        shop.world.1.set(&format!("unfinished/{shard}"), NONSENSE).await.unwrap();
    }
    let done = json!({"settled": 1, "unfinished": 0, "failed": OPEN_SHARDS - 1, "parked": []});
    assert_eq!(sweep(&shop).await, (StatusCode::OK, done));
    shop.world.1.set(&format!("unfinished/{taken}"), NONSENSE).await.unwrap();
    let (status, _) = sweep(&shop).await;
    assert!(status.is_server_error(), "nothing can be read: {status}");
}

/// A store in which each order takes as long to read as a whole sweep lasts.
#[derive(Clone)]
struct Slow(World, Gated);

impl Store for Slow {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if key.starts_with("order:") {
            self.0.with(|state| state.now_ms += SWEEP_MS);
        }
        self.1.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.1.set(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.1.delete(key).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.1.increment(key, delta).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.1.compare_and_swap(key, expected, new).await
    }
}

#[test]
fn no_part_of_the_index_is_always_the_last() {
    let world = World::new();
    let ids = unpublished(&world, 6);
    let first = ids.iter().map(|id| shard_of(&world, id)).min().unwrap();
    let (stuck, others): (Vec<_>, Vec<_>) =
        ids.iter().partition(|id| shard_of(&world, id) == first);
    assert!(!others.is_empty());
    for id in stuck {
        run(world.1.set(&format!("order:{id}"), NONSENSE)).unwrap();
    }
    for number in 0..200 {
        let slow = Slow(world.clone(), world.store());
        let owner = format!("sweeper-{number}");
        run(Orders::new(slow, world.clone(), world.clone(), owner).sweep()).unwrap();
    }
    for id in others {
        assert!(world.loaded(id).record.outbox.is_empty(), "{id} was never reached");
    }
}

#[test]
fn an_audit_finds_pieces_that_were_never_given_back() {
    let world = World::new();
    world.mood("Authorize", &[Mood::Refuses]);
    world.mood("Release", &[Mood::Fails; 20]);
    let id = id(1);
    assert_eq!(
        run(world.process("one").place(request(&id))).unwrap().order.status,
        Status::Pending
    );
    let mut loaded = world.loaded(&id);
    let payment_back = Event::Undone { undo: Undo::CancelPayment };
    let ended = Event::Rejected { code: "no".to_owned(), detail: "refused".to_owned() };
    let end = |loaded: &mut Loaded| {
        loaded.push(payment_back.clone(), 1)?;
        loaded.push(ended.clone(), 1)
    };
    run(world.records().decide(&mut loaded, end)).unwrap();
    let audited = run(world.process("auditor").audit(0, 10)).unwrap().entries;
    assert_eq!(audited[0].faults, ["ended without Release"]);
}

#[test]
fn a_sweep_enters_an_order_that_is_older_than_the_register() {
    let world = World::new();
    let old = include_str!("../fixtures/order-v1.json").trim();
    run(world.1.set(&format!("order:{}", id(1)), old.as_bytes())).unwrap();
    run(world.records().mark(&id(1), world.with(|state| state.now_ms))).unwrap();
    for sweeper in ["one", "another"] {
        run(world.process(sweeper).sweep()).unwrap();
        let audited = run(world.process("auditor").audit(0, 10)).unwrap().entries;
        let listed: Vec<&str> = audited.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(listed, [id(1)], "once, after {sweeper}");
    }
    assert_eq!(run(world.records().register().last()), Ok(1), "it has taken one place");
}
