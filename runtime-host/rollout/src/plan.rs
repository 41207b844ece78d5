//! What happens next in a rollout.

use crate::cohort::ALL_PERCENT;
use crate::judge::{Criteria, Reason, Verdict};
use crate::shadow::{FIELDS_MAX, Shadow};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Steps of one plan.
pub const STEPS_MAX: usize = 16;
/// The fewest calls with which a revision that fails always is distinguished from one that never does.
pub const CALLS_MIN: u64 = 30;
/// The longest step.
pub const STEP_TIME_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How a candidate gets the calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The shares of calls, one after the other, in percent. After the last one comes the promotion.
    pub steps_percent: Vec<u8>,
    /// How long a step takes at least, in milliseconds.
    pub step_ms: u64,
    /// Whether the promotion waits for an operator.
    pub waits: bool,
    pub criteria: Criteria,
    /// Calls are copied to the candidate in a step without calls of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shadow: Option<Shadow>,
}

/// Why a plan can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError(String);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// The candidate gets all calls at once.
    #[must_use]
    pub fn at_once() -> Self {
        Self::of(Vec::new(), Duration::ZERO)
    }

    /// The candidate gets no calls until an operator promotes it, and then all of them.
    #[must_use]
    pub fn blue_green() -> Self {
        Self { waits: true, ..Self::of(vec![0], Duration::ZERO) }
    }

    /// The candidate gets these shares of the calls, each for this time.
    #[must_use]
    pub fn canary(steps_percent: Vec<u8>, step: Duration) -> Self {
        Self::of(steps_percent, step)
    }

    fn of(steps_percent: Vec<u8>, step: Duration) -> Self {
        let step_ms = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
        let (waits, criteria, shadow) = Default::default();
        Self { steps_percent, step_ms, waits, criteria, shadow }
    }

    /// Why it can't be carried out, and what to change.
    ///
    /// # Errors
    /// If the steps do not grow, are no shares, or are too many or too long.
    pub fn check(&self) -> Result<(), PlanError> {
        let steps = &self.steps_percent;
        let grow = steps.is_sorted_by(|one, next| one < next);
        if !grow || steps.iter().any(|step| *step >= ALL_PERCENT) {
            let text = "the steps of a canary must grow, from 0 to 99 percent, such as 5,25,50";
            return Err(PlanError(text.to_owned()));
        }
        if steps.len() > STEPS_MAX {
            return Err(PlanError(format!("a canary has at most {STEPS_MAX} steps")));
        }
        if Duration::from_millis(self.step_ms) > STEP_TIME_MAX {
            return Err(PlanError(format!("a step takes at most {} s", STEP_TIME_MAX.as_secs())));
        }
        if self.waits && steps.is_empty() {
            let text = "only a rollout with steps can wait for its promotion";
            return Err(PlanError(text.to_owned()));
        }
        let Criteria { calls_min, failures_percent_max, latency_ratio_max, memory_ratio_max } =
            self.criteria;
        if calls_min < CALLS_MIN {
            return Err(PlanError(format!("a step needs at least {CALLS_MIN} calls")));
        }
        let in_range = (0.0..=100.0).contains(&failures_percent_max)
            && (1.0..=1_000.0).contains(&latency_ratio_max)
            && (1.0..=1_000.0).contains(&memory_ratio_max);
        if !in_range {
            let text = "failures are compared by 0 to 100 percent, latency and memory by 1 to 1000";
            return Err(PlanError(text.to_owned()));
        }
        self.shadow.as_ref().map_or(Ok(()), |shadow| self.check_shadow(shadow))
    }

    fn check_shadow(&self, shadow: &Shadow) -> Result<(), PlanError> {
        let text = if self.steps_percent.first() != Some(&0) {
            "calls are copied in a step of 0 percent: begin with one"
        } else if !(1..=ALL_PERCENT).contains(&shadow.share_percent) {
            "1 to 100 percent of the calls can be copied"
        } else if !(0.0..=100.0).contains(&shadow.mismatches_percent_max) {
            "0 to 100 percent of the answers may differ"
        } else if shadow.fields.len() > FIELDS_MAX {
            return Err(PlanError(format!("at most {FIELDS_MAX} header fields are compared")));
        } else {
            return Ok(());
        };
        Err(PlanError(text.to_owned()))
    }

    /// How calls are copied in a step.
    #[must_use]
    pub fn shadow(&self, step: usize) -> Option<&Shadow> {
        self.shadow.as_ref().filter(|_| self.share_percent(step) == 0)
    }

    /// The share of calls in a step, in percent; all of them after the last step.
    #[must_use]
    pub fn share_percent(&self, step: usize) -> u8 {
        self.steps_percent.get(step).copied().unwrap_or(ALL_PERCENT)
    }

    /// What happens in a step, after this time, with this verdict about all of its calls.
    #[must_use]
    pub fn next(&self, step: usize, elapsed: Duration, verdict: &Verdict) -> Next {
        if let Verdict::Worse(reason) = verdict {
            return Next::RollBack(reason.clone());
        }
        if step >= self.steps_percent.len() {
            return Next::Promote;
        }
        let is_last = step + 1 == self.steps_percent.len();
        if self.share_percent(step) == 0 && self.shadow.is_none() {
            // Without calls there is no verdict to wait for.
            return match (is_last, self.waits) {
                (true, true) => Next::Wait,
                _ => self.after(step, elapsed),
            };
        }
        if *verdict == Verdict::TooFewCalls {
            return Next::Stay;
        }
        match self.after(step, elapsed) {
            Next::Promote if self.waits => Next::Wait,
            next => next,
        }
    }

    /// What happens after a step that was long enough.
    fn after(&self, step: usize, elapsed: Duration) -> Next {
        if elapsed < Duration::from_millis(self.step_ms) {
            return Next::Stay;
        }
        match step + 1 {
            next if next < self.steps_percent.len() => Next::Step(next),
            _ => Next::Promote,
        }
    }

    /// The plan in words, one line for each step.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let seconds = Duration::from_millis(self.step_ms).as_secs_f64();
        let calls = self.criteria.calls_min;
        let step = |percent: &u8| match percent {
            0 => match &self.shadow {
                None => "0 % of the calls".to_owned(),
                Some(Shadow { share_percent, .. }) => format!(
                    "copies of {share_percent} % of the calls, for {seconds} s and {calls} answers"
                ),
            },
            percent => format!("{percent} % of the calls, for {seconds} s and {calls} calls"),
        };
        let last = match self.waits {
            true => "all calls, once it is promoted",
            false => "all calls",
        };
        self.steps_percent.iter().map(step).chain([last.to_owned()]).collect()
    }
}

/// The next event of a rollout.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Nothing yet.
    Stay,
    /// The next step begins.
    Step(usize),
    /// An operator decides.
    Wait,
    /// The candidate gets all calls, and is the stable revision from now on.
    Promote,
    /// The stable revision gets all calls.
    RollBack(Reason),
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_secs(30);

    fn canary() -> Plan {
        Plan::canary(vec![5, 25, 50], STEP)
    }

    fn worse() -> Verdict {
        Verdict::Worse(Reason::Failures { candidate_percent: 5.0, stable_percent: 0.0 })
    }

    #[test]
    fn a_good_canary_goes_through_its_steps() {
        let plan = canary();
        assert_eq!(plan.next(0, Duration::ZERO, &Verdict::Good), Next::Stay);
        assert_eq!(plan.next(0, STEP, &Verdict::Good), Next::Step(1));
        assert_eq!(plan.next(1, STEP, &Verdict::Good), Next::Step(2));
        assert_eq!(plan.next(2, STEP, &Verdict::Good), Next::Promote);
        let shares: Vec<_> = (0..4).map(|step| plan.share_percent(step)).collect();
        assert_eq!(shares, [5, 25, 50, 100]);
    }

    #[test]
    fn a_step_does_not_end_without_enough_calls() {
        assert_eq!(canary().next(0, STEP * 100, &Verdict::TooFewCalls), Next::Stay);
    }

    #[test]
    fn a_worse_candidate_is_rolled_back_at_any_time() {
        for (step, elapsed) in [(0, Duration::ZERO), (1, STEP), (2, STEP * 2)] {
            assert!(matches!(canary().next(step, elapsed, &worse()), Next::RollBack(_)));
        }
    }

    #[test]
    fn a_canary_can_wait_for_an_operator() {
        let plan = Plan { waits: true, ..canary() };
        assert_eq!(plan.next(1, STEP, &Verdict::Good), Next::Step(2));
        assert_eq!(plan.next(2, STEP, &Verdict::Good), Next::Wait);
    }

    #[test]
    fn at_once_means_now_and_blue_green_means_when_an_operator_says_so() {
        let at_once = Plan::at_once();
        assert_eq!(at_once.next(0, Duration::ZERO, &Verdict::TooFewCalls), Next::Promote);
        let blue_green = Plan::blue_green();
        assert_eq!(blue_green.share_percent(0), 0);
        assert_eq!(blue_green.next(0, STEP * 100, &Verdict::TooFewCalls), Next::Wait);
    }

    #[test]
    fn a_plan_must_grow_and_end() {
        for steps in [vec![5, 5], vec![50, 25], vec![100], (0..17).collect()] {
            assert!(Plan::canary(steps.clone(), STEP).check().is_err(), "{steps:?}");
        }
        assert!(Plan::canary(vec![5], STEP_TIME_MAX + STEP).check().is_err());
        let mut plan = canary();
        assert_eq!(plan.check(), Ok(()));
        assert!(Plan { waits: true, ..Plan::at_once() }.check().is_err());
        plan.criteria.calls_min = CALLS_MIN - 1;
        assert!(plan.check().is_err());
        plan.criteria.calls_min = CALLS_MIN;
        assert_eq!(plan.check(), Ok(()));
        plan.criteria.latency_ratio_max = 0.5;
        assert!(plan.check().is_err());
        plan.criteria.latency_ratio_max = f64::NAN;
        assert!(plan.check().is_err());
    }

    fn shadow() -> Shadow {
        Shadow { share_percent: 10, mismatches_percent_max: 1.0, fields: Vec::new() }
    }

    #[test]
    fn copies_are_compared_before_a_candidate_gets_calls() {
        let plan = Plan { shadow: Some(shadow()), ..Plan::canary(vec![0, 5], STEP) };
        assert_eq!(plan.check(), Ok(()));
        assert_eq!(plan.next(0, STEP, &Verdict::TooFewCalls), Next::Stay);
        assert_eq!(plan.next(0, STEP, &Verdict::Good), Next::Step(1));
        assert!(plan.shadow(0).is_some() && plan.shadow(1).is_none());
        let waits = Plan { shadow: Some(shadow()), ..Plan::blue_green() };
        assert_eq!(waits.next(0, STEP, &Verdict::TooFewCalls), Next::Stay);
        assert_eq!(waits.next(0, STEP, &Verdict::Good), Next::Wait);
        assert!(matches!(waits.next(0, STEP, &worse()), Next::RollBack(_)));
        assert_eq!(waits.lines()[0], "copies of 10 % of the calls, for 0 s and 100 answers");
    }

    #[test]
    fn what_is_copied_and_may_differ_has_limits() {
        let check =
            |shadow, steps| Plan { shadow: Some(shadow), ..Plan::canary(steps, STEP) }.check();
        assert!(check(shadow(), vec![5]).is_err());
        assert!(check(Shadow { share_percent: 0, ..shadow() }, vec![0]).is_err());
        assert!(check(Shadow { share_percent: 101, ..shadow() }, vec![0]).is_err());
        assert!(check(Shadow { mismatches_percent_max: f64::NAN, ..shadow() }, vec![0]).is_err());
        let fields = vec![String::new(); FIELDS_MAX + 1];
        assert!(check(Shadow { fields, ..shadow() }, vec![0]).is_err());
    }

    #[test]
    fn a_plan_can_be_read() {
        assert_eq!(
            canary().lines(),
            [
                "5 % of the calls, for 30 s and 100 calls",
                "25 % of the calls, for 30 s and 100 calls",
                "50 % of the calls, for 30 s and 100 calls",
                "all calls",
            ]
        );
        assert_eq!(
            Plan::blue_green().lines(),
            ["0 % of the calls", "all calls, once it is promoted"]
        );
    }
}
