//! A model of the checkout that is checked exhaustively: two processes work on one order, each at
//! its own pace, while the customer cancels it, the parcel leaves, and a sweep runs. At any point, a
//! process may die, a request or an answer may be lost or late, a participant may refuse, or the
//! deadline may pass.
//!
//! The decisions are the real ones (`saga::next`, `saga::conclude`, the fold, the published events),
//! and so are the participants of the simulation. The steps of processes between two writes are
//! modeled. Leases and backoff are left out: they only save work, and the result must be correct
//! without them.

mod process;
mod value;

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, DefaultHasher, Hash as _, Hasher as _, RandomState};

use crate::simulation::{Participants, Payment};
use orders::domain::event::Action;
use orders::domain::order::Undoing;
use orders::domain::saga::UNDO_OF;
use orders::domain::{ShipmentStatus, Status};
use process::{Move, Phase, Sweep};
use stateright::{Checker, Expectation, Model, Property};
use value::Value;

/// How many faults and interventions may happen on one path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) crashes: u8,
    pub(crate) losses: u8,
    pub(crate) refusals: u8,
    pub(crate) cancellations: u8,
    pub(crate) departures: u8,
    pub(crate) deadlines: u8,
    /// Sweeps that remove the marks of live requests.
    pub(crate) premature_sweeps: u8,
}

/// The request that made a mark, and how often it has replaced it.
pub(crate) type Marks = BTreeSet<(u8, u8)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct System {
    pub(crate) value: Value,
    pub(crate) marks: Marks,
    /// The request that each process is working on.
    pub(crate) requests: [Option<u8>; 2],
    pub(crate) last_request: u8,
    /// The numbers and types of the published events.
    pub(crate) log: Vec<(u8, &'static str)>,
    pub(crate) participants: Participants,
    /// A request that arrives after its caller's timeout.
    pub(crate) late: Option<Action>,
    pub(crate) processes: [Phase; 2],
    pub(crate) sweep: Sweep,
    pub(crate) is_past_deadline: bool,
    pub(crate) budget: Budget,
}

struct Checkout(Budget);

impl Model for Checkout {
    type State = System;
    type Action = Move;

    fn init_states(&self) -> Vec<System> {
        vec![System {
            value: Value::new(),
            marks: Marks::from([(0, 0)]),
            requests: [Some(0), None],
            last_request: 0,
            log: Vec::new(),
            participants: Participants::default(),
            late: None,
            processes: [Phase::Idle, Phase::Idle],
            sweep: Sweep::Idle,
            is_past_deadline: false,
            budget: self.0.clone(),
        }]
    }

    fn actions(&self, system: &System, moves: &mut Vec<Move>) {
        system.moves(moves);
    }

    fn next_state(&self, system: &System, step: Move) -> Option<System> {
        let mut system = system.clone();
        system.make(step);
        Some(system)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("money is taken once", |_, it: &System| it.participants.captures <= 1),
            Property::always("the result is decided once", |_, it: &System| it.value.ends <= 1),
            Property::always("a delivered order is paid and sold", |_, it: &System| it.is_paid()),
            Property::always("an undelivered order is refunded and restocked", |_, it: &System| {
                it.is_undone()
            }),
            Property::always("no operator is needed", |_, it: &System| {
                it.value.order.0.saga.parked.is_none()
            }),
            Property::always("only started steps are undone", |_, it: &System| {
                it.undoes_started_steps()
            }),
            Property::always("events are published once, in order", |_, it: &System| {
                let numbers = it.log.iter().map(|(number, _)| *number);
                numbers.eq(1..=it.log.len() as u8) && it.log.len() as u8 <= it.value.numbered
            }),
            Property::always("unfinished orders are marked", |_, it: &System| {
                it.value.is_settled() || !it.marks.is_empty()
            }),
            Property::eventually("it ends, and all events are published", |_, it: &System| {
                let published = it.log.len() as u8 == it.value.numbered;
                it.value.is_settled() && it.marks.is_empty() && published
            }),
            Property::sometimes("confirmed", |_, it: &System| it.ends_as(Status::Confirmed)),
            Property::sometimes("shipped", |_, it: &System| it.ends_as(Status::Shipped)),
            Property::sometimes("canceled", |_, it: &System| it.ends_as(Status::Cancelled)),
            Property::sometimes("rejected", |_, it: &System| it.ends_as(Status::Rejected)),
            Property::sometimes("refunded", |_, it: &System| {
                it.participants.captures == 1 && it.ends_as(Status::Cancelled)
            }),
        ]
    }
}

impl System {
    fn ends_as(&self, status: Status) -> bool {
        self.value.is_settled() && self.value.order.0.status == status
    }

    fn is_paid(&self) -> bool {
        let order = &self.value.order.0;
        let delivered = matches!(order.status, Status::Confirmed | Status::Shipped);
        let it = &self.participants;
        let parcels = [Some(ShipmentStatus::Created), Some(ShipmentStatus::InTransit)];
        !delivered
            || order.saga.undoing == Some(Undoing::Cancellation)
            || (it.payment == Payment::Captured && it.is_sold() && parcels.contains(&it.parcel))
    }

    fn is_undone(&self) -> bool {
        let ended = matches!(self.value.order.0.status, Status::Cancelled | Status::Rejected);
        let it = &self.participants;
        !ended
            || (matches!(it.payment, Payment::None | Payment::Canceled)
                && !it.is_reserved()
                && !it.is_sold()
                && matches!(it.parcel, None | Some(ShipmentStatus::Cancelled)))
    }

    fn undoes_started_steps(&self) -> bool {
        let saga = &self.value.order.0.saga;
        saga.undone.iter().all(|undone| {
            UNDO_OF.iter().any(|(step, undo)| undo == undone && saga.started.contains(step))
        })
    }
}

/// The possible ends of an order.
const ENDS: [&str; 5] = ["confirmed", "shipped", "canceled", "rejected", "refunded"];

/// Explores all paths within this budget. The orders must have exactly these ends.
fn check(budget: Budget, ends: &[&str]) {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let model = Checkout(budget.clone());
    let properties = model.properties();
    let checker = model.checker().threads(threads).spawn_bfs().join();
    let states = checker.unique_state_count();
    assert!(states > 5_000, "{budget:?}: only {states} states");
    for Property { name, .. } in properties {
        let found = checker.discovery(name).map(|path| path.into_actions());
        let expected = ends.contains(&name);
        assert_eq!(found.is_some(), expected, "{budget:?}: {name}: {found:?}");
    }
}

#[test]
fn all_paths_with_two_or_three_faults_are_consistent() {
    let refusals = Budget { refusals: 1, ..Budget::default() };
    let ends = ["confirmed", "rejected"];
    check(Budget { crashes: 1, ..refusals.clone() }, &ends);
    check(Budget { losses: 1, deadlines: 1, ..refusals.clone() }, &ends);
    // A shipping request that seemed lost arrives, its repetition is refused, and the parcel leaves.
    let budget = Budget { losses: 1, departures: 1, ..refusals };
    check(budget, &["confirmed", "rejected", "shipped"]);
}

#[test]
fn all_paths_with_a_cancellation_and_a_fault_are_consistent() {
    let cancellations = Budget { cancellations: 1, ..Budget::default() };
    let ends = ["confirmed", "canceled", "refunded"];
    check(Budget { crashes: 1, ..cancellations.clone() }, &ends);
    check(Budget { losses: 1, ..cancellations.clone() }, &ends);
    check(Budget { premature_sweeps: 1, ..cancellations.clone() }, &ends);
    let budget = Budget { departures: 1, ..cancellations };
    check(budget, &["confirmed", "canceled", "refunded", "shipped"]);
}

/// All faults together have too many paths, so random ones are explored. A failure prints the seed.
#[test]
fn all_faults_on_random_paths() {
    const PATHS: u64 = 20_000;
    let model = Checkout(Budget {
        crashes: 2,
        losses: 2,
        refusals: 1,
        cancellations: 1,
        departures: 1,
        deadlines: 1,
        premature_sweeps: 1,
    });
    let seed = RandomState::new().build_hasher().finish();
    let mut ends = BTreeSet::new();
    for path in 0..PATHS {
        let passed = walk(&model, (seed, path));
        ends.extend(passed.unwrap_or_else(|violation| panic!("seed {seed}/{path}: {violation}")));
    }
    assert_eq!(ends, BTreeSet::from(ENDS), "seed {seed}");
}

/// A random path to its end: the ends that it has passed, or the property that it violates.
fn walk(model: &Checkout, seed: (u64, u64)) -> Result<BTreeSet<&'static str>, String> {
    /// Random paths do not loop longer than this.
    const MOVES_MAX: usize = 10_000;
    /// Moves that make most paths short are possible in one of this number of states.
    const RARITY: usize = 16;
    let properties = model.properties();
    let mut system = model.init_states().swap_remove(0);
    let (mut path, mut passed) = (Vec::new(), BTreeSet::new());
    let violation = |name: &str, path: &[Move]| Err(format!("{name}, after {path:#?}"));
    while path.len() < MOVES_MAX {
        let mut moves = Vec::new();
        system.moves(&mut moves);
        for property in &properties {
            let holds = (property.condition)(model, &system);
            match property.expectation {
                Expectation::Always if !holds => return violation(property.name, &path),
                Expectation::Eventually if moves.is_empty() && !holds => {
                    return violation(property.name, &path);
                }
                Expectation::Sometimes if holds => drop(passed.insert(property.name)),
                _ => {}
            }
        }
        if moves.is_empty() {
            return Ok(passed);
        }
        let mut hasher = DefaultHasher::new();
        (seed, path.len()).hash(&mut hasher);
        let random = hasher.finish() as usize;
        if !random.is_multiple_of(RARITY) && !moves.iter().all(Move::ends_paths_early) {
            moves.retain(|step| !step.ends_paths_early());
        }
        let step = moves.swap_remove(random / RARITY % moves.len());
        system.make(step);
        path.push(step);
    }
    violation("it does not end", &path)
}
