//! The latencies of single requests, and what they come to. The program `generator` has the same
//! module.

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longer latencies are recorded as this one. That of an open loop may be longer than the timeout
/// of a request, because it counts from the time at which the request was due.
const LATENCY_NS_MAX: u64 = 600 * 1_000_000_000;
/// Significant digits of a latency.
const DIGITS: u8 = 3;

/// What a generator has measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Requests answered with success.
    pub(crate) requests: u64,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// Requests answered with success per second.
    pub(crate) requests_per_second: f64,
    /// Requests that failed: no answer, or a status from 400.
    pub(crate) errors: u64,
    /// Time to the answer, in milliseconds.
    pub(crate) p50_ms: f64,
    /// Of 100 requests one takes longer.
    pub(crate) p99_ms: f64,
    /// Of 1,000 requests one takes longer.
    pub(crate) p999_ms: f64,
}

/// Latencies of requests that were answered with success, in nanoseconds.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Histogram::new_with_max(LATENCY_NS_MAX, DIGITS)?))
    }

    /// Records one.
    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds those of another one.
    pub(crate) fn add(&mut self, other: &Self) -> Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    /// The sample, for this number of failed requests and the time that all took.
    pub(crate) fn sample(&self, errors: u64, took: Duration) -> Sample {
        let ms = |share: f64| self.0.value_at_quantile(share) as f64 / 1e6;
        let seconds = took.as_secs_f64();
        Sample {
            requests: self.0.len(),
            seconds,
            requests_per_second: self.0.len() as f64 / seconds.max(f64::EPSILON),
            errors,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
        }
    }
}
