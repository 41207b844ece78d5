//! A model of the checkout, checked exhaustively: two processes drive one order, each at its
//! own pace, while the customer calls it off, the parcel leaves, a sweep cleans up, and at any
//! point a process dies, a request or an answer gets lost or comes late, a participant
//! refuses, or the deadline passes.
//!
//! The decisions are the real ones (`saga::next`, `saga::conclude`, the fold, the news); the
//! steps of drivers between two writes are modeled. Leases and backoff are left out: they
//! save work, and the order must come out right without them.

mod participants;
mod process;
mod value;

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use orders::domain::event::Action;
use orders::domain::order::Undoing;
use orders::domain::{Status, Step, Undo};
use participants::{Parcel, Participants, Payment, Stock};
use process::{Move, Phase};
use stateright::{Checker, Expectation, Model, Property};
use value::Value;

/// How much may go wrong on one path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Luck {
    pub(crate) crashes: u8,
    pub(crate) losses: u8,
    pub(crate) refusals: u8,
    pub(crate) cancellations: u8,
    pub(crate) departures: u8,
    pub(crate) deadlines: u8,
    /// Sweeps that take the marks of the living.
    pub(crate) haste: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) value: Value,
    /// Which requests have marked the order, and how often anew.
    pub(crate) marks: BTreeSet<(u8, u8)>,
    /// The request that each process is at, if it has a name.
    pub(crate) names: [Option<u8>; 2],
    pub(crate) requests: u8,
    /// What was published, in its order.
    pub(crate) log: Vec<(u8, &'static str)>,
    pub(crate) participants: Participants,
    /// A request that is still on its way after its sender has given up waiting.
    pub(crate) late: Option<Action>,
    pub(crate) processes: [Phase; 2],
    pub(crate) sweeper: Phase,
    pub(crate) is_late: bool,
    pub(crate) luck: Luck,
}

struct Checkout(Luck);

impl Model for Checkout {
    type State = World;
    type Action = Move;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            value: Value::new(),
            marks: BTreeSet::from([(0, 0)]),
            names: [Some(0), None],
            requests: 0,
            log: Vec::new(),
            participants: Participants::default(),
            late: None,
            processes: [Phase::Idle, Phase::Idle],
            sweeper: Phase::Idle,
            is_late: false,
            luck: self.0.clone(),
        }]
    }

    fn actions(&self, world: &World, moves: &mut Vec<Move>) {
        world.moves(moves);
    }

    fn next_state(&self, world: &World, step: Move) -> Option<World> {
        let mut world = world.clone();
        world.make(step);
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("money is taken once", |_, it: &World| it.participants.captures <= 1),
            Property::always("the fate is decided once", |_, it: &World| it.value.ends <= 1),
            Property::always("whoever is served has paid", |_, it: &World| {
                it.is_served_for_money()
            }),
            Property::always("whoever is not served keeps all", |_, it: &World| it.is_given_back()),
            Property::always("no operator is needed", |_, it: &World| {
                it.value.order.0.saga.parked.is_none()
            }),
            Property::always("only what may have happened is undone", |_, it: &World| {
                it.undoes_enough()
            }),
            Property::always("the log has every number once", |_, it: &World| it.is_contiguous()),
            Property::always("what is unfinished is marked", |_, it: &World| {
                it.value.is_settled() || !it.marks.is_empty()
            }),
            Property::eventually("it ends, and all is published", |_, it: &World| {
                it.value.is_settled()
                    && it.marks.is_empty()
                    && it.log.len() as u8 == it.value.numbered
            }),
            Property::sometimes("confirmed", |_, it: &World| it.is_over(Status::Confirmed)),
            Property::sometimes("shipped", |_, it: &World| it.is_over(Status::Shipped)),
            Property::sometimes("cancelled", |_, it: &World| it.is_over(Status::Cancelled)),
            Property::sometimes("rejected", |_, it: &World| it.is_over(Status::Rejected)),
            Property::sometimes("refunded", |_, it: &World| {
                it.participants.captures == 1 && it.is_over(Status::Cancelled)
            }),
        ]
    }
}

impl World {
    fn is_over(&self, status: Status) -> bool {
        self.value.is_settled() && self.value.status() == status
    }

    fn is_served_for_money(&self) -> bool {
        let participants = &self.participants;
        let served = matches!(self.value.status(), Status::Confirmed | Status::Shipped);
        !served
            || self.value.order.0.saga.undoing == Some(Undoing::Cancellation)
            || (participants.payment == Payment::Captured
                && participants.stock == Stock::Sold
                && matches!(participants.parcel, Parcel::Waiting | Parcel::Traveling))
    }

    fn is_given_back(&self) -> bool {
        let ended = matches!(self.value.status(), Status::Cancelled | Status::Rejected);
        let it = &self.participants;
        !ended
            || (matches!(it.payment, Payment::None | Payment::Barred)
                && matches!(it.stock, Stock::Free | Stock::Barred)
                && matches!(it.parcel, Parcel::None | Parcel::Barred))
    }

    /// While it goes back, nothing is undone that was not begun; at the end, all that was is.
    fn undoes_enough(&self) -> bool {
        let saga = &self.value.order.0.saga;
        let started = |step| saga.started.contains(&step);
        let due = [
            (Undo::CancelShipment, started(Step::Ship)),
            (Undo::TakeBack, started(Step::Commit)),
            (Undo::CancelPayment, started(Step::Authorize)),
            (Undo::Release, started(Step::Reserve) && !started(Step::Commit)),
        ];
        let ended = matches!(self.value.status(), Status::Cancelled | Status::Rejected);
        due.into_iter().all(|(undo, due)| match saga.undone.contains(&undo) {
            true => due,
            false => !due || !ended,
        })
    }

    fn is_contiguous(&self) -> bool {
        let numbers = self.log.iter().map(|(number, _)| *number);
        numbers.eq(1..=self.log.len() as u8) && self.log.len() as u8 <= self.value.numbered
    }
}

/// Ends that an order can come to.
const ENDS: [&str; 5] = ["confirmed", "shipped", "cancelled", "rejected", "refunded"];

/// Explores every path with that much luck. Orders can come to exactly these ends.
fn check(luck: Luck, ends: &[&str]) {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let model = Checkout(luck);
    let properties = model.properties();
    let checker = model.checker().threads(threads).spawn_bfs().join();
    let states = checker.unique_state_count();
    assert!(states > 5_000, "{states} states only: something is shut out");
    for property in properties {
        let found = checker.discovery(property.name);
        match ENDS.contains(&property.name) {
            true => assert_eq!(found.is_some(), ends.contains(&property.name), "{}", property.name),
            false => assert!(
                found.is_none(),
                "{}: {:?}",
                property.name,
                found.map(|it| it.into_actions())
            ),
        }
    }
}

const NOTHING: Luck = Luck {
    crashes: 0,
    losses: 0,
    refusals: 0,
    cancellations: 0,
    departures: 0,
    deadlines: 0,
    haste: 0,
};

#[test]
fn refusals_meet_crashes() {
    check(Luck { refusals: 1, crashes: 1, ..NOTHING }, &["confirmed", "rejected"]);
}

#[test]
fn refusals_meet_messages_that_are_lost_or_late_and_deadlines() {
    let luck = Luck { refusals: 1, losses: 1, deadlines: 1, ..NOTHING };
    check(luck, &["confirmed", "rejected"]);
}

/// A shipping request that seemed lost arrives, its repetition is refused, and the parcel leaves.
#[test]
fn refusals_race_with_late_messages_and_departures() {
    let luck = Luck { refusals: 1, losses: 1, departures: 1, ..NOTHING };
    check(luck, &["confirmed", "shipped", "rejected"]);
}

#[test]
fn cancellations_meet_departures() {
    let luck = Luck { cancellations: 1, departures: 1, ..NOTHING };
    check(luck, &["confirmed", "shipped", "cancelled", "refunded"]);
}

#[test]
fn cancellations_meet_crashes() {
    let luck = Luck { cancellations: 1, crashes: 1, ..NOTHING };
    check(luck, &["confirmed", "cancelled", "refunded"]);
}

#[test]
fn cancellations_meet_messages_that_are_lost_or_late() {
    let luck = Luck { cancellations: 1, losses: 1, ..NOTHING };
    check(luck, &["confirmed", "cancelled", "refunded"]);
}

#[test]
fn cancellations_meet_sweeps_that_take_the_slow_for_dead() {
    let luck = Luck { cancellations: 1, haste: 1, ..NOTHING };
    check(luck, &["confirmed", "cancelled", "refunded"]);
}

/// Single paths with everything on them: of all of them together there are too many to keep. The
/// seed is printed with what it has found.
#[test]
fn everything_meets() {
    /// Paths in each run.
    const PATHS: u32 = 20_000;
    let luck = Luck {
        crashes: 2,
        losses: 2,
        refusals: 1,
        cancellations: 1,
        departures: 1,
        deadlines: 1,
        haste: 1,
    };
    let seed = RandomState::new().build_hasher().finish();
    let model = Checkout(luck);
    let mut random = SplitMix(seed);
    let mut ends = BTreeSet::new();
    for _ in 0..PATHS {
        let path = walk(&model, &mut random);
        ends.extend(path.unwrap_or_else(|broken| panic!("seed {seed}: {broken}")));
    }
    assert_eq!(ends, BTreeSet::from(ENDS), "seed {seed}");
}

/// One path to its end, each move of it by chance: which ends it passed, or what it broke.
fn walk(model: &Checkout, random: &mut SplitMix) -> Result<BTreeSet<&'static str>, String> {
    /// Chance does not go in circles for longer.
    const MOVES_MAX: usize = 10_000;
    let properties = model.properties();
    let mut world = model.init_states().swap_remove(0);
    let (mut path, mut passed) = (Vec::new(), BTreeSet::new());
    let broken = |name: &str, path: &[Move]| Err(format!("{name}, after {path:#?}"));
    for _ in 0..MOVES_MAX {
        let mut moves = Vec::new();
        model.actions(&world, &mut moves);
        for property in &properties {
            let holds = (property.condition)(model, &world);
            match property.expectation {
                Expectation::Always if !holds => return broken(property.name, &path),
                Expectation::Eventually if moves.is_empty() && !holds => {
                    return broken(property.name, &path);
                }
                Expectation::Sometimes if holds => drop(passed.insert(property.name)),
                _ => {}
            }
        }
        if moves.is_empty() {
            return Ok(passed);
        }
        let step = moves.swap_remove(random.below(moves.len()));
        world = model.next_state(&world, step).expect("every move leads on");
        path.push(step);
    }
    broken("it does not end", &path)
}

/// Numbers that a seed decides.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
