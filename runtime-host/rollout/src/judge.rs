//! Is the candidate worse than the stable revision?
//!
//! Both are measured over the same time, and asked about again and again while calls come in. So a
//! difference counts only if chance explains it hardly ever, even when it is looked for often: all
//! intervals have a width of 3.9 standard errors. What is too small to matter never counts,
//! however sure it is.

use crate::meter::Observed;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The width of intervals in standard errors. A normal value is outside of them in one of 10,000
/// cases.
const Z: f64 = 3.9;

/// When a candidate is worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criteria {
    /// Calls of each of the two before there is any verdict.
    pub calls_min: u64,
    /// The share of failures that it may have above that of the stable revision, in percent.
    pub failures_percent_max: f64,
    /// How many times as long as those of the stable revision its calls may take: the median, and
    /// 95 % of them.
    pub latency_ratio_max: f64,
    /// How many times the memory of an instance of the stable revision one of its instances may
    /// have.
    pub memory_ratio_max: f64,
}

/// Latencies that differ by less are not compared: they are noise.
const LATENCY_DIFFERENCE_MIN: Duration = Duration::from_millis(2);
/// Memories that differ by less are not compared.
const MEMORY_DIFFERENCE_MIN_BYTES: u64 = 16 * 1024 * 1024;
/// The share of calls whose latency is compared.
const QUANTILES: [(f64, &str); 2] = [(0.5, "median"), (0.95, "95th percentile")];

impl Default for Criteria {
    fn default() -> Self {
        Self {
            calls_min: 100,
            failures_percent_max: 0.5,
            latency_ratio_max: 1.5,
            memory_ratio_max: 2.0,
        }
    }
}

/// What the measurements say.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// There were too few calls to say anything.
    TooFewCalls,
    /// Nothing is known to be worse.
    Good,
    /// The candidate is worse.
    Worse(Reason),
}

/// Why a candidate is worse. Latencies are in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "measure", rename_all = "kebab-case")]
pub enum Reason {
    /// More of its calls fail.
    Failures { candidate_percent: f64, stable_percent: f64 },
    /// Its calls take longer.
    Latency { quantile: String, candidate_ms: f64, stable_ms: f64 },
    /// Its instances have more memory.
    Memory { candidate_bytes: u64, stable_bytes: u64 },
    /// Its answers to copies of calls are other ones.
    Mismatches { percent: f64, compared: u64 },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failures { candidate_percent, stable_percent } => write!(
                f,
                "{candidate_percent:.2} % of its calls fail, and {stable_percent:.2} % of those of \
                 the stable revision"
            ),
            Self::Latency { quantile, candidate_ms, stable_ms } => write!(
                f,
                "the {quantile} of its latency is {candidate_ms:.1} ms, and {stable_ms:.1} ms that \
                 of the stable revision"
            ),
            Self::Memory { candidate_bytes, stable_bytes } => write!(
                f,
                "an instance has {} MiB of memory, and one of the stable revision {} MiB",
                candidate_bytes >> 20,
                stable_bytes >> 20
            ),
            Self::Mismatches { percent, compared } => write!(
                f,
                "{percent:.2} % of {compared} answers differ from those of the stable revision"
            ),
        }
    }
}

/// Compares a candidate with the stable revision, measured over the same time.
#[must_use]
pub fn judge(stable: &Observed, candidate: &Observed, criteria: &Criteria) -> Verdict {
    if candidate.calls.min(stable.calls) < criteria.calls_min.max(1) {
        return Verdict::TooFewCalls;
    }
    let reason = failures(stable, candidate, criteria)
        .or_else(|| latency(stable, candidate, criteria))
        .or_else(|| memory(stable, candidate, criteria));
    reason.map_or(Verdict::Good, Verdict::Worse)
}

fn failures(stable: &Observed, candidate: &Observed, criteria: &Criteria) -> Option<Reason> {
    let (at_least, _) = wilson(candidate.failures, candidate.calls);
    let (_, at_most) = wilson(stable.failures, stable.calls);
    let worse = at_least - at_most > criteria.failures_percent_max / 100.0;
    let percent = |one: &Observed| one.failures as f64 / one.calls.max(1) as f64 * 100.0;
    worse.then(|| Reason::Failures {
        candidate_percent: percent(candidate),
        stable_percent: percent(stable),
    })
}

fn latency(stable: &Observed, candidate: &Observed, criteria: &Criteria) -> Option<Reason> {
    QUANTILES.into_iter().find_map(|(quantile, name)| {
        let at_least = candidate.latency_of_rank(ranks(candidate.calls, quantile).0)?;
        let at_most = stable.latency_of_rank(ranks(stable.calls, quantile).1)?;
        let worse = at_least > at_most.mul_f64(criteria.latency_ratio_max)
            && at_least.saturating_sub(at_most) >= LATENCY_DIFFERENCE_MIN;
        let ms = |one: &Observed| {
            let rank = (one.calls as f64 * quantile).ceil() as u64;
            one.latency_of_rank(rank).unwrap_or_default().as_secs_f64() * 1e3
        };
        worse.then(|| Reason::Latency {
            quantile: name.to_owned(),
            candidate_ms: ms(candidate),
            stable_ms: ms(stable),
        })
    })
}

fn memory(stable: &Observed, candidate: &Observed, criteria: &Criteria) -> Option<Reason> {
    let (candidate_bytes, stable_bytes) = (candidate.memory_bytes, stable.memory_bytes);
    let worse = stable_bytes > 0
        && candidate_bytes as f64 > stable_bytes as f64 * criteria.memory_ratio_max
        && candidate_bytes - stable_bytes >= MEMORY_DIFFERENCE_MIN_BYTES;
    worse.then_some(Reason::Memory { candidate_bytes, stable_bytes })
}

/// The interval of a share by Wilson's score: <https://doi.org/10.1080/01621459.1927.10502953>.
/// Without any events, it is everything.
pub(crate) fn wilson(events: u64, all: u64) -> (f64, f64) {
    if all == 0 {
        return (0.0, 1.0);
    }
    let (events, all) = (events as f64, all as f64);
    let share = events / all;
    let center = share + Z * Z / (2.0 * all);
    let width = Z * (share * (1.0 - share) / all + Z * Z / (4.0 * all * all)).sqrt();
    let scale = 1.0 + Z * Z / all;
    (((center - width) / scale).max(0.0), ((center + width) / scale).min(1.0))
}

/// The ranks between which a quantile is. A rank of 0, or above the number of values, is not known.
fn ranks(all: u64, quantile: f64) -> (u64, u64) {
    let all = all as f64;
    let (middle, width) = (all * quantile, Z * (all * quantile * (1.0 - quantile)).sqrt());
    ((middle - width).floor().max(0.0) as u64, (middle + width).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Meter;

    /// Calls of which each `fails`-th fails, with latencies from `micros` to 11/10 of it.
    fn calls(count: u64, fails: u64, micros: u64) -> Observed {
        let meter = Meter::default();
        for number in 1..=count {
            let latency = Duration::from_micros(micros + micros * (number % 100) / 1_000);
            meter.ended(latency, fails > 0 && number % fails == 0);
        }
        meter.take()
    }

    fn verdict(stable: &Observed, candidate: &Observed) -> Verdict {
        judge(stable, candidate, &Criteria::default())
    }

    #[test]
    fn few_calls_say_nothing() {
        assert_eq!(verdict(&calls(10_000, 0, 100), &calls(99, 1, 100)), Verdict::TooFewCalls);
        assert_eq!(verdict(&calls(0, 0, 100), &calls(0, 0, 100)), Verdict::TooFewCalls);
        assert_eq!(verdict(&calls(0, 0, 100), &calls(1_000, 0, 100)), Verdict::TooFewCalls);
    }

    #[test]
    fn equal_revisions_are_good() {
        assert_eq!(verdict(&calls(10_000, 0, 100), &calls(500, 0, 100)), Verdict::Good);
        assert_eq!(verdict(&calls(10_000, 10, 100), &calls(500, 10, 100)), Verdict::Good);
    }

    #[test]
    fn a_candidate_that_fails_more_often_is_worse() {
        let Verdict::Worse(Reason::Failures { candidate_percent, stable_percent }) =
            verdict(&calls(10_000, 0, 100), &calls(1_000, 20, 100))
        else {
            panic!("5 % of the calls fail")
        };
        assert_eq!((candidate_percent, stable_percent), (5.0, 0.0));
    }

    #[test]
    fn a_few_failures_may_be_chance() {
        // One of 100, where the stable revision has one of 1,000.
        assert_eq!(verdict(&calls(10_000, 1_000, 100), &calls(100, 100, 100)), Verdict::Good);
    }

    #[test]
    fn failures_of_both_are_not_those_of_the_candidate() {
        assert_eq!(verdict(&calls(1_000, 2, 100), &calls(1_000, 2, 100)), Verdict::Good);
    }

    #[test]
    fn a_slower_candidate_is_worse() {
        let Verdict::Worse(Reason::Latency { quantile, candidate_ms, stable_ms }) =
            verdict(&calls(10_000, 0, 5_000), &calls(200, 0, 15_000))
        else {
            panic!("it is three times as slow")
        };
        assert_eq!(quantile, "median");
        assert!(candidate_ms > stable_ms * 2.5, "{candidate_ms} {stable_ms}");
    }

    #[test]
    fn differences_of_microseconds_do_not_matter() {
        assert_eq!(verdict(&calls(10_000, 0, 50), &calls(1_000, 0, 500)), Verdict::Good);
    }

    #[test]
    fn without_calls_of_the_stable_revision_there_is_nothing_to_compare_with() {
        assert_eq!(verdict(&calls(99, 0, 100), &calls(1_000, 1, 100)), Verdict::TooFewCalls);
    }

    #[test]
    fn a_candidate_that_fails_always_is_worse_with_the_fewest_calls_that_a_plan_allows() {
        let calls_min = crate::plan::CALLS_MIN;
        let criteria = Criteria { calls_min, ..Criteria::default() };
        let (stable, candidate) = (calls(calls_min, 0, 100), calls(calls_min, 1, 100));
        assert!(matches!(judge(&stable, &candidate, &criteria), Verdict::Worse(_)));
    }

    #[test]
    fn a_candidate_that_takes_more_memory_is_worse() {
        let with_memory = |bytes| {
            let meter = Meter::default();
            meter.uses_memory(bytes);
            let mut observed = calls(1_000, 0, 100);
            observed.add(&meter.take());
            observed
        };
        let mib = 1 << 20;
        let stable = with_memory(10 * mib);
        let Verdict::Worse(reason @ Reason::Memory { .. }) =
            verdict(&stable, &with_memory(30 * mib))
        else {
            panic!("it has three times the memory")
        };
        assert!(reason.to_string().contains("30 MiB"), "{reason}");
        assert_eq!(verdict(&stable, &with_memory(19 * mib)), Verdict::Good);
        assert_eq!(verdict(&with_memory(mib), &with_memory(3 * mib)), Verdict::Good);
    }

    #[test]
    fn chance_alone_is_hardly_ever_worse() {
        // 200 rollouts of equal revisions with 2 % failures, looked at 100 times each.
        let mut random = 1_u64;
        let mut fails = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33).is_multiple_of(50)
        };
        let mut worse = 0;
        for _ in 0..200 {
            let (mut stable, mut candidate) = (Observed::default(), Observed::default());
            let is_worse = (0..100).any(|_| {
                for (observed, count) in [(&mut stable, 95), (&mut candidate, 5)] {
                    let meter = Meter::default();
                    for _ in 0..count {
                        meter.ended(Duration::from_micros(100), fails());
                    }
                    observed.add(&meter.take());
                }
                matches!(verdict(&stable, &candidate), Verdict::Worse(_))
            });
            worse += u32::from(is_worse);
        }
        assert!(worse <= 2, "{worse} of 200");
    }
}
