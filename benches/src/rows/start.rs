//! The whole shop, started for the second time: code is compiled, stores are filled.

use super::Entry;
use crate::bench::Bench;
use crate::client;
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
/// How the line of the log begins that says where the time went.
const PHASES: &str = "the application is loaded:";

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let manifest = bench.artifacts.shop().await?;
    let state = bench.folder()?;
    let mut starts = vec![start(bench, &manifest, state.path()).await?];
    for _ in 0..bench.settings.rounds * STARTS {
        starts.push(start(bench, &manifest, state.path()).await?);
    }
    let (first, others) = starts.split_first().context("a start")?;
    let ready: Vec<f64> = others.iter().map(|start| start.ready_ms).collect();
    let last = others.last().context("a second start")?;
    let target = [Target::AtMost(250.0)];
    let row = Row::of_value("start", "ms", median(&ready), vec![], &target);
    let counts = format!(
        "{} starts, ± {:.0} %. The first one, which compiles what is not in the cache: {:.0} ms.",
        ready.len(),
        spread(&ready) * 50.0,
        first.ready_ms
    );
    let row = row.note(counts).note(format!("Per component: {}.", last.components));
    Ok(vec![match &last.phases {
        Some(phases) => row.note(format!("Of the last one: {phases}.")),
        None => row,
    }])
}

/// One start.
struct Start {
    ready_ms: f64,
    /// What the host says of each component.
    components: String,
    /// What the host says of the whole.
    phases: Option<String>,
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
    let log: Vec<Value> =
        output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let admin = log.iter().find_map(|line| line["admin"].as_str()).context("no admin address")?;
    let reported = client::get(&format!("http://{admin}/components")).await?;
    let components = components(&serde_json::from_slice(&reported)?);
    process.stop().await?;
    let messages = log.iter().filter_map(|line| line["message"].as_str());
    let phases = messages.filter_map(|message| message.strip_prefix(PHASES)).next();
    Ok(Start { ready_ms, components, phases: phases.map(|phases| phases.trim().to_owned()) })
}

/// What the host says of each component at `/components`, as `orders 12.0 ms, …`: to have its
/// code and its links. The longest first.
fn components(reported: &Value) -> String {
    fn took(of: &Value) -> Option<(f64, &str)> {
        let start = &of["start"];
        Some((start["code_ms"].as_f64()? + start["links_ms"].as_f64()?, of["id"].as_str()?))
    }
    let mut times: Vec<(f64, &str)> =
        reported["components"].as_array().into_iter().flatten().filter_map(took).collect();
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
        let reported = json!({ "components": [
            { "id": "cart", "start": { "code_ms": 1.0, "links_ms": 0.25 } },
            { "id": "orders", "start": { "code_ms": 10, "links_ms": 2 } },
            { "id": "old" },
        ] });
        assert_eq!(components(&reported), "orders 12.0 ms, cart 1.2 ms");
        assert_eq!(components(&json!({})), "");
    }
}
