//! The duration of each phase of a start: one line of the log, at level `debug` of
//! `tessera::start`.

use std::time::{Duration, Instant};

/// The phases of a start so far.
pub(super) struct StartupTimings {
    since: Instant,
    ended: Vec<(&'static str, Duration)>,
}

impl StartupTimings {
    pub(super) fn begin() -> Self {
        Self { since: Instant::now(), ended: Vec::new() }
    }

    /// The phase that began when the last one ended has ended.
    pub(super) fn end(&mut self, name: &'static str) {
        let now = Instant::now();
        self.ended.push((name, now - self.since));
        self.since = now;
    }

    /// Logs all phases.
    pub(super) fn log(&self) {
        tracing::debug!(target: "tessera::start", "the application is loaded: {}", self.shown());
    }

    fn shown(&self) -> String {
        let shown = self
            .ended
            .iter()
            .map(|(name, took)| format!("{name} {:.1} ms", took.as_secs_f64() * 1_000.0));
        shown.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_are_shown_in_their_order() {
        let millis = Duration::from_millis;
        let ended = vec![("stores", millis(12)), ("code", Duration::from_micros(500))];
        let timings = StartupTimings { since: Instant::now(), ended };
        assert_eq!(timings.shown(), "stores 12.0 ms, code 0.5 ms");
    }
}
