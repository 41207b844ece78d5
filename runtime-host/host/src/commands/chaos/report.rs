//! What happened to the requests of an experiment, compared with what must hold.

use super::experiment::{Experiment, RequestKind};
use std::fmt::Write as _;
use std::time::Duration;

/// The number of parts.
pub(super) const PARTS_COUNT: usize = 5;

/// The parts of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Steady,
    Faults,
    /// Not reported.
    Settling,
    Recovery,
    /// No requests are sent any more.
    Over,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// The index of its kind.
    pub(super) kind: usize,
    pub(super) part: Part,
    pub(super) succeeded: bool,
    pub(super) took: Duration,
}

/// The requests of one kind in one part.
#[derive(Debug, PartialEq)]
struct Figures {
    count: usize,
    availability_percent: f64,
    p50: Duration,
    p99: Duration,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Steady => "before",
            Self::Faults => "faults",
            Self::Settling => "settling",
            Self::Recovery => "after",
            Self::Over => "over",
        }
    }
}

/// A line for each kind in these parts, and whether all that must hold did.
pub(super) fn report(
    experiment: &Experiment,
    parts: &[Part],
    samples: &[Sample],
) -> (String, bool) {
    let width = experiment.requests.iter().map(|kind| kind.name.len()).max().unwrap_or_default();
    let mut text = format!(
        "{:width$}  part    requests  available      p50      p99  must hold\n",
        "requests"
    );
    let mut holds = true;
    for (index, kind) in experiment.requests.iter().enumerate() {
        for part in parts.iter().copied() {
            let of_part = |sample: &&Sample| sample.kind == index && sample.part == part;
            let samples: Vec<&Sample> = samples.iter().filter(of_part).collect();
            let Some(figures) = figures(&samples) else {
                holds = false;
                let _ =
                    writeln!(text, "{:width$}  {:6}  no request has ended", kind.name, part.name());
                continue;
            };
            let missed = missed(kind, part, &figures);
            holds &= missed.is_none();
            let _ = writeln!(
                text,
                "{:width$}  {:6}  {:8}  {:7.2} %  {:4} ms  {:4} ms  {}",
                kind.name,
                part.name(),
                figures.count,
                figures.availability_percent,
                figures.p50.as_millis(),
                figures.p99.as_millis(),
                missed.unwrap_or_else(|| "yes".to_owned()),
            );
        }
    }
    (text, holds)
}

/// Whether all that must hold in a part does so far.
pub(super) fn holds(experiment: &Experiment, part: Part, samples: &[Sample]) -> bool {
    experiment.requests.iter().enumerate().all(|(index, kind)| {
        let of_part = |sample: &&Sample| sample.kind == index && sample.part == part;
        let samples: Vec<&Sample> = samples.iter().filter(of_part).collect();
        figures(&samples).is_some_and(|figures| missed(kind, part, &figures).is_none())
    })
}

/// The lowest availability of a kind among these samples.
pub(super) fn lowest_availability(kinds: usize, samples: &[Sample]) -> f64 {
    let of_kind = |kind: usize| -> Vec<&Sample> {
        samples.iter().filter(|sample| sample.kind == kind).collect()
    };
    let all = (0..kinds).filter_map(|kind| figures(&of_kind(kind)));
    all.map(|figures| figures.availability_percent).fold(100.0, f64::min)
}

/// What must hold and does not.
fn missed(kind: &RequestKind, part: Part, figures: &Figures) -> Option<String> {
    let least = match part {
        Part::Faults => kind.availability_percent,
        Part::Steady | Part::Settling | Part::Recovery | Part::Over => kind.steady_percent,
    };
    if figures.availability_percent < least {
        return Some(format!("NO: at least {least} % available"));
    }
    let p99_max = kind.p99_ms.filter(|_| part == Part::Faults).map(Duration::from_millis)?;
    (figures.p99 > p99_max).then(|| format!("NO: p99 at most {} ms", p99_max.as_millis()))
}

fn figures(samples: &[&Sample]) -> Option<Figures> {
    let mut times: Vec<Duration> = samples.iter().map(|sample| sample.took).collect();
    times.sort_unstable();
    let succeeded = samples.iter().filter(|sample| sample.succeeded).count();
    Some(Figures {
        count: samples.len(),
        availability_percent: 100.0 * succeeded as f64 / samples.len() as f64,
        p50: quantile(&times, 50)?,
        p99: quantile(&times, 99)?,
    })
}

/// The time within which this share of the requests ended (nearest rank).
fn quantile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn kind() -> RequestKind {
        RequestKind {
            name: "browse".into(),
            method: "GET".into(),
            path: "/".into(),
            headers: [].into(),
            body: String::new(),
            per_second: 1,
            expect: [].into(),
            availability_percent: 50.0,
            steady_percent: 100.0,
            p99_ms: Some(10),
            timeout_ms: 1_000,
        }
    }

    fn sample(succeeded: bool, ms: u64) -> Sample {
        Sample { kind: 0, part: Part::Faults, succeeded, took: Duration::from_millis(ms) }
    }

    #[test]
    fn quantiles_are_those_of_the_nearest_rank() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&times, 50), Some(Duration::from_millis(100)));
        assert_eq!(quantile(&times, 99), Some(Duration::from_millis(198)));
        assert_eq!(quantile(&times[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(quantile(&[], 99), None);
    }

    #[test]
    fn with_faults_another_availability_must_hold_than_without() {
        let half = figures(&[&sample(true, 1), &sample(false, 1)]).unwrap();
        assert_eq!(missed(&kind(), Part::Faults, &half), None);
        let text = missed(&kind(), Part::Recovery, &half).unwrap();
        assert!(text.contains("at least 100 %"), "{text}");
    }

    #[test]
    fn slow_requests_miss_their_time() {
        let slow = figures(&[&sample(true, 11)]).unwrap();
        let text = missed(&kind(), Part::Faults, &slow).unwrap();
        assert!(text.contains("p99 at most 10 ms"), "{text}");
        assert_eq!(missed(&kind(), Part::Steady, &slow), None);
    }

    #[test]
    fn the_lowest_availability_is_that_of_the_worst_kind() {
        let other = Sample { kind: 1, ..sample(false, 1) };
        assert_eq!(lowest_availability(2, &[sample(true, 1), other]), 0.0);
        assert_eq!(lowest_availability(2, &[]), 100.0);
    }
}
