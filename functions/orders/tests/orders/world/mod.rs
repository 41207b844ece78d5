//! A small consistent world around the orders function: stock, payments and shipping that
//! keep the promises of their contracts, fail as a test tells them to, and can stop a
//! process at any point where it waits.

mod participants;
pub(crate) mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use chassis::events::{Behavior, Event, MemoryProducer, Producer, PublishError};
use chassis::money::Money;
use chassis::store::{MemoryStore, Store, StoreError};
use orders::domain::event::Failure;
use orders::domain::saga::{Action, Fault};
use orders::domain::{Address, Order, ShipmentStatus, Status, Step, Undo};
use orders::ports::{Cart, Clock, Participants, Product, Shipment, Unavailable};
use orders::records::{Loaded, MARK_AGE_MS, OPEN_SHARDS, Records};
use orders::service::{Orders, Request};

/// Pieces on the shelf at the beginning.
pub(crate) const STOCK: u32 = 5;
/// What each order asks for.
pub(crate) const PIECES: u32 = 2;
pub(crate) const PRICE: i64 = 1_250;

/// How a participant treats one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mood {
    Fine,
    Refuses,
    DoesOtherwise,
    Fails,
    HappensUnanswered,
    Unanswered,
    /// The request takes effect, its response is lost, and a courier picks up the parcel.
    LeavesUnanswered,
}

pub(crate) const MOODS: [Mood; 5] =
    [Mood::Fine, Mood::Refuses, Mood::Fails, Mood::HappensUnanswered, Mood::Unanswered];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reservation {
    Held(u32),
    Sold(u32),
    Barred,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payment {
    Held,
    Captured,
    Barred,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) now_ms: u64,
    /// Waits passed so far, over all processes.
    pub(crate) waits: usize,
    /// The wait at which a process stops, until `released`.
    pub(crate) stop_at: Option<usize>,
    pub(crate) released: bool,
    /// Moods of the coming calls of each action; fine when used up.
    pub(crate) moods: BTreeMap<String, Vec<Mood>>,
    pub(crate) on_hand: u32,
    reservations: BTreeMap<String, Reservation>,
    pub(crate) payments: BTreeMap<String, Payment>,
    /// Money moves, by payment: captures and refunds.
    pub(crate) captures: BTreeMap<String, u32>,
    pub(crate) parcels: BTreeMap<String, ShipmentStatus>,
    pub(crate) barred_parcels: BTreeSet<String>,
    /// Refunded amounts and restocked pieces, by returned parcel.
    pub(crate) refunds: BTreeMap<String, i64>,
    pub(crate) restocked: BTreeMap<String, u32>,
    pub(crate) cart: Cart,
    /// Operations of the store so far.
    pub(crate) reads: usize,
    pub(crate) writes: usize,
    /// Reservations run out when they are committed for the first time.
    pub(crate) lose_reservation: u32,
}

#[derive(Clone)]
pub(crate) struct World(
    pub(crate) Arc<Mutex<State>>,
    pub(crate) MemoryStore,
    pub(crate) MemoryProducer,
);

impl World {
    pub(crate) fn new() -> Self {
        let state = State { now_ms: 1_800_000_000_000, on_hand: STOCK, ..State::default() };
        Self(Arc::new(Mutex::new(state)), MemoryStore::default(), MemoryProducer::new())
    }

    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.0.lock().unwrap())
    }

    pub(crate) fn mood(&self, action: &str, moods: &[Mood]) {
        self.with(|state| state.moods.insert(action.to_owned(), moods.to_vec()));
    }

    /// The orders function as a process of its own.
    pub(crate) fn process(&self, owner: &str) -> Orders<Gated, World, World> {
        Orders::new(self.store(), self.clone(), self.clone(), owner.to_owned())
    }

    /// The store, as processes see it.
    pub(crate) fn store(&self) -> Gated {
        Gated { world: self.clone(), inner: self.1.clone() }
    }

    /// A place where a process waits, and may be stopped. Time passes meanwhile.
    fn wait(&self) -> impl Future<Output = ()> + Send + use<> {
        let world = self.clone();
        let mine = self.with(|state| {
            state.waits += 1;
            state.now_ms += 1;
            state.waits
        });
        std::future::poll_fn(move |_| {
            let stopped = world.with(|state| state.stop_at == Some(mine) && !state.released);
            if stopped { Poll::Pending } else { Poll::Ready(()) }
        })
    }

    /// Time passes and sweeps run until nothing is left to do.
    pub(crate) fn settle(&self, id: &str) -> Order {
        for round in 0..200 {
            let process = self.process(&format!("sweeper-{round}"));
            let swept = run(process.sweep()).unwrap();
            if swept.unfinished == 0 {
                break;
            }
            self.with(|state| state.now_ms += 31_000 + 60_000 * round);
        }
        // The marks of those who died leave with age.
        self.with(|state| state.now_ms += MARK_AGE_MS + 1);
        run(self.process("last sweeper").sweep()).unwrap();
        self.loaded(id).order
    }

    /// These steps have happened before the test begins.
    pub(crate) fn happened(&self, order: &Order, steps: &[Step]) {
        self.with(|state| {
            steps.iter().for_each(|step| state.perform(Action::Do(*step), order).unwrap());
        });
    }

    pub(crate) fn loaded(&self, id: &str) -> Loaded {
        run(self.records().load(id)).unwrap().expect("the order exists")
    }

    /// The types of the events in the log, without what they have in common.
    pub(crate) fn log(&self) -> Vec<String> {
        let names = self.2.events().into_iter().map(|event| {
            let name = event.kind.strip_prefix("com.shop.orders.").unwrap().to_owned();
            name.strip_suffix(".v1").unwrap().to_owned()
        });
        names.collect()
    }

    pub(crate) fn reserved(&self) -> u32 {
        self.with(|state| {
            let held = state.reservations.values();
            held.map(|it| if let Reservation::Held(n) = it { *n } else { 0 }).sum()
        })
    }

    pub(crate) fn sold(&self) -> u32 {
        self.with(|state| {
            let sold = state.reservations.values();
            sold.map(|it| if let Reservation::Sold(n) = it { *n } else { 0 }).sum()
        })
    }

    /// What must hold once an order is settled, whatever has happened.
    pub(crate) fn check(&self, order: &Order) {
        let kept = matches!(
            order.status,
            Status::Confirmed | Status::Shipped | Status::Delivered | Status::Returned
        );
        let ended = kept || matches!(order.status, Status::Cancelled | Status::Rejected);
        assert!(ended, "not settled: {order:?}");
        let payment = self.with(|state| state.payments.get(&order.payment_id()).copied());
        assert_eq!(payment == Some(Payment::Captured), kept, "money {payment:?}: {order:?}");
        assert_ne!(payment, Some(Payment::Held), "a hold is left: {order:?}");
        let back = self.with(|state| state.restocked.values().sum::<u32>());
        assert_eq!(self.sold(), if kept { PIECES } else { 0 }, "sold: {order:?}");
        assert_eq!(self.reserved(), 0, "reserved: {order:?}");
        let pieces = self.with(|state| state.on_hand) + self.sold();
        assert_eq!(pieces, STOCK + back, "pieces: {order:?}");
        let parcel = self.with(|state| state.parcels.get(&order.placed.id).copied());
        let travels = parcel.is_some_and(|it| it != ShipmentStatus::Cancelled);
        assert_eq!(travels, kept, "parcel {parcel:?}: {order:?}");
        assert!(self.with(|state| state.captures.values().all(|times| *times <= 1)), "{order:?}");
        assert_eq!(order.rejection.is_some(), order.status == Status::Rejected);
        self.check_events(order);
        let open = (0..OPEN_SHARDS).flat_map(|shard| run(self.records().marks(shard)).unwrap());
        assert_eq!(open.count(), 0, "still among the unfinished: {order:?}");
        let audited = run(self.process("auditor").audit(0, 100)).unwrap().entries;
        let mut own = audited.iter().filter(|entry| entry.id == order.placed.id);
        let entry = own.next().expect("in the register");
        assert!(own.next().is_none(), "twice in the register");
        assert!(entry.settled && entry.faults.is_empty(), "{entry:?}");
    }

    /// Others have heard of each change of status, once, in order, and of nothing else.
    pub(crate) fn check_events(&self, order: &Order) {
        let events: Vec<Event> = self.2.events();
        let events = events.iter().filter(|it| it.subject.as_ref() == Some(&order.placed.id));
        let numbers: Vec<u64> = events.clone().map(|event| event.sequence().unwrap()).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{order:?}");
        let kinds: Vec<String> = events.map(|event| event.kind.clone()).collect();
        let status = order.status.as_str();
        assert_eq!(kinds[0], "com.shop.orders.order.placed.v1");
        assert_eq!(*kinds.last().unwrap(), format!("com.shop.orders.order.{status}.v1"));
        for name in ["confirmed", "rejected", "cancelled", "shipped", "delivered", "returned"] {
            let kind = format!("com.shop.orders.order.{name}.v1");
            assert!(kinds.iter().filter(|it| **it == kind).count() <= 1, "{kinds:?}");
        }
        let loaded = self.loaded(&order.placed.id);
        assert!(loaded.record.outbox.is_empty(), "{order:?}");
        assert_eq!(loaded.record.outbox.last_sequence(), numbers.len() as u64);
    }

    pub(crate) fn records(&self) -> Records<MemoryStore> {
        Records::new(self.1.clone(), "one")
    }

    fn answer(&self, action: Action, order: &Order) -> Result<(), Fault> {
        let name = match action {
            Action::Do(step) => format!("{step:?}"),
            Action::Undo(undo) => format!("{undo:?}"),
        };
        self.with(|state| {
            let moods = state.moods.entry(name).or_default();
            let mood = if moods.is_empty() { Mood::Fine } else { moods.remove(0) };
            match mood {
                Mood::Fine => state.perform(action, order),
                Mood::Refuses => Err(Fault::Refused { code: "no", detail: "refused".to_owned() }),
                Mood::DoesOtherwise => Err(Fault::Mismatch("10 instead of 100".to_owned())),
                Mood::Fails => Err(failed(Failure::Unavailable)),
                Mood::Unanswered => Err(failed(Failure::Unknown)),
                Mood::HappensUnanswered => {
                    let _ = state.perform(action, order);
                    Err(failed(Failure::Unknown))
                }
                Mood::LeavesUnanswered => {
                    let _ = state.perform(action, order);
                    state.parcels.insert(order.placed.id.clone(), ShipmentStatus::InTransit);
                    Err(failed(Failure::Unknown))
                }
            }
        })
    }
}

fn failed(failure: Failure) -> Fault {
    Fault::Failed(failure, "test".to_owned())
}

impl Clock for World {
    fn now_ms(&self) -> u64 {
        self.with(|state| state.now_ms)
    }

    async fn sleep(&self, ms: u64) {
        self.with(|state| state.now_ms += ms);
        self.wait().await;
    }
}

/// A store at whose doors a process may be stopped, before and after each operation.
#[derive(Clone)]
pub(crate) struct Gated {
    world: World,
    inner: MemoryStore,
}

impl Store for Gated {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.world.with(|state| state.reads += 1);
        self.world.wait().await;
        self.inner.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.world.with(|state| state.writes += 1);
        self.world.wait().await;
        let result = self.inner.set(key, value).await;
        self.world.wait().await;
        result
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.world.wait().await;
        self.inner.delete(key).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.world.with(|state| state.writes += 1);
        self.world.wait().await;
        let result = self.inner.increment(key, delta).await;
        self.world.wait().await;
        result
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.world.with(|state| state.writes += 1);
        self.world.wait().await;
        let result = self.inner.compare_and_swap(key, expected, new).await;
        self.world.wait().await;
        result
    }
}

pub(crate) fn request(id: &str) -> Request {
    Request {
        id: id.to_owned(),
        user_id: "usr_1".to_owned(),
        lines: Some(vec![("SKU-1".to_owned(), PIECES)]),
        shipping_address: Address {
            name: "Ada".to_owned(),
            street: "Hauptstr. 1".to_owned(),
            city: "Wien".to_owned(),
            postal_code: "1010".to_owned(),
            country: "AT".to_owned(),
        },
        payment_method: "tok_approved".to_owned(),
        expected_total: None,
    }
}

/// Runs what never really waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    match step(pin!(future)) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("stopped"),
    }
}

/// Lets a process go on until it ends or is stopped.
pub(crate) fn step<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
