//! The wall clock of a component.

use super::{Faults, Planned, Subject};
use std::sync::Arc;
use std::time::Duration;

/// Changes what the clock of a component shows.
pub(crate) struct SteppedClock {
    pub(crate) component: Arc<str>,
    pub(crate) faults: Arc<Faults>,
}

impl SteppedClock {
    /// What the clock shows at a time since 1970. It shows no time before that.
    pub(crate) fn shown(&self, now: Duration) -> Duration {
        let subject = Subject::Clock { component: &self.component };
        match self.faults.choose(subject).map(|injection| injection.planned) {
            Some(Planned::Step { by_ms }) => step(now, by_ms),
            _ => now,
        }
    }
}

fn step(time: Duration, by_ms: i64) -> Duration {
    let step = Duration::from_millis(by_ms.unsigned_abs());
    if by_ms < 0 { time.saturating_sub(step) } else { time.saturating_add(step) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_moved_in_both_directions_and_not_before_its_zero() {
        let ten = Duration::from_secs(10);
        assert_eq!(step(ten, 5_000), Duration::from_secs(15));
        assert_eq!(step(ten, -4_000), Duration::from_secs(6));
        assert_eq!(step(ten, -11_000), Duration::ZERO);
    }
}
