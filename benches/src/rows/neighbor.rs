//! Short calls of one function beside hogs of another one, in one process: how much longer the
//! slowest of a hundred takes than without the hogs.
//!
//! A hog computes, writes to memory or asks for random bytes until its limit of processor time
//! ends it, and is called again at once.

use super::Entry;
use crate::bench::{Bench, JUDGED_CONCURRENCY};
use crate::client::{self, Pooled};
use crate::compare::{Contender, Figures, Round};
use crate::load::{Pace, Request};
use crate::peers::tessera;
use crate::report::{Row, Target};
use anyhow::Result;
use bytes::Bytes;
use http::Method;
use tokio::task::JoinSet;

pub(crate) const ENTRY: Entry = Entry {
    name: "neighbor",
    about: "short calls beside loops, memory hogs and requests for random bytes",
    run: |bench| Box::pin(run(bench)),
};

/// Path and number of the hogs, and how many times as long the neighbor may take.
const HOGS: [(&str, usize, f64); 5] = [
    ("loop", 1, 2.0),
    ("loop", 8, 2.0),
    ("loop", 64, 3.0),
    ("memory", 16, 3.0),
    ("random", 16, 3.0),
];

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let host = tessera::up(bench, "neighbor", &[]).await?;
    neighbor(bench, &host).await?;
    let mut rows = Vec::new();
    for (kind, count, times) in HOGS {
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..bench.settings.rounds {
            alone.push(neighbor(bench, &host).await?);
            // The hogs end when their clients are dropped.
            let _hogs = hogs(&host, kind, count);
            beside.push(neighbor(bench, &host).await?);
        }
        let figures = [("alone", &alone), ("beside hogs", &beside)];
        let figures = figures.map(|(name, rounds)| Figures::of(name, JUDGED_CONCURRENCY, rounds));
        let ratio = figures[1].p99_ms / figures[0].p99_ms;
        let name = format!("neighbor of {count} × {kind}");
        let row = Row::of_value(&name, "× p99 alone", ratio, vec![], &[Target::AtMost(times)]);
        let [without, with] = [figures[0].p99_ms, figures[1].p99_ms];
        let note = format!("p99 {without:.2} ms alone, {with:.2} ms beside the hogs");
        rows.push(row.with_figures(figures.to_vec()).note(note));
    }
    Ok(rows)
}

/// One round of short calls.
async fn neighbor(bench: &Bench, host: &Contender) -> Result<Round> {
    let request = Request::get(host.url.clone());
    let pace = Pace::Closed { connections: JUDGED_CONCURRENCY };
    Round::of(host, bench.generator.run(&request, pace, bench.settings.duration())).await
}

/// Clients that call hogs again and again, until they are dropped.
fn hogs(host: &Contender, kind: &str, count: usize) -> JoinSet<()> {
    let client: Pooled = client::pooled();
    let mut hogs = JoinSet::new();
    for _ in 0..count {
        let (client, url) = (client.clone(), format!("{}/hog/{kind}", host.url));
        hogs.spawn(async move {
            loop {
                // They always fail: by the limit of processor time.
                let _ = client::send(&client, Method::GET, &url, Bytes::new()).await;
            }
        });
    }
    hogs
}
