//! A circuit breaker, as a pure state machine.
//!
//! A breaker stands between one caller and one callee. It is *closed* at first and lets calls pass.
//! After too many failures it *opens*: calls are refused at once, so that the callee can recover
//! and its callers do not wait for it. After a while it is *half-open*: a few probes are let
//! through, and their results decide whether it closes or opens again, for longer each time.
//!
//! - A result only counts in the state in which its call was admitted: a slow call that began
//!   before the breaker opened says nothing about a callee that is being probed. Each state has a
//!   generation, which calls carry.
//! - A probe that is abandoned frees its place, and one that never ends is replaced after the time
//!   for which the breaker was open. So a breaker can't stay half-open for ever.
//! - Consecutive failures detect an outage fast; the failure rate over a window detects a callee
//!   that fails half of its calls. The rate needs a minimum number of calls.

use std::time::Duration;

use crate::window::Window;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Opens after this many failures without a success between them. 0: not by this rule.
    pub consecutive_failures: u32,
    /// Opens when at least this share of the calls in the window failed. 0: not by this rule.
    pub failure_percent: u32,
    /// The calls in the window that the share needs to count.
    pub calls_min: u32,
    /// The window of the share.
    pub window: Duration,
    /// How long the breaker is open the first time. Doubles each time it opens again.
    pub open: Duration,
    /// The longest time for which it is open.
    pub open_max: Duration,
    /// Concurrent probes, and the successes that close it. At least 1.
    pub probes: u32,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The callee answered, if only with an error that the caller caused.
    Success,
    /// No answer, or one that says that the callee failed.
    Failure,
    /// The callee refused the call because it has too many. It is there, and decides by itself which
    /// calls it serves. If this opened a breaker, a client that exceeds its limits would cut off all
    /// others.
    Overload,
    /// The callee refused the call because this caller makes too many. For a breaker, this is the
    /// same; for others, it means nothing.
    Limited,
    /// Says nothing about the callee: the caller gave up.
    Ignored,
}

/// An admitted call. Its result has to be [recorded](Breaker::record).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a breaker waits for the result of each call that it admits"]
pub struct Ticket {
    generation: u64,
}

/// The breaker does not admit calls now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct Rejected {
    /// How long until it is worth another try.
    pub retry_after: Duration,
}

/// The state of a breaker, for those who watch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// Probes pass.
    HalfOpen,
    /// Calls are refused until an operator changes that.
    ForcedOpen,
    /// Calls pass whatever happens, until an operator changes that.
    Disabled,
}

/// Who decides about the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// The results of calls.
    #[default]
    Automatic,
    /// An operator: calls are refused.
    ForcedOpen,
    /// An operator: calls pass.
    Disabled,
}

/// A circuit breaker. Times are those of one clock that never goes back.
#[derive(Debug, Clone)]
pub struct Breaker {
    options: Options,
    mode: Mode,
    phase: Phase,
    /// Changes with each phase.
    generation: u64,
    /// How often it opened without recovering in between.
    openings: u32,
    /// When it was last closed.
    closed_at: Duration,
    calls: Window<2>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed { consecutive_failures: u32 },
    Open { until: Duration },
    HalfOpen { admitted: u32, succeeded: u32, until: Duration },
}

/// The kinds of calls in the window.
const SUCCEEDED: usize = 0;
const FAILED: usize = 1;

impl Breaker {
    /// A closed breaker.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            mode: Mode::Automatic,
            phase: Phase::Closed { consecutive_failures: 0 },
            generation: 0,
            openings: 0,
            closed_at: Duration::ZERO,
            calls: Window::new(options.window),
        }
    }

    /// Admits a call, or refuses it.
    ///
    /// # Errors
    /// The breaker is open, or half-open with all of its probes.
    pub fn admit(&mut self, now: Duration) -> Result<Ticket, Rejected> {
        match self.mode {
            Mode::Disabled => return Ok(self.ticket()),
            Mode::ForcedOpen => return Err(Rejected { retry_after: self.options.open }),
            Mode::Automatic => {}
        }
        match &mut self.phase {
            Phase::Closed { .. } => Ok(self.ticket()),
            Phase::Open { until } if now < *until => Err(Rejected { retry_after: *until - now }),
            Phase::Open { .. } => Ok(self.probe_anew(now, 0)),
            // Those that are admitted and have not succeeded hang.
            Phase::HalfOpen { admitted, succeeded, until }
                if *admitted > *succeeded && now >= *until =>
            {
                let succeeded = *succeeded;
                Ok(self.probe_anew(now, succeeded))
            }
            Phase::HalfOpen { admitted, .. } if *admitted < self.options.probes.max(1) => {
                *admitted += 1;
                Ok(self.ticket())
            }
            Phase::HalfOpen { until, .. } => {
                Err(Rejected { retry_after: until.saturating_sub(now) })
            }
        }
    }

    /// Records what became of an admitted call. `random` spreads the times at which breakers that
    /// opened together try again.
    pub fn record(&mut self, ticket: Ticket, outcome: Outcome, now: Duration, random: u64) {
        if ticket.generation != self.generation || self.mode != Mode::Automatic {
            return;
        }
        match self.phase {
            Phase::Closed { .. } => self.record_closed(outcome, now, random),
            Phase::HalfOpen { .. } => self.record_probe(outcome, now, random),
            // No call has the generation of an open breaker.
            Phase::Open { .. } => {}
        }
    }

    /// Changes who decides. Counts start anew.
    pub fn set_mode(&mut self, mode: Mode, now: Duration) {
        self.mode = mode;
        self.close(now);
        self.openings = 0;
    }

    /// The state at this time.
    pub fn state(&self) -> State {
        match (self.mode, self.phase) {
            (Mode::Disabled, _) => State::Disabled,
            (Mode::ForcedOpen, _) => State::ForcedOpen,
            (Mode::Automatic, Phase::Closed { .. }) => State::Closed,
            (Mode::Automatic, Phase::Open { .. }) => State::Open,
            (Mode::Automatic, Phase::HalfOpen { .. }) => State::HalfOpen,
        }
    }

    fn ticket(&self) -> Ticket {
        Ticket { generation: self.generation }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation += 1;
    }

    /// The results of earlier probes no longer count, except these successes.
    fn probe_anew(&mut self, now: Duration, succeeded: u32) -> Ticket {
        let until = now + self.open_time();
        self.enter(Phase::HalfOpen { admitted: succeeded + 1, succeeded, until });
        self.ticket()
    }

    fn record_closed(&mut self, outcome: Outcome, now: Duration, random: u64) {
        let Phase::Closed { consecutive_failures } = &mut self.phase else { return };
        match outcome {
            Outcome::Ignored | Outcome::Overload | Outcome::Limited => return,
            Outcome::Success => *consecutive_failures = 0,
            Outcome::Failure => *consecutive_failures = consecutive_failures.saturating_add(1),
        }
        let consecutive = *consecutive_failures;
        let kind = if outcome == Outcome::Success { SUCCEEDED } else { FAILED };
        self.calls.add(kind, now);
        let limit = self.options.consecutive_failures;
        if outcome != Outcome::Success
            && ((limit > 0 && consecutive >= limit) || self.fails_too_often(now))
        {
            self.open(now, random);
        }
    }

    fn fails_too_often(&mut self, now: Duration) -> bool {
        let Options { failure_percent, calls_min, .. } = self.options;
        let [succeeded, failed] = self.calls.sums(now);
        let calls = succeeded + failed;
        failure_percent > 0
            && calls >= u64::from(calls_min.max(1))
            && failed * 100 >= calls * u64::from(failure_percent)
    }

    fn record_probe(&mut self, outcome: Outcome, now: Duration, random: u64) {
        let Phase::HalfOpen { admitted, succeeded, .. } = &mut self.phase else { return };
        match outcome {
            Outcome::Ignored | Outcome::Overload | Outcome::Limited => {
                *admitted = admitted.saturating_sub(1);
            }
            Outcome::Success if *succeeded + 1 >= self.options.probes => self.close(now),
            Outcome::Success => *succeeded += 1,
            Outcome::Failure => self.open(now, random),
        }
    }

    fn open(&mut self, now: Duration, random: u64) {
        let recovered = matches!(self.phase, Phase::Closed { .. })
            && now.saturating_sub(self.closed_at) > self.open_time().max(self.options.window);
        self.openings = if recovered { 1 } else { self.openings.saturating_add(1) };
        // Up to a quarter longer.
        let spread = self.open_time() / 4;
        let spread = spread.mul_f64((random % 1_024) as f64 / 1_024.0);
        self.enter(Phase::Open { until: now + self.open_time() + spread });
    }

    fn close(&mut self, now: Duration) {
        self.calls.clear();
        self.closed_at = now;
        self.enter(Phase::Closed { consecutive_failures: 0 });
    }

    /// How long it is open now, without the spread.
    fn open_time(&self) -> Duration {
        let Options { open, open_max, .. } = self.options;
        let doublings = self.openings.saturating_sub(1).min(31);
        open.saturating_mul(1 << doublings).min(open_max.max(open))
    }
}
