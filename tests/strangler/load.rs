//! A closed loop: each connection sends its next request when it has the response to the last one.

use crate::shop::{Kind, Shop};
use futures::future::join_all;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How much load there is.
pub(crate) struct Pace;

impl Pace {
    /// Requests at the same time.
    pub(crate) const CONNECTIONS: usize = 8;
    /// How long each family is under load, in seconds.
    pub(crate) const SECONDS: u64 = 4;
    /// How long it is under load before that, in seconds.
    const WARM_UP_SECONDS: u64 = 1;
}

/// What was measured for a family.
pub(crate) struct Figures {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} | {:.1} | {:.1}", self.per_second, self.p50_ms, self.p99_ms)
    }
}

/// Loads one family.
pub(crate) async fn measure(shop: &Shop, kind: Kind) -> Figures {
    let count = AtomicU64::new(0);
    sample(shop, kind, &count, Pace::WARM_UP_SECONDS).await;
    let begin = Instant::now();
    let mut latencies = sample(shop, kind, &count, Pace::SECONDS).await;
    let seconds = begin.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| {
        let index = ((latencies.len() as f64 * share) as usize).min(latencies.len() - 1);
        latencies[index].as_secs_f64() * 1_000.0
    };
    let per_second = latencies.len() as f64 / seconds;
    Figures { per_second, p50_ms: at(0.5), p99_ms: at(0.99) }
}

/// The latencies of all requests within this time.
async fn sample(shop: &Shop, kind: Kind, count: &AtomicU64, seconds: u64) -> Vec<Duration> {
    let end = Instant::now() + Duration::from_secs(seconds);
    let connection = |number: usize| async move {
        let mut latencies = Vec::new();
        while Instant::now() < end {
            let begin = Instant::now();
            shop.request(number, kind, count.fetch_add(1, Ordering::Relaxed)).await;
            latencies.push(begin.elapsed());
        }
        latencies
    };
    join_all((0..Pace::CONNECTIONS).map(connection)).await.concat()
}
