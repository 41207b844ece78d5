//! Counts points, and kills the process at one of them.

use super::random::Random;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// The maximum number of recorded names. Further points are only counted.
const RECORDED_MAX: usize = 200_000;

/// The instructions of a test. They are replaced as a whole, and counting starts again.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Orders {
    /// Whether names of points are recorded.
    record: bool,
    /// The process kills itself at this point, counted from 1.
    kill_at: Option<u64>,
    /// Only points whose names have this prefix are counted and recorded.
    only: String,
    /// The percentage of successful deliveries that are made a second time, some of them after
    /// later ones.
    pub(super) duplicate_deliveries: u8,
    /// The seed for the choice of these deliveries.
    pub(super) seed: u64,
}

#[derive(Debug)]
struct State {
    orders: Orders,
    reached: u64,
    recorded: Vec<String>,
    random: Random,
}

/// What has happened since the instructions were set.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The number of reached points.
    reached: u64,
    /// Their names, in order.
    points: Vec<String>,
    /// The number of allocations since the start of the process.
    allocations: u64,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// Sets the instructions.
pub(crate) fn set(orders: Orders) {
    let random = Random::new(orders.seed);
    *STATE.lock() = Some(State { orders, reached: 0, recorded: vec![], random });
}

/// What has happened since then.
pub(crate) fn report() -> Report {
    let allocations = super::allocations::count();
    match &*STATE.lock() {
        Some(state) => {
            Report { reached: state.reached, points: state.recorded.clone(), allocations }
        }
        None => Report { reached: 0, points: vec![], allocations },
    }
}

/// Does work between two points. If the work is dropped, the second one is not reached.
pub(crate) async fn around<F: Future>(name: impl FnOnce() -> String, work: F) -> F::Output {
    if STATE.lock().is_none() {
        return work.await;
    }
    let name = name();
    reach(&name, "before");
    let output = work.await;
    reach(&name, "after");
    output
}

fn reach(name: &str, side: &str) {
    let mut state = STATE.lock();
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

/// Whether a successful delivery is made again: `Some(later)`.
pub(super) fn duplicate() -> Option<bool> {
    let mut state = STATE.lock();
    let state = state.as_mut()?;
    let drawn = state.random.below(100) < u64::from(state.orders.duplicate_deliveries);
    drawn.then(|| state.random.below(2) == 1)
}
