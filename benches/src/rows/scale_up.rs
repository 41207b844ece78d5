//! Calls that wait, from 1 to 1,000 at the same time: whether any fails, and what one of them
//! holds while it waits.

use super::Entry;
use crate::bench::Bench;
use crate::client::{self, Pooled};
use crate::compare::Contender;
use crate::peers::{native, tessera};
use crate::report::{Curve, Row, Series, Target};
use anyhow::Result;
use bytes::Bytes;
use futures::future::join_all;
use http::Method;
use std::time::Duration;

pub(crate) const ENTRY: Entry = Entry {
    name: "scale-up",
    about: "1 to 1,000 concurrent slow calls: errors, and memory per waiting call",
    run: |bench| Box::pin(run(bench)),
};

const CALLS_MAX: usize = 1_000;
/// A call waits for two seconds: by then all of them are there, and none has gone.
const ALL_ARE_WAITING: Duration = Duration::from_millis(1_500);

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let contenders = [
        tessera::up(bench, "slow", &[]).await?,
        native::twin(bench, native::AXUM, &["slow"]).await?,
    ];
    let mut errors = 0;
    let mut last = Vec::new();
    let mut lines = Vec::new();
    for (index, contender) in contenders.iter().enumerate() {
        // What a first call leaves behind is no cost of waiting.
        waiting(contender, 1).await;
        let idle = contender.usage().memory_mib;
        let mut points = Vec::new();
        for calls in [1, 10, 100, CALLS_MAX] {
            let (mib, failed) = waiting(contender, calls).await;
            eprintln!("    {calls:>5} × {}: {mib:.1} MiB, {failed} errors", contender.name);
            points.push((calls as f64, (mib - idle).max(0.0)));
            errors += if index == 0 { failed } else { 0 };
        }
        last.push(points.last().map_or(0.0, |point| point.1 * 1024.0 / CALLS_MAX as f64));
        lines.push(Series::new(&contender.name, points));
    }
    let title = "Calls that wait: memory beyond that of the idle process";
    let axes = ["calls at the same time", "MiB resident"];
    let curve = Curve::new("scale-up-memory", title, axes, lines);
    let peers = vec![(native::AXUM.to_owned(), last[1])];
    Ok(vec![
        Row::of_value("scale-up, errors", "errors", errors as f64, vec![], &[Target::AtMost(0.0)]),
        Row::of_value("scale-up, memory", "KiB per waiting call", last[0], peers, &[])
            .with_curves([curve]),
    ])
}

/// Makes this number of calls at the same time. Returns the resident memory while all wait, and the
/// number of failures.
async fn waiting(contender: &Contender, calls: usize) -> (f64, usize) {
    let client: Pooled = client::pooled();
    let call = || client::send(&client, Method::GET, &contender.url, Bytes::new());
    let all = join_all((0..calls).map(|_| call()));
    let look = async {
        tokio::time::sleep(ALL_ARE_WAITING).await;
        contender.usage().memory_mib
    };
    let (answers, memory_mib) = tokio::join!(all, look);
    let failures = answers.into_iter().filter_map(Result::err);
    let failures: Vec<anyhow::Error> = failures.inspect(|e| eprintln!("    {e:#}")).collect();
    (memory_mib, failures.len())
}
