//! The whole shop, started for the second time: code is compiled, stores are filled.

use super::Entry;
use crate::bench::Bench;
use crate::peers::tessera;
use crate::process::Process;
use crate::report::{Row, Target};
use crate::statistics::{median, spread};
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const ENTRY: Entry = Entry {
    name: "start",
    about: "the whole shop, second start, from exec to listening, and the time per component",
    run: |bench| Box::pin(run(bench)),
};

/// Starts of one round; they are short.
const STARTS: usize = 3;
/// How long the first start may take, which compiles.
const START_TIMEOUT: Duration = Duration::from_secs(600);

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let manifest = bench.artifacts.shop().await?;
    let state = bench.folder()?;
    let first = start(bench, &manifest, state.path()).await?;
    let mut ready = Vec::new();
    let mut last = first.log;
    for _ in 0..bench.settings.rounds * STARTS {
        let start = start(bench, &manifest, state.path()).await?;
        ready.push(start.ready_ms);
        last = start.log;
    }
    let target = [Target::AtMost(250.0)];
    let row = Row::of_value("start", "ms", median(&ready), vec![], &target);
    let row = row.note(format!(
        "{} starts, ± {:.0} %. The first one, which compiles what is not in the cache: {:.0} ms.",
        ready.len(),
        spread(&ready) * 50.0,
        first.ready_ms
    ));
    Ok(vec![match components(&last) {
        components if components.is_empty() => row,
        components => row.note(format!("Of that, per component: {components}.")),
    }])
}

/// One start.
struct Start {
    ready_ms: f64,
    log: Vec<Value>,
}

/// From the start of the process to the line of its log that says that it listens; then it is
/// stopped in good order.
async fn start(bench: &Bench, manifest: &Path, state: &Path) -> Result<Start> {
    let mut command = tessera::command(bench, manifest, state);
    command.args(["--listen", "127.0.0.1:0", "--log", "info,tessera::start=debug"]);
    let begin = Instant::now();
    let mut process = Process::spawn("the shop", command)?;
    let waiting = process.prints("\"listening\"");
    tokio::time::timeout(START_TIMEOUT, waiting).await.context("the shop does not start")??;
    let ready_ms = begin.elapsed().as_secs_f64() * 1000.0;
    let output = process.output();
    process.stop().await?;
    let log = output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Ok(Start { ready_ms, log })
}

/// What the host says of each component, as `orders 12 ms, …`; the longest first.
fn components(log: &[Value]) -> String {
    let mut times: Vec<(f64, &str)> = log
        .iter()
        .filter(|line| line["message"] == "component ready")
        .filter_map(|line| Some((line["took_ms"].as_f64()?, line["component"].as_str()?)))
        .collect();
    times.sort_by(|one, other| other.0.total_cmp(&one.0));
    let shown = times.iter().map(|(ms, component)| format!("{component} {ms:.1} ms"));
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn components_are_listed_by_the_time_they_took() {
        let log = [
            json!({ "message": "component ready", "component": "cart", "took_ms": 1.25 }),
            json!({ "message": "component ready", "component": "orders", "took_ms": 12 }),
            json!({ "message": "listening", "address": "127.0.0.1:1" }),
        ];
        assert_eq!(components(&log), "orders 12.0 ms, cart 1.2 ms");
        assert_eq!(components(&log[2..]), "");
    }
}
