//! Any commands in any order, with crashes: in the end, the books, the loads of vans and the published
//! events agree.

use std::collections::{BTreeMap, BTreeSet};

use chassis::store::Store;
use chassis::testing::{Behavior, ManualClock, MemoryProducer, MemoryStore, ScriptedStore};
use proptest::prelude::*;
use serde_json::{Value, json};
use shipping::domain::{
    CLAIM_MS, Consignment, FLEET, Line, Parcel, Refusal, Simulation, Status, VAN_PARCELS,
    VAN_PARCELS_MAX, Van, VanId,
};
use shipping::service::Shipping;

use super::{START_MS, address};

#[derive(Clone, Debug)]
enum Command {
    Create(usize),
    Cancel(usize),
    Query(usize),
    Report(usize, usize, Status),
    Sweep,
    Wait(u64),
    SetLog(Behavior),
}

fn commands() -> impl Strategy<Value = Vec<(Command, Option<usize>)>> {
    let order = 0..4_usize;
    let status = prop::sample::select(Status::ALL.to_vec());
    let behavior = prop::sample::select(vec![
        Behavior::Accept,
        Behavior::Refuse,
        Behavior::AcceptAndFail(1),
        Behavior::AcceptAndFail(9),
    ]);
    let command = prop_oneof![
        4 => order.clone().prop_map(Command::Create),
        1 => order.clone().prop_map(Command::Cancel),
        2 => order.clone().prop_map(Command::Query),
        6 => (order, 0..3_usize, status).prop_map(|(o, p, s)| Command::Report(o, p, s)),
        2 => Just(Command::Sweep),
        1 => (0..CLAIM_MS * 2).prop_map(Command::Wait),
        1 => behavior.prop_map(Command::SetLog),
    ];
    let crash = prop_oneof![2 => Just(None), 1 => (0..60_usize).prop_map(Some)];
    prop::collection::vec((command, crash), 1..40)
}

fn order(number: usize) -> String {
    format!("ord_{number}")
}

/// The lines of an order; the larger ones are split.
fn lines(number: usize) -> Vec<Line> {
    let skus = ["TEA-1", "KIT-1", "GAR-2", "BOOK-3"];
    let line = |(sku, quantity): (&str, u32)| Line { sku: sku.to_owned(), quantity };
    skus.into_iter().zip([1, 60, 2, 7]).take(number + 1).map(line).collect()
}

type Service = Shipping<ScriptedStore<MemoryStore>, MemoryProducer, ManualClock>;

/// A store, an event log, and what was confirmed to callers.
struct World {
    disk: MemoryStore,
    log: MemoryProducer,
    clock: ManualClock,
    simulation: Simulation,
    created: BTreeMap<usize, Vec<String>>,
    cancelled: BTreeSet<usize>,
}

impl World {
    fn new(simulation: Simulation) -> World {
        World {
            disk: MemoryStore::new(),
            log: MemoryProducer::new(),
            clock: ManualClock::new(START_MS),
            simulation,
            created: BTreeMap::new(),
            cancelled: BTreeSet::new(),
        }
    }

    /// The service, which crashes after this number of store operations.
    fn crashing(&self, operations: usize) -> Service {
        let store = ScriptedStore::failing_after(operations, self.disk.clone());
        Shipping::new(store, self.log.clone(), self.simulation, self.clock.clone())
    }

    fn service(&self) -> Service {
        self.crashing(usize::MAX)
    }

    /// Creates the order with this number, for one piece.
    async fn create(&self, number: usize) -> Result<Vec<Parcel>, Refusal> {
        self.service().create(&order(number), "usr_1", &lines(0), address(0)).await
    }

    async fn run(&mut self, command: Command, crash: Option<usize>) {
        let service = self.crashing(crash.unwrap_or(usize::MAX));
        match command {
            Command::Create(number) => {
                let lines = lines(number);
                let made = service.create(&order(number), "usr_1", &lines, address(number)).await;
                if let Ok(parcels) = made {
                    let ids: Vec<String> = parcels.into_iter().map(|parcel| parcel.id).collect();
                    let first = self.created.entry(number).or_insert_with(|| ids.clone());
                    assert_eq!(*first, ids, "a repeated creation has the same parcels");
                }
            }
            Command::Cancel(number) => {
                if service.cancel(&order(number)).await.is_ok() {
                    self.cancelled.insert(number);
                }
            }
            Command::Query(number) => {
                let _ = service.of_order(&order(number)).await;
            }
            Command::Report(number, parcel, status) => {
                let known = self.consignment(number).await;
                let id = known.and_then(|it| it.parcels.get(parcel).map(|it| it.id.clone()));
                let Some(id) = id else { return };
                if let Ok((_, parcel)) = service.report(&id, status).await {
                    let is_stored = parcel.history().iter().any(|change| change.status == status);
                    assert!(is_stored, "an acknowledged report is stored");
                }
            }
            Command::Sweep => {
                let _ = service.sweep().await;
            }
            Command::Wait(ms) => self.clock.advance(ms),
            Command::SetLog(behavior) => self.log.plan([behavior]),
        }
    }

    async fn consignment(&self, number: usize) -> Option<Consignment> {
        self.disk.read(&format!("order:{}", order(number))).await.unwrap()
    }

    /// Sweeps until all claims have expired.
    async fn settle(&self) {
        self.log.plan([Behavior::Accept; 8]);
        for _ in 0..16 {
            self.clock.advance(CLAIM_MS);
            self.service().sweep().await.unwrap();
        }
    }

    async fn check(&self) {
        let mut open = BTreeMap::<VanId, u32>::new();
        let mut known = Vec::new();
        for number in 0..4 {
            let Some(consignment) = self.consignment(number).await else {
                assert!(!self.created.contains_key(&number) && !self.cancelled.contains(&number));
                continue;
            };
            self.check_promises(number, &consignment);
            self.check_events(&consignment);
            for parcel in &consignment.parcels {
                check_history(parcel);
                assert_eq!(self.service().find(&parcel.id).await.unwrap().1, *parcel);
                if !parcel.status().is_final() {
                    *open.entry(parcel.van.clone().unwrap()).or_default() += 1;
                }
            }
            known.push(consignment.order_id);
        }
        assert_eq!(self.loads().await, open, "the loads are the parcels in transit");
        let books = self.service().books(0, 100).await.unwrap().entries;
        let mut listed: Vec<String> = books.into_iter().map(|it| it.order_id).collect();
        listed.sort();
        assert_eq!(listed, known, "each order is in the books once");
    }

    fn check_promises(&self, number: usize, consignment: &Consignment) {
        let ids: Vec<String> = consignment.parcels.iter().map(|it| it.id.clone()).collect();
        assert!(self.created.get(&number).is_none_or(|promised| *promised == ids));
        assert!(!self.cancelled.contains(&number) || consignment.barred);
        let is_cancelled = |it: &Parcel| it.status() == Status::Cancelled;
        assert!(!consignment.barred || consignment.parcels.iter().all(is_cancelled));
        let is_open = consignment.parcels.iter().any(|it| !it.status().is_final());
        assert_eq!(consignment.to.is_some(), is_open, "the address is erased with the last parcel");
        if !consignment.parcels.is_empty() {
            let mut sent = BTreeMap::<&str, u32>::new();
            for line in consignment.parcels.iter().flat_map(|parcel| &parcel.lines) {
                *sent.entry(&line.sku).or_default() += line.quantity;
            }
            let asked = lines(number);
            let asked: BTreeMap<&str, u32> =
                asked.iter().map(|line| (line.sku.as_str(), line.quantity)).collect();
            assert_eq!(sent, asked);
        }
    }

    /// The numbers of the published events have no gaps, the last one has the current state, and
    /// the outbox is empty.
    fn check_events(&self, consignment: &Consignment) {
        let log = self.log.events();
        let own: Vec<_> = log
            .iter()
            .filter(|event| event.subject.as_deref() == Some(consignment.order_id.as_str()))
            .collect();
        let numbers: Vec<String> =
            own.iter().map(|event| event.extensions["sequence"].clone()).collect();
        let expected: Vec<String> = (1..=own.len()).map(|number| number.to_string()).collect();
        assert_eq!(numbers, expected);
        assert_eq!(consignment.outbox.last_sequence(), own.len() as u64);
        assert!(consignment.outbox.is_empty());
        let last: Value = serde_json::from_str(&own.last().unwrap().data).unwrap();
        assert_eq!(last["cancelled"], consignment.barred);
        let published: Vec<Value> =
            last["shipments"].as_array().unwrap().iter().map(|it| it["status"].clone()).collect();
        let current: Vec<Value> = consignment.parcels.iter().map(|it| json!(it.status())).collect();
        assert_eq!(published, current);
    }

    async fn loads(&self) -> BTreeMap<VanId, u32> {
        let mut loads = BTreeMap::new();
        for key in self.disk.keys() {
            let Some((courier, number)) =
                key.strip_prefix("van:").and_then(|it| it.split_once(':'))
            else {
                continue;
            };
            let load = self.disk.read::<Van>(&key).await.unwrap().unwrap().load();
            if load > 0 {
                let number = number.parse().unwrap();
                loads.insert(VanId { courier: courier.to_owned(), number }, load);
            }
        }
        loads
    }
}

/// Each step is valid, and the time does not go back.
fn check_history(parcel: &Parcel) {
    let mut replayed = Parcel { changes: Vec::new(), ..parcel.clone() };
    for change in &parcel.changes {
        assert!(replayed.leads_to(change.status), "{:?}", parcel.history());
        assert!(replayed.updated_at_ms() <= change.at_ms);
        replayed.changes.push(*change);
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn the_books_agree_after_any_commands_and_crashes(
        commands in commands(),
        pickup_ms in prop::sample::select(vec![0_u64, 4_000]),
    ) {
        block_on(async {
            let mut world = World::new(Simulation { pickup_ms });
            for (command, crash) in commands {
                world.run(command, crash).await;
            }
            world.settle().await;
            world.check().await;
        });
    }
}

#[tokio::test]
async fn no_van_is_overloaded_while_others_are_free() {
    let world = World::new(Simulation { pickup_ms: 0 });
    for number in 0..400 {
        world.create(number).await.unwrap();
    }
    let loads = world.loads().await;
    assert_eq!(loads.values().sum::<u32>(), 400);
    assert!(loads.values().all(|load| *load <= VAN_PARCELS), "{loads:?}");
    assert!(loads.len() > 4, "several vans are used: {loads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creations_create_one_consignment() {
    let world = World::new(Simulation { pickup_ms: 0 });
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let service = world.service();
            let make = async move {
                service.create("ord_3", "usr_1", &lines(3), address(3)).await.unwrap()
            };
            tokio::spawn(make)
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|parcels| *parcels == answers[0]));
    world.settle().await;
    world.check().await;
}

#[tokio::test]
async fn sweeps_advance_parcels_without_queries() {
    let world = World::new(Simulation { pickup_ms: 4_000 });
    world.create(0).await.unwrap();
    let mut last = 0;
    for _ in 0..40 {
        world.clock.advance(1_000);
        world.service().sweep().await.unwrap();
        let published = world.log.events().len();
        assert!(published <= last + 1, "each step has an event");
        last = published;
    }
    let misses = Simulation::misses(&world.consignment(0).await.unwrap().parcels[0].id);
    assert_eq!(last, if misses { 5 } else { 3 });
}

#[tokio::test]
async fn an_unreadable_order_does_not_stop_a_sweep() {
    let world = World::new(Simulation { pickup_ms: 4_000 });
    for number in 0..3 {
        world.create(number).await.unwrap();
    }
    world.disk.set("order:ord_0", b"{").await.unwrap();
    world.clock.advance(4_000);
    let swept = world.service().sweep().await.unwrap();
    assert_eq!((swept.orders, swept.failed), (3, 1));
    for number in 1..3 {
        let parcels = world.consignment(number).await.unwrap().parcels;
        assert_eq!(parcels[0].status(), Status::InTransit);
    }
}

#[tokio::test]
async fn a_full_fleet_refuses_new_orders_temporarily() {
    let world = World::new(Simulation { pickup_ms: 0 });
    let mut full = Van::default();
    while full.claim("ord_others", VAN_PARCELS_MAX, START_MS, u64::MAX) {}
    for courier in FLEET {
        for number in 0..courier.vans {
            let key = format!("van:{}:{number}", courier.code);
            world.disk.write(&key, &full).await.unwrap();
        }
    }
    let refused = world.create(0).await;
    assert!(matches!(refused, Err(Refusal::Unavailable(_))), "{refused:?}");
}
