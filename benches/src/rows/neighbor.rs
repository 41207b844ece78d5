//! Short calls of one function next to hogs of another one, in one process: the ratio of the p99
//! with and without hogs.
//!
//! A hog computes, writes to memory, requests random bytes or prints until it reaches its CPU time
//! limit, and is called again immediately. Streams are only held. The row fails if a hog ends for
//! another reason.

use super::Entry;
use crate::bench::{Bench, JUDGED_CONCURRENCY};
use crate::client::{self, Pooled};
use crate::compare::{Contender, Figures, Round};
use crate::load::{Pace, Request, Sample};
use crate::peers::tessera;
use crate::report::{Row, Target};
use anyhow::{Error, Result, anyhow};
use bytes::Bytes;
use http::Method;
use std::time::Duration;
use tokio::task::JoinSet;

pub(crate) const ENTRY: Entry = Entry {
    name: "neighbor",
    about: "short calls next to loops, memory hogs, requests for random bytes, output and streams",
    run: |bench| Box::pin(run(bench)),
};

/// Path and number of the hogs, and the maximum ratio.
const HOGS: [(&str, usize, f64); 7] = [
    ("loop", 1, 2.0),
    ("loop", 8, 2.0),
    ("loop", 64, 3.0),
    ("memory", 16, 3.0),
    ("random", 16, 3.0),
    ("log", 16, 3.0),
    ("stream", 1_000, 2.0),
];

/// Makes the host cancel hogs immediately when their clients disconnect. By default it waits for
/// some time, because such a client may only have closed its sending side. All hogs have the same
/// address.
const ARGUMENTS: [&str; 4] = [
    "--half-close-timeout-ms=1",
    "--connections-per-address-max=4000",
    "--requests-per-address-max=4000",
    "--streams-per-address-max=2000",
];

/// The expected end of a hog.
const LIMIT: &str = "cpu-time-exceeded";

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    // What is printed goes to files.
    let output = bench.folder()?;
    let folder = output.path().to_string_lossy();
    let arguments = [&ARGUMENTS[..], &["--log-dir", &folder]].concat();
    let host = tessera::up(bench, "neighbor", &arguments).await?;
    let mut rows = Vec::new();
    for (kind, count, times) in HOGS {
        let row = beside(bench, &host, kind, count, times).await?;
        rows.push(row);
    }
    Ok(rows)
}

/// Alternating rounds without hogs and with this number of hogs.
async fn beside(
    bench: &Bench,
    host: &Contender,
    kind: &str,
    count: usize,
    times: f64,
) -> Result<Row> {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..bench.settings.rounds {
        without.push(settled(bench, host).await?);
        let mut hogs = hogs(host, kind, count);
        with.push(settled(bench, host).await?);
        if let Some(ended) = hogs.try_join_next() {
            return Err(ended?);
        }
        hogs.shutdown().await;
    }
    let rounds = [("alone", without), ("with hogs", with)];
    let figures = rounds.map(|(name, rounds)| Figures::of(name, JUDGED_CONCURRENCY, &rounds));
    for figures in &figures {
        eprintln!("    {}", figures.line());
    }
    Ok(judged(&format!("neighbor of {count} × {kind}"), figures, times))
}

/// A row of figures without and with hogs. If a short call fails, the target is not met.
fn judged(name: &str, figures: [Figures; 2], times: f64) -> Row {
    let [without, with] = [figures[0].p99_ms, figures[1].p99_ms];
    let targets = [Target::AtMost(times)];
    let mut row = Row::of_value(name, "× p99 alone", with / without, vec![], &targets);
    let errors: u64 = figures.iter().map(|figures| figures.errors).sum();
    if errors > 0 {
        row.met = Some(false);
        row = row.note(format!("{errors} short calls failed"));
    }
    let note = format!("p99 {without:.2} ms alone, {with:.2} ms with hogs");
    row.with_figures(figures.to_vec()).note(note)
}

/// A round of short calls, after a first one that is not counted, in which hogs start or end.
async fn settled(bench: &Bench, host: &Contender) -> Result<Round> {
    let warm_up = Duration::from_secs(bench.settings.warm_up_seconds);
    short_calls(bench, host, warm_up).await?;
    Round::of(host, short_calls(bench, host, bench.settings.duration())).await
}

async fn short_calls(bench: &Bench, host: &Contender, duration: Duration) -> Result<Sample> {
    let request = Request::get(host.url.clone());
    let pace = Pace::Closed { connections: JUDGED_CONCURRENCY };
    bench.generator.run(&request, pace, duration).await
}

/// Clients that call hogs repeatedly until they are dropped.
fn hogs(host: &Contender, kind: &str, count: usize) -> JoinSet<Error> {
    let client: Pooled = client::pooled();
    let mut hogs = JoinSet::new();
    for _ in 0..count {
        hogs.spawn(hog(client.clone(), format!("{}/hog/{kind}", host.url)));
    }
    hogs
}

/// Returns when a hog ends in an unexpected way.
async fn hog(client: Pooled, url: String) -> Error {
    loop {
        match client::send(&client, Method::GET, &url, Bytes::new()).await {
            Ok(_) => return anyhow!("{url} has answered"),
            Err(error) if format!("{error:#}").contains(LIMIT) => {}
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(p99_ms: f64, errors: u64) -> Figures {
        Figures { p99_ms, errors, ..Figures::default() }
    }

    #[test]
    fn the_ratio_is_judged_and_only_if_no_call_failed() {
        let row = judged("x", [figures(2.0, 0), figures(5.0, 0)], 3.0);
        assert_eq!((row.ours, row.met), (2.5, Some(true)));
        assert_eq!(judged("x", [figures(2.0, 0), figures(7.0, 0)], 3.0).met, Some(false));
        assert_eq!(judged("x", [figures(2.0, 0), figures(5.0, 1)], 3.0).met, Some(false));
    }
}
