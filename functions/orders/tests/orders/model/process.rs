//! What the processes do, one store operation or one call at a time.

use std::collections::BTreeSet;

use orders::domain::event::Action;
use orders::domain::saga::{self, Next, PIVOT_DEADLINE_MS};
use orders::domain::{Event, Parcel as Told, ShipmentStatus, Step};

use super::World;
use super::participants::{Parcel, Reply};
use super::value::Value;

/// Where a process is. `base` is the order's value as it has read or written it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle,
    /// Has an order, and perhaps an answer that is not written yet.
    Deciding {
        base: Box<Value>,
        answer: Option<(Action, Reply)>,
    },
    Asking {
        base: Box<Value>,
        action: Action,
    },
    Publishing {
        outbox: Vec<(u8, &'static str)>,
    },
    Emptying {
        through: u8,
    },
    Unmarking,
    /// Wants to call off, or to write down news; has read the order, then marked it.
    Intending {
        version: (u64, u8),
        intent: Intent,
        marked: bool,
    },
    /// The sweep: has seen marks; has found the order settled; has fenced it.
    Looking {
        marks: BTreeSet<(u8, u8)>,
    },
    Fencing {
        marks: BTreeSet<(u8, u8)>,
        base: Box<Value>,
    },
    Forgetting {
        marks: BTreeSet<(u8, u8)>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Intent {
    Cancel,
    Hear,
}

/// Whether the sweep takes slow requests for dead ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Haste {
    No,
    Yes,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Fine,
    Refused,
    RequestLost,
    AnswerLost,
    RequestLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Move {
    Load(usize),
    Write(usize),
    Ask(usize, Fate),
    Publish(usize),
    Empty(usize),
    Unmark(usize),
    Intend(Intent),
    Mark,
    Realize,
    Crash(usize),
    Sweep(Haste),
    Look,
    Fence,
    Forget,
    Depart,
    Arrive,
    Expire,
}

/// The process of the customer's second request and of news.
const OTHER: usize = 1;

impl World {
    pub(crate) fn moves(&self, moves: &mut Vec<Move>) {
        for (process, phase) in self.processes.iter().enumerate() {
            match phase {
                Phase::Idle if self.has_marked(process) || !self.value.is_settled() => {
                    moves.push(Move::Load(process));
                }
                Phase::Deciding { .. } => moves.push(Move::Write(process)),
                Phase::Asking { action, .. } => self.fates(process, *action, moves),
                Phase::Publishing { .. } => moves.push(Move::Publish(process)),
                Phase::Emptying { .. } => moves.push(Move::Empty(process)),
                Phase::Unmarking => moves.push(Move::Unmark(process)),
                Phase::Intending { marked: false, .. } => moves.push(Move::Mark),
                Phase::Intending { marked: true, .. } => moves.push(Move::Realize),
                _ => {}
            }
            if *phase != Phase::Idle && self.luck.crashes > 0 {
                moves.push(Move::Crash(process));
            }
        }
        if self.processes[OTHER] == Phase::Idle {
            if self.luck.cancellations > 0 && self.value.order.0.can_be_cancelled() {
                moves.push(Move::Intend(Intent::Cancel));
            }
            if self.participants.parcel == Parcel::Traveling && !self.value.heard {
                moves.push(Move::Intend(Intent::Hear));
            }
        }
        match &self.sweeper {
            Phase::Idle if self.value.is_settled() => {
                let marks = |haste| !self.sweepable(haste).is_empty();
                moves.extend(marks(Haste::No).then_some(Move::Sweep(Haste::No)));
                let hasty = self.luck.haste > 0 && marks(Haste::Yes);
                moves.extend(hasty.then_some(Move::Sweep(Haste::Yes)));
            }
            Phase::Looking { .. } => moves.push(Move::Look),
            Phase::Fencing { .. } => moves.push(Move::Fence),
            Phase::Forgetting { .. } => moves.push(Move::Forget),
            _ => {}
        }
        if self.participants.parcel == Parcel::Waiting && self.luck.departures > 0 {
            moves.push(Move::Depart);
        }
        if self.late.is_some() {
            moves.push(Move::Arrive);
        }
        if self.luck.deadlines > 0 {
            moves.push(Move::Expire);
        }
    }

    fn fates(&self, process: usize, action: Action, moves: &mut Vec<Move>) {
        moves.push(Move::Ask(process, Fate::Fine));
        if self.luck.refusals > 0 && matches!(action, Action::Do(step) if step != Step::Commit) {
            moves.push(Move::Ask(process, Fate::Refused));
        }
        if self.luck.losses > 0 {
            let fates = [Fate::RequestLost, Fate::AnswerLost, Fate::RequestLate];
            moves.extend(fates.map(|fate| Move::Ask(process, fate)));
        }
    }

    pub(crate) fn make(&mut self, step: Move) {
        match step {
            Move::Load(process) => {
                let base = Box::new(self.value.clone());
                self.processes[process] = Phase::Deciding { base, answer: None };
            }
            Move::Write(process) => self.write(process),
            Move::Ask(process, fate) => self.ask(process, fate),
            Move::Publish(process) => self.publish(process),
            Move::Empty(process) => self.empty(process),
            Move::Unmark(process) => {
                self.marks.retain(|(name, _)| Some(*name) != self.names[process]);
                self.processes[process] = Phase::Idle;
            }
            Move::Intend(intent) => {
                self.luck.cancellations -= u8::from(intent == Intent::Cancel);
                self.requests += 1;
                self.names[OTHER] = Some(self.requests);
                self.intend(intent);
            }
            Move::Mark => {
                let name = self.names[OTHER].unwrap();
                let last = self.marks.iter().find(|mark| mark.0 == name).copied();
                self.marks.retain(|mark| mark.0 != name);
                self.marks.insert((name, last.map_or(0, |mark| mark.1 + 1)));
                if let Phase::Intending { marked, .. } = &mut self.processes[OTHER] {
                    *marked = true;
                }
            }
            Move::Realize => self.realize(),
            Move::Crash(process) => {
                self.luck.crashes -= 1;
                self.names[process] = None;
                self.processes[process] = Phase::Idle;
            }
            Move::Sweep(haste) => {
                self.luck.haste -= u8::from(haste == Haste::Yes);
                let marks = self.sweepable(haste);
                self.sweeper = Phase::Looking { marks };
            }
            Move::Look | Move::Fence | Move::Forget => self.sweep(),
            Move::Depart => {
                self.luck.departures -= 1;
                self.participants.parcel = Parcel::Traveling;
            }
            Move::Arrive => {
                let action = self.late.take().unwrap();
                self.participants.perform(action);
            }
            Move::Expire => {
                self.luck.deadlines -= 1;
                self.is_late = true;
            }
        }
    }

    fn take(&mut self, process: usize) -> Phase {
        std::mem::replace(&mut self.processes[process], Phase::Idle)
    }

    /// Takes all decisions and writes them, unless somebody else was faster.
    fn write(&mut self, process: usize) {
        let Phase::Deciding { base, answer } = self.take(process) else { panic!() };
        let now_ms = if self.is_late { PIVOT_DEADLINE_MS + 1 } else { 0 };
        let mut after = (*base).clone();
        if let Some((action, reply)) = answer {
            after.append(saga::conclude(&after.order.0, action, reply.answer()));
        }
        let action = loop {
            match saga::next(&after.order.0, now_ms) {
                Next::Record(event) => after.append(event),
                Next::Act(action) => break Some(action),
                Next::Settled | Next::Parked => break None,
            }
        };
        if after != *base {
            if self.value.version() != base.version() {
                return;
            }
            // What others have published or heard meanwhile stays.
            let published = base.outbox.len() - self.value.outbox.len();
            after.outbox.drain(..published);
            after.heard = self.value.heard;
            self.value = after.clone();
        }
        let base = Box::new(after);
        self.processes[process] = match action {
            Some(action) => Phase::Asking { base, action },
            None => Phase::Publishing { outbox: base.outbox },
        };
    }

    fn ask(&mut self, process: usize, fate: Fate) {
        let Phase::Asking { base, action } = self.take(process) else { panic!() };
        let reply = match fate {
            Fate::Fine => self.participants.perform(action),
            Fate::Refused => Reply::Refused,
            Fate::RequestLost => Reply::Silence,
            Fate::AnswerLost => {
                self.participants.perform(action);
                Reply::Silence
            }
            Fate::RequestLate => {
                self.late = Some(action);
                Reply::Silence
            }
        };
        self.luck.refusals -= u8::from(fate == Fate::Refused);
        let lost = matches!(fate, Fate::RequestLost | Fate::AnswerLost | Fate::RequestLate);
        self.luck.losses -= u8::from(lost);
        self.processes[process] = Phase::Deciding { base, answer: Some((action, reply)) };
    }

    fn publish(&mut self, process: usize) {
        let Phase::Publishing { outbox } = self.take(process) else { panic!() };
        for event in &outbox {
            match self.log.iter().find(|known| known.0 == event.0) {
                Some(known) => assert_eq!(known, event, "one number, two events"),
                None => self.log.push(*event),
            }
        }
        self.processes[process] = match outbox.last() {
            Some((through, _)) => Phase::Emptying { through: *through },
            None => self.end(process),
        };
    }

    fn empty(&mut self, process: usize) {
        let Phase::Emptying { through } = self.take(process) else { panic!() };
        self.value.outbox.retain(|(number, _)| *number > through);
        self.processes[process] = self.end(process);
    }

    fn has_marked(&self, process: usize) -> bool {
        self.marks.iter().any(|(name, _)| Some(*name) == self.names[process])
    }

    fn end(&self, process: usize) -> Phase {
        let over = self.has_marked(process) && self.value.is_settled();
        if over { Phase::Unmarking } else { Phase::Idle }
    }

    fn intend(&mut self, intent: Intent) {
        let version = self.value.version();
        self.processes[OTHER] = Phase::Intending { version, intent, marked: false };
    }

    fn realize(&mut self) {
        let Phase::Intending { version, intent, .. } = self.take(OTHER) else { panic!() };
        let wanted = intent == Intent::Hear || self.value.order.0.can_be_cancelled();
        if self.value.version() != version {
            // The request begins anew, if there is still something to want.
            return if wanted {
                self.intend(intent)
            };
        }
        match intent {
            Intent::Cancel => self.value.append(Event::CancelRequested),
            Intent::Hear => {
                let (id, courier, tracking_code, lines) = Default::default();
                let status = ShipmentStatus::InTransit;
                let parcel = Told { id, courier, tracking_code, status, lines };
                self.value.heard = true;
                self.value.append(Event::ParcelsMoved { parcels: vec![parcel] });
            }
        }
    }

    /// The marks that look old to the sweep.
    fn sweepable(&self, haste: Haste) -> BTreeSet<(u8, u8)> {
        let is_old = |mark: &&(u8, u8)| haste == Haste::Yes || !self.names.contains(&Some(mark.0));
        self.marks.iter().filter(is_old).copied().collect()
    }

    /// The sweep takes marks away that it has seen.
    fn sweep(&mut self) {
        self.sweeper = match std::mem::replace(&mut self.sweeper, Phase::Idle) {
            Phase::Looking { marks } if self.value.is_settled() => {
                Phase::Fencing { marks, base: Box::new(self.value.clone()) }
            }
            Phase::Fencing { marks, base } if self.value == *base => {
                self.value.fence += 1;
                Phase::Forgetting { marks }
            }
            Phase::Forgetting { marks } => {
                self.marks.retain(|mark| !marks.contains(mark));
                Phase::Idle
            }
            _ => Phase::Idle,
        };
    }
}
