//! The JSON form of a saga: each step with its compensation, from the order's history.

use chassis::clock::rfc3339;
use serde::Serialize;

use crate::domain::event::{Action, Event};
use crate::domain::saga::{STEPS, UNDO_OF};
use crate::domain::{Order, Recorded, Status, Step, Undo};

/// The state of a checkout, step by step.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Saga"))]
pub(super) struct SagaView {
    order_id: String,
    /// The status of the order.
    status: Status,
    /// `backward` while steps are compensated, and afterwards.
    #[cfg_attr(test, schemars(extend("enum" = ["forward", "backward"])))]
    direction: &'static str,
    /// Why the checkout waits for an administrator, if it does.
    parked: Option<ParkedView>,
    steps: Vec<StepView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct ParkedView {
    reason: String,
    #[cfg_attr(test, schemars(with = "chassis::openapi::Time"))]
    since: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct StepView {
    name: Step,
    #[cfg_attr(test, schemars(extend("enum" = ["pending", "started", "done", "skipped", "refused"])))]
    status: &'static str,
    /// The number of finished attempts, including failed ones.
    attempts: u32,
    compensation: Option<UndoView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
struct UndoView {
    #[cfg_attr(
        test,
        schemars(
            with = "String",
            extend("enum" = ["release", "cancel_payment", "take_back", "cancel_shipment"])
        )
    )]
    name: Undo,
    /// `none` while there is nothing to compensate.
    #[cfg_attr(test, schemars(extend("enum" = ["none", "registered", "done"])))]
    status: &'static str,
    attempts: u32,
}

impl SagaView {
    pub(super) fn of(order: &Order, history: &[Recorded]) -> Self {
        let backward = order.saga.undoing.is_some() || !order.saga.undone.is_empty();
        let parked = history.iter().rev().find_map(|recorded| match &recorded.event {
            Event::Parked { reason, .. } => {
                Some(ParkedView { reason: reason.clone(), since: rfc3339(recorded.at_ms) })
            }
            _ => None,
        });
        Self {
            order_id: order.placed.id.clone(),
            status: order.status,
            direction: if backward { "backward" } else { "forward" },
            parked: parked.filter(|_| order.saga.parked.is_some()),
            steps: STEPS.into_iter().map(|step| StepView::of(step, order, history)).collect(),
        }
    }
}

impl StepView {
    fn of(step: Step, order: &Order, history: &[Recorded]) -> Self {
        let mut status = "pending";
        for recorded in history {
            match &recorded.event {
                Event::StepStarted { step: it } if *it == step => status = "started",
                Event::StepDone { step: it } if *it == step => status = "done",
                Event::StepSkipped { step: it, .. } if *it == step => status = "skipped",
                Event::StepRefused { step: it, .. } if *it == step => status = "refused",
                Event::RejectionWithdrawn { .. } if step == Step::Ship => status = "done",
                Event::ReservationLost if matches!(step, Step::Reserve | Step::Commit) => {
                    status = "pending";
                }
                _ => {}
            }
        }
        let undo = UNDO_OF.iter().find(|(of, _)| *of == step).map(|(_, undo)| *undo);
        Self {
            name: step,
            status,
            attempts: attempts(Action::Do(step), history),
            compensation: undo.map(|undo| UndoView::of(undo, step, order, history)),
        }
    }
}

impl UndoView {
    fn of(undo: Undo, step: Step, order: &Order, history: &[Recorded]) -> Self {
        let status = if order.saga.undone.contains(&undo) {
            "done"
        } else if order.saga.started.contains(&step) {
            "registered"
        } else {
            "none"
        };
        Self { name: undo, status, attempts: attempts(Action::Undo(undo), history) }
    }
}

fn attempts(action: Action, history: &[Recorded]) -> u32 {
    let of_action = |recorded: &&Recorded| match &recorded.event {
        Event::AttemptFailed { action: it, .. } => *it == action,
        Event::StepDone { step } | Event::StepRefused { step, .. } => action == Action::Do(*step),
        Event::ReservationLost => action == Action::Do(Step::Commit),
        Event::Undone { undo } => action == Action::Undo(*undo),
        Event::CancelRefused { .. } | Event::RejectionWithdrawn { .. } => {
            action == Action::Undo(Undo::CancelShipment)
        }
        _ => false,
    };
    u32::try_from(history.iter().filter(of_action).count()).unwrap_or(u32::MAX)
}
