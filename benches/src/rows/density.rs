//! Many functions in one process, each called once: the cost of a deployed, idle
//! function.
//!
//! The functions are the one of `hello` with a section of its own each, so that no two are the
//! same file; whether a host notices that their code is the same is its own affair.

use super::Entry;
use crate::bench::Bench;
use crate::client::{self, Pooled};
use crate::peers::tessera;
use crate::report::{Curve, Row, Series, Target};
use crate::statistics::{median, quantile};
use anyhow::{Result, ensure};
use bytes::Bytes;
use http::Method;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wasm_encoder::{CustomSection, Encode as _};

pub(crate) const ENTRY: Entry = Entry {
    name: "density",
    about: "1,000 distinct functions deployed and idle, each called once",
    run: |bench| Box::pin(run(bench)),
};

const FUNCTIONS: usize = 1_000;
/// In a component and in a module: a section with a name and bytes of no meaning.
const CUSTOM_SECTION_ID: u8 = 0;

/// The cost of a number of functions.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    functions: usize,
    start_ms: f64,
    idle_mib: f64,
    called_mib: f64,
    first_p50_ms: f64,
    first_p99_ms: f64,
    first_max_ms: f64,
}

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut costs = Vec::new();
    for functions in [1, 10, 100, FUNCTIONS] {
        if functions <= bench.settings.population(FUNCTIONS) {
            let cost = measure(bench, functions).await?;
            eprintln!("    {cost:?}");
            costs.push(cost);
        }
    }
    let most = costs.last().copied().unwrap_or_default();
    let memory = Row::of_value(
        "density, resident",
        "MiB",
        most.called_mib,
        vec![],
        &[Target::AtMost(1_024.0)],
    );
    let first = Row::of_value(
        "density, first call",
        "ms (slowest)",
        most.first_max_ms,
        vec![],
        &[Target::AtMost(5.0)],
    );
    let calls = format!(
        "{} functions, each host the median of {} starts; first calls: p50 {:.2} ms, p99 {:.2} ms. \
         Second start of the host: {:.0} ms. Resident before any call: {:.0} MiB.",
        most.functions,
        bench.settings.rounds,
        most.first_p50_ms,
        most.first_p99_ms,
        most.start_ms,
        most.idle_mib
    );
    Ok(vec![memory.note(calls).with_curves(curves(&costs)), first])
}

async fn measure(bench: &Bench, functions: usize) -> Result<Cost> {
    let manifest = application(bench, functions)?;
    // The first start compiles.
    drop(tessera::manifest_up(bench, &manifest, &[]).await?);
    let mut rounds = Vec::new();
    for _ in 0..bench.settings.rounds {
        rounds.push(round(bench, &manifest, functions).await?);
    }
    let typical = |value: fn(&Cost) -> f64| median(&rounds.iter().map(value).collect::<Vec<_>>());
    Ok(Cost {
        functions,
        start_ms: typical(|cost| cost.start_ms),
        idle_mib: typical(|cost| cost.idle_mib),
        called_mib: typical(|cost| cost.called_mib),
        first_p50_ms: typical(|cost| cost.first_p50_ms),
        first_p99_ms: typical(|cost| cost.first_p99_ms),
        first_max_ms: typical(|cost| cost.first_max_ms),
    })
}

async fn round(bench: &Bench, manifest: &Path, functions: usize) -> Result<Cost> {
    let begin = Instant::now();
    let host = tessera::manifest_up(bench, manifest, &[]).await?;
    let start_ms = begin.elapsed().as_secs_f64() * 1000.0;
    let idle_mib = host.usage().memory_mib;
    // One connection, made before: a function's first call is not to wait for it.
    let client: Pooled = client::pooled();
    let nowhere = format!("{}/nowhere", host.url);
    let not_found = client::send(&client, Method::GET, &nowhere, Bytes::new()).await;
    ensure!(not_found.is_err(), "{nowhere} is somewhere");
    let mut first = Vec::new();
    for function in 0..functions {
        let begin = Instant::now();
        let url = format!("{}/f{function}", host.url);
        client::send(&client, Method::GET, &url, Bytes::new()).await?;
        first.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(Cost {
        functions,
        start_ms,
        idle_mib,
        called_mib: host.usage().memory_mib,
        first_p50_ms: quantile(&first, 0.5),
        first_p99_ms: quantile(&first, 0.99),
        first_max_ms: quantile(&first, 1.0),
    })
}

/// An application of this number of functions, at `/f0`, `/f1` and so on.
fn application(bench: &Bench, functions: usize) -> Result<PathBuf> {
    let name = format!("density-{functions}");
    let mut manifest = format!("spin_manifest_version = 2\n[application]\nname = \"{name}\"\n");
    let folder = bench.results().join("apps").join(&name);
    std::fs::create_dir_all(&folder)?;
    let hello = std::fs::read(bench.artifacts.guest("bench_hello"))?;
    for function in 0..functions {
        std::fs::write(folder.join(format!("f{function}.wasm")), distinct(&hello, function))?;
        write!(
            manifest,
            "[[trigger.http]]\nroute = \"/f{function}\"\ncomponent = \"f{function}\"\n\
             [component.f{function}]\nsource = \"f{function}.wasm\"\n"
        )?;
    }
    bench.artifacts.write_manifest(&name, &manifest)
}

/// The component with a section that only this function has.
pub(super) fn distinct(component: &[u8], function: usize) -> Vec<u8> {
    let data = function.to_string().into_bytes();
    let section = CustomSection { name: "function".into(), data: data.into() };
    let mut distinct = component.to_vec();
    distinct.push(CUSTOM_SECTION_ID);
    section.encode(&mut distinct);
    distinct
}

fn curves(costs: &[Cost]) -> [Curve; 2] {
    let line = |name: &str, value: fn(&Cost) -> f64| {
        Series::new(name, costs.iter().map(|cost| (cost.functions as f64, value(cost))).collect())
    };
    let curve = |file, title, y, series| Curve::new(file, title, ["functions", y], series);
    let memory = vec![
        line("started", |cost| cost.idle_mib),
        line("each called once", |cost| cost.called_mib),
    ];
    let times = vec![
        line("second start of the host", |cost| cost.start_ms),
        line("first call, p50", |cost| cost.first_p50_ms),
        line("first call, slowest", |cost| cost.first_max_ms),
    ];
    [
        curve("functions-memory", "Deployed functions: memory", "MiB resident", memory),
        curve("functions-start", "Deployed functions: start", "ms", times),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distinct_component_is_the_same_one_and_a_section_more() {
        let empty = wasm_encoder::Component::new().finish();
        let (one, other) = (distinct(&empty, 1), distinct(&empty, 2));
        assert_ne!(one, other);
        assert!(one.starts_with(&empty));
        // Id, length of the rest, length of the name, the name, the data.
        assert_eq!(one[empty.len()..], *b"\x00\x0a\x08function1");
    }
}
