//! Sends one request after another, and repeats those that a collector may accept later.

use super::settings::Target;
use super::transport::{Failure, Transport};
use crate::telemetry::otlp::{Counts, Signal};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::time::Instant;

/// The pause before the first repetition, on average; then it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause, on average.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// While requests keep failing, it is logged once in this time.
const LOG_PAUSE: Duration = Duration::from_secs(60);

/// The way to a collector for one kind of telemetry.
pub(super) struct Delivery {
    signal: Signal,
    target: Target,
    transport: Transport,
    counts: Arc<Counts>,
    last_logged: Mutex<Option<Instant>>,
}

impl Delivery {
    pub(super) fn new(signal: Signal, target: Target, counts: Arc<Counts>) -> anyhow::Result<Self> {
        let transport = Transport::new(signal, &target)?;
        Ok(Self { signal, target, transport, counts, last_logged: Mutex::default() })
    }

    /// Sends a request with this number of items. If it is not accepted in time, they are dropped.
    pub(super) async fn deliver(&self, request: Vec<u8>, count: u64, within: Duration) {
        match self.repeat(request, within).await {
            Ok(rejected) => {
                let rejected = rejected.min(count);
                self.counts.exported.fetch_add(count - rejected, Relaxed);
                self.counts.dropped.fetch_add(rejected, Relaxed);
            }
            Err(reason) => {
                self.counts.dropped.fetch_add(count, Relaxed);
                self.log(&reason);
            }
        }
    }

    /// The number of items that the collector has rejected, or why there was no answer.
    async fn repeat(&self, request: Vec<u8>, within: Duration) -> Result<u64, String> {
        let body = self.body(request)?;
        let end = Instant::now() + within;
        let mut pause = PAUSE;
        loop {
            let attempt_end = end.min(Instant::now() + self.target.timeout);
            let sent = tokio::time::timeout_at(attempt_end, self.transport.send(body.clone()));
            let failure = match sent.await {
                Ok(Ok(accepted)) => {
                    if let Some(message) = accepted.message {
                        self.log(&message);
                    }
                    return Ok(accepted.rejected);
                }
                Ok(Err(failure)) => failure,
                Err(_) => Failure::to_repeat("it did not respond in time"),
            };
            let Some(asked) = failure.repeat else { return Err(failure.reason) };
            let left = end.saturating_duration_since(Instant::now());
            let Some(wait) = wait(asked, jittered(pause), left) else {
                return Err(failure.reason);
            };
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn body(&self, request: Vec<u8>) -> Result<Bytes, String> {
        if !self.target.gzip {
            return Ok(request.into());
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let written = encoder.write_all(&request).and_then(|()| encoder.finish());
        written.map(Bytes::from).map_err(|error| error.to_string())
    }

    fn log(&self, reason: &str) {
        let now = Instant::now();
        let mut last = self.last_logged.lock();
        if last.is_none_or(|last| now.duration_since(last) >= LOG_PAUSE) {
            *last = Some(now);
            let (signal, uri) = (self.signal.name(), self.target.shown_uri());
            tracing::warn!("{signal} could not be sent to {uri}: {reason}");
        }
    }
}

/// How long to wait before a repetition; none if no time is left for one. The collector can ask for
/// a longer pause than usual, not for a shorter one.
fn wait(asked: Option<Duration>, pause: Duration, left: Duration) -> Option<Duration> {
    let wait = asked.unwrap_or_default().max(pause);
    (wait < left).then_some(wait)
}

/// A time around this one, so that processes do not come all at once.
fn jittered(pause: Duration) -> Duration {
    let share = crate::telemetry::random() as f64 / u64::MAX as f64;
    pause.mul_f64(0.5 + share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_waits_as_long_as_the_collector_asks_within_the_time_that_is_left() {
        let seconds = Duration::from_secs;
        assert_eq!(wait(None, seconds(1), seconds(9)), Some(seconds(1)));
        assert_eq!(wait(Some(seconds(3)), seconds(1), seconds(9)), Some(seconds(3)));
        assert_eq!(wait(Some(Duration::ZERO), seconds(1), seconds(9)), Some(seconds(1)));
        for asked in [seconds(9), Duration::MAX] {
            assert_eq!(wait(Some(asked), seconds(1), seconds(9)), None, "{asked:?}");
        }
    }
}
