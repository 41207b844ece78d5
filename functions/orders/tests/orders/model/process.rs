//! The steps of the processes: one operation of the store, or one call, at a time.

use orders::domain::event::{Action, Failure};
use orders::domain::saga::{self, Fault, Next, PIVOT_DEADLINE_MS};
use orders::domain::{Event, Parcel, ShipmentStatus, Step};

use super::value::Value;
use super::{Marks, System};

/// The state of a process. `base` is the order's value as it was read or written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle,
    /// Has read an order, and possibly has an answer that is not written yet.
    Deciding {
        base: Box<Value>,
        answer: Option<(Action, Result<(), Fault>)>,
    },
    Calling {
        base: Box<Value>,
        action: Action,
    },
    Publishing {
        outbox: Vec<(u8, &'static str)>,
    },
    /// Has published the events up to this number.
    Settling {
        through: u8,
    },
    Unmarking,
    /// Has read the order with this version to change it from outside of the saga, and possibly
    /// marked it.
    Intervening {
        version: (u64, u8),
        intervention: Intervention,
        marked: bool,
    },
}

/// The state of the sweep.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sweep {
    Idle,
    /// Has read old marks.
    Loading(Marks),
    /// Has found the order settled.
    Fencing(Marks, Box<Value>),
    Removing(Marks),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Intervention {
    Cancel,
    ProcessEvent,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CallOutcome {
    Normal,
    Refused,
    RequestLost,
    AnswerLost,
    RequestLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Move {
    Load(usize),
    Write(usize),
    Call(usize, CallOutcome),
    Publish(usize),
    Settle(usize),
    Unmark(usize),
    Crash(usize),
    Intervene(Intervention),
    Mark,
    WriteIntervention,
    /// Whether it is premature.
    StartSweep(bool),
    ContinueSweep,
    ParcelLeaves,
    LateRequestArrives,
    DeadlinePasses,
}

impl Move {
    pub(crate) fn ends_paths_early(&self) -> bool {
        matches!(self, Self::DeadlinePasses | Self::Intervene(Intervention::Cancel))
    }
}

/// The process of the customer's second request and of events.
const SECOND: usize = 1;

impl System {
    pub(crate) fn moves(&self, moves: &mut Vec<Move>) {
        for (process, phase) in self.processes.iter().enumerate() {
            match phase {
                Phase::Idle if self.has_marked(process) || !self.value.is_settled() => {
                    moves.push(Move::Load(process));
                }
                Phase::Idle => {}
                Phase::Deciding { .. } => moves.push(Move::Write(process)),
                Phase::Calling { action, .. } => self.calls(process, *action, moves),
                Phase::Publishing { .. } => moves.push(Move::Publish(process)),
                Phase::Settling { .. } => moves.push(Move::Settle(process)),
                Phase::Unmarking => moves.push(Move::Unmark(process)),
                Phase::Intervening { marked: false, .. } => moves.push(Move::Mark),
                Phase::Intervening { marked: true, .. } => moves.push(Move::WriteIntervention),
            }
            if *phase != Phase::Idle && self.budget.crashes > 0 {
                moves.push(Move::Crash(process));
            }
        }
        if self.processes[SECOND] == Phase::Idle {
            if self.budget.cancellations > 0 && self.value.order.0.can_be_cancelled() {
                moves.push(Move::Intervene(Intervention::Cancel));
            }
            if self.parcel_is(ShipmentStatus::InTransit) && !self.value.processed {
                moves.push(Move::Intervene(Intervention::ProcessEvent));
            }
        }
        match &self.sweep {
            Sweep::Idle if self.value.is_settled() => {
                let allowed = |premature: &bool| !premature || self.budget.premature_sweeps > 0;
                let useful = |premature: &bool| !self.old_marks(*premature).is_empty();
                let sweeps = [false, true].into_iter().filter(allowed).filter(useful);
                moves.extend(sweeps.map(Move::StartSweep));
            }
            Sweep::Idle => {}
            _ => moves.push(Move::ContinueSweep),
        }
        if self.parcel_is(ShipmentStatus::Created) && self.budget.departures > 0 {
            moves.push(Move::ParcelLeaves);
        }
        if self.late.is_some() {
            moves.push(Move::LateRequestArrives);
        }
        if self.budget.deadlines > 0 {
            moves.push(Move::DeadlinePasses);
        }
    }

    fn calls(&self, process: usize, action: Action, moves: &mut Vec<Move>) {
        moves.push(Move::Call(process, CallOutcome::Normal));
        if self.budget.refusals > 0 && matches!(action, Action::Do(step) if step != Step::Commit) {
            moves.push(Move::Call(process, CallOutcome::Refused));
        }
        if self.budget.losses > 0 {
            let outcomes =
                [CallOutcome::RequestLost, CallOutcome::AnswerLost, CallOutcome::RequestLate];
            moves.extend(outcomes.map(|outcome| Move::Call(process, outcome)));
        }
    }

    fn parcel_is(&self, status: ShipmentStatus) -> bool {
        self.participants.parcel == Some(status)
    }

    pub(crate) fn make(&mut self, step: Move) {
        match step {
            Move::Load(process) => {
                let base = Box::new(self.value.clone());
                self.processes[process] = Phase::Deciding { base, answer: None };
            }
            Move::Write(process) => self.write(process),
            Move::Call(process, outcome) => self.call(process, outcome),
            Move::Publish(process) => self.publish(process),
            Move::Settle(process) => {
                let Phase::Settling { through } = self.take(process) else { unreachable!() };
                self.value.outbox.retain(|(number, _)| *number > through);
                self.processes[process] = self.end(process);
            }
            Move::Unmark(process) => {
                self.marks.retain(|(request, _)| Some(*request) != self.requests[process]);
                self.processes[process] = Phase::Idle;
            }
            Move::Crash(process) => {
                self.budget.crashes -= 1;
                self.requests[process] = None;
                self.processes[process] = Phase::Idle;
            }
            Move::Intervene(intervention) => {
                self.budget.cancellations -= u8::from(intervention == Intervention::Cancel);
                self.last_request += 1;
                self.requests[SECOND] = Some(self.last_request);
                self.intervene(intervention);
            }
            Move::Mark => {
                let request = self.last_request;
                let last = self.marks.iter().find(|mark| mark.0 == request).copied();
                self.marks.retain(|mark| mark.0 != request);
                self.marks.insert((request, last.map_or(0, |mark| mark.1 + 1)));
                if let Phase::Intervening { marked, .. } = &mut self.processes[SECOND] {
                    *marked = true;
                }
            }
            Move::WriteIntervention => self.write_intervention(),
            Move::StartSweep(premature) => {
                self.budget.premature_sweeps -= u8::from(premature);
                self.sweep = Sweep::Loading(self.old_marks(premature));
            }
            Move::ContinueSweep => self.continue_sweep(),
            Move::ParcelLeaves => {
                self.budget.departures -= 1;
                self.participants.parcel = Some(ShipmentStatus::InTransit);
            }
            Move::LateRequestArrives => {
                let action = self.late.take().unwrap();
                let _ = self.participants.perform(action, &self.value.order.0);
            }
            Move::DeadlinePasses => {
                self.budget.deadlines -= 1;
                self.is_past_deadline = true;
            }
        }
    }

    fn take(&mut self, process: usize) -> Phase {
        std::mem::replace(&mut self.processes[process], Phase::Idle)
    }

    /// Makes all decisions and writes them, unless another process has changed the order.
    fn write(&mut self, process: usize) {
        let Phase::Deciding { base, answer } = self.take(process) else { unreachable!() };
        let now_ms = if self.is_past_deadline { PIVOT_DEADLINE_MS + 1 } else { 0 };
        let mut after = (*base).clone();
        if let Some((action, answer)) = answer {
            after.push(saga::conclude(&after.order.0, action, answer));
        }
        let action = loop {
            match saga::next(&after.order.0, now_ms) {
                Next::Record(event) => after.push(event),
                Next::Act(action) => break Some(action),
                Next::Settled | Next::Parked => break None,
            }
        };
        if after != *base {
            if self.value.version() != base.version() {
                return;
            }
            // Changes of the outbox and the inbox since then stay.
            let published = base.outbox.len() - self.value.outbox.len();
            after.outbox.drain(..published);
            after.processed = self.value.processed;
            self.value = after.clone();
        }
        let base = Box::new(after);
        self.processes[process] = match action {
            Some(action) => Phase::Calling { base, action },
            None => Phase::Publishing { outbox: base.outbox },
        };
    }

    fn call(&mut self, process: usize, outcome: CallOutcome) {
        let Phase::Calling { base, action } = self.take(process) else { unreachable!() };
        let lost = || Err(Fault::Failed(Failure::Unknown, String::new()));
        let answer = match outcome {
            CallOutcome::Normal => self.participants.perform(action, &base.order.0),
            CallOutcome::Refused => Err(Fault::Refused { code: "no", detail: String::new() }),
            CallOutcome::RequestLost => lost(),
            CallOutcome::AnswerLost => {
                let _ = self.participants.perform(action, &base.order.0);
                lost()
            }
            CallOutcome::RequestLate => {
                self.late = Some(action);
                lost()
            }
        };
        match outcome {
            CallOutcome::Normal => {}
            CallOutcome::Refused => self.budget.refusals -= 1,
            CallOutcome::RequestLost | CallOutcome::AnswerLost | CallOutcome::RequestLate => {
                self.budget.losses -= 1
            }
        }
        self.processes[process] = Phase::Deciding { base, answer: Some((action, answer)) };
    }

    fn publish(&mut self, process: usize) {
        let Phase::Publishing { outbox } = self.take(process) else { unreachable!() };
        for event in &outbox {
            match self.log.iter().find(|known| known.0 == event.0) {
                Some(known) => assert_eq!(known, event, "one number, two events"),
                None => self.log.push(*event),
            }
        }
        self.processes[process] = match outbox.last() {
            Some((through, _)) => Phase::Settling { through: *through },
            None => self.end(process),
        };
    }

    fn has_marked(&self, process: usize) -> bool {
        self.marks.iter().any(|(request, _)| Some(*request) == self.requests[process])
    }

    fn end(&self, process: usize) -> Phase {
        match self.has_marked(process) && self.value.is_settled() {
            true => Phase::Unmarking,
            false => Phase::Idle,
        }
    }

    fn intervene(&mut self, intervention: Intervention) {
        let version = self.value.version();
        self.processes[SECOND] = Phase::Intervening { version, intervention, marked: false };
    }

    fn write_intervention(&mut self) {
        let Phase::Intervening { version, intervention, .. } = self.take(SECOND) else {
            unreachable!()
        };
        if self.value.version() != version {
            // The decision starts over, if it is still possible.
            let possible = self.value.order.0.can_be_cancelled();
            if intervention == Intervention::ProcessEvent || possible {
                self.intervene(intervention);
            }
            return;
        }
        let event = match intervention {
            Intervention::Cancel => Event::CancelRequested,
            Intervention::ProcessEvent => {
                self.value.processed = true;
                let (id, courier, tracking_code, lines) = Default::default();
                let status = ShipmentStatus::InTransit;
                let parcel = Parcel { id, courier, tracking_code, status, lines };
                Event::ParcelsMoved { parcels: vec![parcel] }
            }
        };
        self.value.push(event);
    }

    /// The marks that a sweep considers old.
    fn old_marks(&self, premature: bool) -> Marks {
        let is_old = |mark: &&(u8, u8)| premature || !self.requests.contains(&Some(mark.0));
        self.marks.iter().filter(is_old).copied().collect()
    }

    fn continue_sweep(&mut self) {
        self.sweep = match std::mem::replace(&mut self.sweep, Sweep::Idle) {
            Sweep::Loading(marks) if self.value.is_settled() => {
                Sweep::Fencing(marks, Box::new(self.value.clone()))
            }
            Sweep::Fencing(marks, base) if self.value == *base => {
                self.value.fence += 1;
                Sweep::Removing(marks)
            }
            Sweep::Removing(marks) => {
                self.marks.retain(|mark| !marks.contains(mark));
                Sweep::Idle
            }
            _ => Sweep::Idle,
        };
    }
}
