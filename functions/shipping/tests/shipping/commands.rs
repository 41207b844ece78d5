//! Whatever is asked of shipping in whatever order, and whenever the power goes off: in the end
//! the books agree with each other and with what others were told.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use chassis::events::{Behavior, MemoryProducer};
use chassis::store::{FailingStore, MemoryStore, Store};
use proptest::prelude::*;
use serde_json::Value;
use shipping::domain::{
    Address, CLAIM_MS, Consignment, Line, Parcel, Simulation, Status, VAN_PARCELS, Van, VanId,
};
use shipping::service::{Refusal, Shipping};

thread_local! {
    /// Each test has a thread, and so a time, of its own.
    static NOW_MS: Cell<u64> = const { Cell::new(0) };
}

fn now_ms() -> u64 {
    NOW_MS.get()
}

const START_MS: u64 = 1_800_000_000_000;
const STATUSES: [Status; 6] = [
    Status::Created,
    Status::InTransit,
    Status::AttemptFailed,
    Status::Delivered,
    Status::Cancelled,
    Status::Returned,
];

#[derive(Clone, Debug)]
enum Command {
    Create(usize),
    Cancel(usize),
    Look(usize),
    Report(usize, usize, Status),
    Sweep,
    Wait(u64),
    LogIs(Behavior),
}

fn commands() -> impl Strategy<Value = Vec<(Command, Option<usize>)>> {
    let order = 0..4_usize;
    let status = prop::sample::select(STATUSES.to_vec());
    let behavior = prop::sample::select(vec![
        Behavior::Accept,
        Behavior::Refuse,
        Behavior::AcceptAndFail(1),
        Behavior::AcceptAndFail(9),
    ]);
    let command = prop_oneof![
        4 => order.clone().prop_map(Command::Create),
        1 => order.clone().prop_map(Command::Cancel),
        2 => order.clone().prop_map(Command::Look),
        6 => (order, 0..3_usize, status).prop_map(|(o, p, s)| Command::Report(o, p, s)),
        2 => Just(Command::Sweep),
        1 => (0..CLAIM_MS * 2).prop_map(Command::Wait),
        1 => behavior.prop_map(Command::LogIs),
    ];
    let power = prop_oneof![2 => Just(None), 1 => (0..60_usize).prop_map(Some)];
    prop::collection::vec((command, power), 1..40)
}

fn order(number: usize) -> String {
    format!("ord_{number}")
}

/// Orders differ in what is in them; the larger ones are split.
fn lines(number: usize) -> Vec<Line> {
    let skus = ["TEA-1", "KIT-1", "GAR-2", "BOOK-3"];
    let line = |(sku, quantity): (&str, u32)| Line { sku: sku.to_owned(), quantity };
    skus.into_iter().zip([1, 60, 2, 7]).take(number + 1).map(line).collect()
}

fn address(number: usize) -> Address {
    let (postal_code, country) =
        [("1010", "AT"), ("80331", "DE"), ("75001", "FR"), ("", "NZ")][number];
    Address {
        name: "Ada".to_owned(),
        street: "Hauptstr. 1".to_owned(),
        city: "Wien".to_owned(),
        postal_code: postal_code.to_owned(),
        country: country.to_owned(),
    }
}

/// A disk, a log, and what callers were promised.
struct World {
    disk: MemoryStore,
    log: MemoryProducer,
    simulation: Simulation,
    created: BTreeMap<usize, Vec<String>>,
    cancelled: BTreeSet<usize>,
}

impl World {
    fn new(simulation: Simulation) -> World {
        World {
            disk: MemoryStore::new(),
            log: MemoryProducer::new(),
            simulation,
            created: BTreeMap::new(),
            cancelled: BTreeSet::new(),
        }
    }

    fn service(&self, power: Option<usize>) -> Shipping<FailingStore<MemoryStore>, MemoryProducer> {
        let store = FailingStore::after(power.unwrap_or(1_000_000), self.disk.clone());
        Shipping::new(store, self.log.clone(), self.simulation, now_ms)
    }

    async fn run(&mut self, command: Command, power: Option<usize>) {
        let service = self.service(power);
        match command {
            Command::Create(number) => {
                let lines = lines(number);
                let made = service.create(&order(number), "usr_1", &lines, address(number)).await;
                if let Ok(parcels) = made {
                    let ids: Vec<String> = parcels.into_iter().map(|parcel| parcel.id).collect();
                    let first = self.created.entry(number).or_insert_with(|| ids.clone());
                    assert_eq!(*first, ids, "a repeated creation makes other parcels");
                }
            }
            Command::Cancel(number) => {
                if service.cancel(&order(number)).await.is_ok() {
                    self.cancelled.insert(number);
                }
            }
            Command::Look(number) => {
                let _ = service.of_order(&order(number)).await;
            }
            Command::Report(number, parcel, status) => {
                let known = self.consignment(number).await;
                let id = known.and_then(|it| it.parcels.get(parcel).map(|it| it.id.clone()));
                let Some(id) = id else { return };
                if let Ok((_, parcel)) = service.report(&id, status).await {
                    let noted = parcel.history().iter().any(|change| change.status == status);
                    assert!(noted, "acknowledged and not there");
                }
            }
            Command::Sweep => {
                let _ = service.sweep().await;
            }
            Command::Wait(ms) => NOW_MS.set(now_ms() + ms),
            Command::LogIs(behavior) => self.log.plan([behavior]),
        }
    }

    async fn consignment(&self, number: usize) -> Option<Consignment> {
        self.disk.read(&format!("order:{}", order(number))).await.unwrap()
    }

    /// The platform goes on with its sweeps until all claims are old.
    async fn settle(&self) {
        self.log.plan([Behavior::Accept; 8]);
        for _ in 0..16 {
            NOW_MS.set(now_ms() + CLAIM_MS);
            self.service(None).sweep().await.unwrap();
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
                if !parcel.status().is_final() {
                    *open.entry(parcel.van.clone().unwrap()).or_default() += 1;
                }
            }
            known.push(consignment.order_id);
        }
        assert_eq!(self.loads().await, open, "what vans carry is what is on the way");
        let books = self.service(None).books(0, 100).await.unwrap().entries;
        let mut listed: Vec<String> = books.into_iter().map(|it| it.order_id).collect();
        listed.sort();
        assert_eq!(listed, known, "each order is in the books once");
    }

    fn check_promises(&self, number: usize, consignment: &Consignment) {
        let ids: Vec<String> = consignment.parcels.iter().map(|it| it.id.clone()).collect();
        assert!(self.created.get(&number).is_none_or(|promised| *promised == ids));
        assert!(!self.cancelled.contains(&number) || consignment.barred);
        let quiet = |it: &Parcel| it.status() == Status::Cancelled;
        assert!(!consignment.barred || consignment.parcels.iter().all(quiet));
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

    /// The log has the numbers from 1 without gaps, ends with the state as it is, and nothing
    /// waits.
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
        let told: Vec<&Value> =
            last["shipments"].as_array().unwrap().iter().map(|it| &it["status"]).collect();
        let now: Vec<&str> = consignment.parcels.iter().map(|it| it.status().name()).collect();
        assert_eq!(told, now);
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

/// Each step is one that parcels may take, and time does not run backwards.
fn check_history(parcel: &Parcel) {
    let mut told = Parcel { changes: Vec::new(), ..parcel.clone() };
    for change in &parcel.changes {
        assert!(told.leads_to(change.status), "{:?}", parcel.history());
        assert!(told.updated_at_ms() <= change.at_ms);
        told.changes.push(*change);
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
            NOW_MS.set(START_MS);
            let mut world = World::new(Simulation { pickup_ms });
            for (command, power) in commands {
                world.run(command, power).await;
            }
            world.settle().await;
            world.check().await;
        });
    }
}

#[tokio::test]
async fn vans_are_not_overfull_while_others_have_room() {
    NOW_MS.set(START_MS);
    let world = World::new(Simulation { pickup_ms: 0 });
    for number in 0..400 {
        let service = world.service(None);
        let id = format!("ord_{number}");
        service.create(&id, "usr_1", &lines(0), address(0)).await.unwrap();
    }
    let loads = world.loads().await;
    assert_eq!(loads.values().sum::<u32>(), 400);
    assert!(loads.values().all(|load| *load <= VAN_PARCELS), "{loads:?}");
    assert!(loads.len() > 4, "they are spread: {loads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_creations_of_one_order_at_once_are_one() {
    let world = World::new(Simulation { pickup_ms: 0 });
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let service = world.service(None);
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
    NOW_MS.set(START_MS);
    world.settle().await;
    world.check().await;
}

#[tokio::test]
async fn what_is_delivered_makes_room_again() {
    NOW_MS.set(START_MS);
    let world = World::new(Simulation { pickup_ms: 4_000 });
    for number in 0..20 {
        let id = format!("ord_{number}");
        world.service(None).create(&id, "usr_1", &lines(0), address(0)).await.unwrap();
    }
    assert_eq!(world.loads().await.values().sum::<u32>(), 20);
    NOW_MS.set(START_MS + 40_000);
    world.service(None).sweep().await.unwrap();
    assert_eq!(world.loads().await, BTreeMap::new());
    let parcels = world.service(None).of_order("ord_7").await.unwrap();
    assert_eq!(parcels[0].status(), Status::Delivered);
}

#[tokio::test]
async fn a_sweep_moves_parcels_that_nobody_looks_at() {
    NOW_MS.set(START_MS);
    let world = World::new(Simulation { pickup_ms: 4_000 });
    world.service(None).create("ord_0", "usr_1", &lines(0), address(0)).await.unwrap();
    let mut last = 0;
    for _ in 0..40 {
        NOW_MS.set(now_ms() + 1_000);
        world.service(None).sweep().await.unwrap();
        let told = world.log.events().len();
        assert!(told <= last + 1, "each step is told on its own");
        last = told;
    }
    let misses = Simulation::misses(&world.consignment(0).await.unwrap().parcels[0].id);
    assert_eq!(last, if misses { 5 } else { 3 });
}

#[tokio::test]
async fn an_order_that_can_not_be_read_does_not_hold_up_the_others() {
    NOW_MS.set(START_MS);
    let world = World::new(Simulation { pickup_ms: 4_000 });
    for number in 0..3 {
        let id = format!("ord_{number}");
        world.service(None).create(&id, "usr_1", &lines(0), address(0)).await.unwrap();
    }
    world.disk.set("order:ord_0", b"{").await.unwrap();
    NOW_MS.set(START_MS + 4_000);
    let moved = world.service(None).sweep().await.unwrap();
    assert_eq!((moved.looked_at, moved.failed), (3, 1));
    for number in 1..3 {
        let parcels = world.consignment(number).await.unwrap().parcels;
        assert_eq!(parcels[0].status(), Status::InTransit);
    }
}

#[tokio::test]
async fn when_nobody_can_take_more_it_is_said_to_try_again() {
    NOW_MS.set(START_MS);
    let world = World::new(Simulation { pickup_ms: 0 });
    let mut full = Van::default();
    while full.claim("ord_others", shipping::domain::VAN_PARCELS_MAX, START_MS, u64::MAX) {}
    for courier in shipping::domain::FLEET {
        for number in 0..courier.vans {
            let key = format!("van:{}:{number}", courier.code);
            world.disk.write(&key, &full).await.unwrap();
        }
    }
    let refused = world.service(None).create("ord_0", "usr_1", &lines(0), address(0)).await;
    assert!(matches!(refused, Err(Refusal::Unavailable(_))), "{refused:?}");
}
