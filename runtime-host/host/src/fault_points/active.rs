//! Counting the points, and dying at one of them.

use super::random::Random;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many names are kept; further points count, but have no name.
const RECORDED_MAX: usize = 200_000;

/// What the process is to do; all of it is replaced at once, and counting starts anew.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Orders {
    /// Keep the names of points.
    record: bool,
    /// Die at this point, counted from 1.
    kill_at: Option<u64>,
    /// Only points whose names begin so are counted and recorded.
    only: String,
    /// So many in a hundred deliveries that went well are made a second time, some of them after
    /// later ones.
    pub(super) duplicate_deliveries: u8,
    /// Decides which ones.
    pub(super) seed: u64,
}

#[derive(Debug)]
struct State {
    orders: Orders,
    reached: u64,
    recorded: Vec<String>,
    random: Random,
}

/// What has happened since the orders came.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// How many points were reached.
    reached: u64,
    /// Their names, in order.
    points: Vec<String>,
    /// How often the process has asked for memory since it was started.
    allocations: u64,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on, this is to be done.
pub(crate) fn set(orders: Orders) {
    let random = Random::new(orders.seed);
    *state() = Some(State { orders, reached: 0, recorded: vec![], random });
}

/// What was reached since then.
pub(crate) fn report() -> Report {
    let allocations = super::allocations::count();
    match &*state() {
        Some(state) => {
            Report { reached: state.reached, points: state.recorded.clone(), allocations }
        }
        None => Report { reached: 0, points: vec![], allocations },
    }
}

/// Some work between two points. The one after it is not reached by work that is dropped.
pub(crate) async fn around<F: Future>(name: impl FnOnce() -> String, work: F) -> F::Output {
    if state().is_none() {
        return work.await;
    }
    let name = name();
    reach(&name, "before");
    let output = work.await;
    reach(&name, "after");
    output
}

fn reach(name: &str, side: &str) {
    let mut state = state();
    let Some(state) = state.as_mut() else { return };
    let point = format!("{name}/{side}");
    if !point.starts_with(&state.orders.only) {
        return;
    }
    state.reached += 1;
    if state.orders.kill_at == Some(state.reached) {
        die();
    }
    if state.orders.record && state.recorded.len() < RECORDED_MAX {
        state.recorded.push(point);
    }
}

/// As in a power failure, nothing is flushed or reported. The lock is held, so that no other point
/// is reached.
fn die() {
    loop {
        // It can't fail for the process itself; and nothing may continue if it did.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Whether a delivery that went well is to be made again: `Some(later)`.
pub(super) fn duplicate() -> Option<bool> {
    let mut state = state();
    let state = state.as_mut()?;
    let drawn = state.random.below(100) < u64::from(state.orders.duplicate_deliveries);
    drawn.then(|| state.random.below(2) == 1)
}
