//! An experiment: requests that stand for users, what must hold for them, and faults.

use crate::chaos::{Effect, Fault, Target};
use anyhow::{Context as _, ensure};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Requests per second of all kinds together.
const PER_SECOND_MAX: u32 = 10_000;
/// The longest part of an experiment.
const PART_MAX_MS: u64 = 3_600_000;
const PERCENT_MAX: f64 = 100.0;

/// A file with an experiment. It has three parts: without faults, with them, and after them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Experiment {
    pub(super) title: String,
    /// The length of the first part. What must hold holds here, or no fault is injected.
    #[serde(default = "Experiment::default_part_ms")]
    pub(super) steady_ms: u64,
    /// The length of the last part, in which everything must hold again.
    #[serde(default = "Experiment::default_part_ms")]
    pub(super) recovery_ms: u64,
    /// The time between the faults and the last part, in which requests do not count. It is never
    /// shortened: circuit breakers take this long to close.
    #[serde(default)]
    pub(super) settle_ms: u64,
    #[serde(rename = "request")]
    pub(super) requests: Vec<RequestKind>,
    #[serde(rename = "fault")]
    pub(super) faults: Vec<PlannedFault>,
    pub(super) abort: Option<Abort>,
}

/// Requests of one kind, and what must hold for them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestKind {
    pub(super) name: String,
    #[serde(default = "RequestKind::default_method")]
    pub(super) method: String,
    /// Path and query.
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: String,
    pub(super) per_second: u32,
    /// The statuses of a success; by default, all below 500 but 429.
    #[serde(default)]
    pub(super) expect: BTreeSet<u16>,
    /// The share of successes that must be reached while the faults are active; without faults it is
    /// that of `steady_percent`.
    pub(super) availability_percent: f64,
    #[serde(default = "RequestKind::default_steady_percent")]
    pub(super) steady_percent: f64,
    /// The longest time of 99 % of the requests while the faults are active.
    pub(super) p99_ms: Option<u64>,
    #[serde(default = "RequestKind::default_timeout_ms")]
    pub(super) timeout_ms: u64,
}

/// A fault, and when it begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannedFault {
    /// After the begin of the second part.
    #[serde(default)]
    pub(super) after_ms: u64,
    target: Target,
    effect: Effect,
    #[serde(default = "Fault::always")]
    rate_percent: f64,
    duration_ms: u64,
}

/// When an experiment is stopped.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Abort {
    /// If fewer requests of any kind succeed than this share.
    pub(super) availability_percent: f64,
    /// In this time.
    #[serde(default = "Abort::default_window_ms")]
    pub(super) window_ms: u64,
}

impl Experiment {
    fn default_part_ms() -> u64 {
        5_000
    }

    /// Reads and checks a file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no experiment", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let experiment: Self = toml_edit::de::from_str(text)?;
        experiment.check()?;
        Ok(experiment)
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.requests.is_empty(), "add `[[request]]`: what users do");
        ensure!(!self.faults.is_empty(), "add `[[fault]]`: what fails");
        let all: u32 = self.requests.iter().map(|kind| kind.per_second.min(PER_SECOND_MAX)).sum();
        ensure!(all <= PER_SECOND_MAX, "at most {PER_SECOND_MAX} requests per second");
        for part_ms in [self.steady_ms, self.settle_ms, self.recovery_ms] {
            ensure!(
                part_ms <= PART_MAX_MS,
                "`steady_ms`, `settle_ms`, `recovery_ms`: at most {PART_MAX_MS}"
            );
        }
        for kind in &self.requests {
            kind.check().with_context(|| format!("the request `{}`", kind.name))?;
        }
        if let Some(abort) = &self.abort {
            let percent = abort.availability_percent;
            ensure!((0.0..=PERCENT_MAX).contains(&percent), "`abort`: percentages are 0 to 100");
        }
        for (number, planned) in (1..).zip(&self.faults) {
            let checked = planned.fault().check().map_err(anyhow::Error::msg);
            checked.with_context(|| format!("fault {number}"))?;
            ensure!(planned.after_ms <= PART_MAX_MS, "`after_ms`: at most {PART_MAX_MS}");
        }
        Ok(())
    }

    /// The same with this share of all its times but `settle_ms`, for a quick look.
    #[must_use]
    pub(super) fn scaled(mut self, percent: u64) -> Self {
        let times = [&mut self.steady_ms, &mut self.recovery_ms].into_iter();
        let of_faults =
            self.faults.iter_mut().flat_map(|one| [&mut one.after_ms, &mut one.duration_ms]);
        let of_abort = self.abort.iter_mut().map(|abort| &mut abort.window_ms);
        for time in times.chain(of_faults).chain(of_abort) {
            *time = (*time * percent).div_ceil(100);
        }
        self
    }

    /// How long faults are active, from the begin of the first to the end of the last.
    pub(super) fn faults_time(&self) -> Duration {
        let ends = self.faults.iter().map(|one| one.after_ms + one.duration_ms);
        Duration::from_millis(ends.max().unwrap_or_default())
    }
}

impl PlannedFault {
    /// The fault itself.
    pub(super) fn fault(&self) -> Fault {
        Fault {
            target: self.target.clone(),
            effect: self.effect,
            rate_percent: self.rate_percent,
            duration_ms: self.duration_ms,
        }
    }
}

impl RequestKind {
    fn default_method() -> String {
        "GET".to_owned()
    }

    fn default_steady_percent() -> f64 {
        PERCENT_MAX
    }

    fn default_timeout_ms() -> u64 {
        10_000
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.per_second > 0, "`per_second` must be at least 1");
        ensure!(self.path.starts_with('/'), "`path` must begin with `/`");
        for percent in [self.availability_percent, self.steady_percent] {
            ensure!((0.0..=PERCENT_MAX).contains(&percent), "percentages are 0 to 100");
        }
        let mut request = http::Request::builder()
            .method(self.method.as_str())
            .uri(format!("http://localhost{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(())?;
        Ok(())
    }

    /// Whether an answer with this status is a success.
    pub(super) fn is_success(&self, status: u16) -> bool {
        if self.expect.is_empty() {
            status < 500 && status != http::StatusCode::TOO_MANY_REQUESTS.as_u16()
        } else {
            self.expect.contains(&status)
        }
    }
}

impl Abort {
    fn default_window_ms() -> u64 {
        5_000
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const WHOLE: &str = r#"
title = "A slow callee"
[[request]]
name = "browse"
path = "/products"
per_second = 10
availability_percent = 99.5
[[fault]]
target = { kind = "call", to = "catalog" }
effect = { kind = "latency", min_ms = 10, max_ms = 20 }
duration_ms = 2_000
[[fault]]
after_ms = 1_000
target = { kind = "store", label = "catalog", access = "write" }
effect = { kind = "error" }
duration_ms = 3_000
"#;

    #[test]
    fn faults_last_until_the_end_of_the_last_one() {
        let experiment = Experiment::parse(WHOLE).unwrap();
        assert_eq!(experiment.faults_time(), Duration::from_millis(4_000));
    }

    #[test]
    fn all_times_are_scaled() {
        let experiment = Experiment::parse(WHOLE).unwrap().scaled(10);
        assert_eq!((experiment.steady_ms, experiment.recovery_ms), (500, 500));
        assert_eq!(experiment.faults_time(), Duration::from_millis(400));
    }

    #[test]
    fn without_statuses_all_but_failures_and_refusals_are_successes() {
        let mut kind = Experiment::parse(WHOLE).unwrap().requests.remove(0);
        let successes =
            |kind: &RequestKind| [200, 404, 429, 500, 503].map(|status| kind.is_success(status));
        assert_eq!(successes(&kind), [true, true, false, false, false]);
        kind.expect = [503].into();
        assert_eq!(successes(&kind), [false, false, false, false, true]);
    }

    #[test]
    fn a_mistake_is_named() {
        for (old, new, words) in [
            ("per_second = 10", "per_second = 0", "per_second"),
            ("per_second = 10", "per_minute = 10", "per_minute"),
            ("/products", "products", "`path` must begin"),
            ("99.5", "101", "0 to 100"),
            ("max_ms = 20", "max_ms = 1", "min_ms"),
            ("2_000", "0", "duration_ms"),
        ] {
            let error = Experiment::parse(&WHOLE.replacen(old, new, 1)).unwrap_err();
            assert!(format!("{error:#}").contains(words), "{error:#}");
        }
    }
}
