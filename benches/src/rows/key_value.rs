//! The store: through the front door (a get and a durable set per request), and the storage port
//! alone, without host and functions.

use super::Entry;
use crate::bench::Bench;
use crate::compare::{self, Figures, Round};
use crate::load::Request;
use crate::peers::{native, spin, tessera};
use crate::report::{Curve, Row, Series, Target};
use anyhow::Result;
use std::sync::Arc;
use std::time::Duration;
use tessera_storage::embedded::{Embedded, Options};
use tessera_storage::{KeyValue, Stores as _};

pub(crate) const ENTRY: Entry = Entry {
    name: "kv",
    about: "get + durable set per request, 1 KB values, 10,000 keys; and the storage port alone",
    run: |bench| Box::pin(run(bench)),
};

const KEYS: usize = 10_000;
const VALUE_BYTES: usize = 1024;
const WRITERS: usize = 32;
/// As it stands in the table.
const SQLITE: &str = "axum + SQLite";

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = vec![front_door(bench).await?];
    rows.extend(port(bench).await?);
    Ok(rows)
}

async fn front_door(bench: &Bench) -> Result<Row> {
    let state = bench.folder()?;
    let file = state.path().join("twin.db").display().to_string();
    let mut contenders = vec![
        tessera::up(bench, "key-value", &[]).await?,
        native::twin(bench, SQLITE, &["key-value", &file]).await?,
    ];
    contenders.extend(spin::both(bench, "key-value", &["key-value"], spin::Reuse::On).await?);
    let request = |base: &str| Request::get(format!("{base}/k{{key}}")).with_keys(KEYS);
    let measured = compare::closed(bench, &contenders, request).await?;
    let targets = [Target::times(15.0, spin::EITHER)];
    let row = Row::of_requests("kv", &measured, &targets);
    Ok(row.with_curves(Curve::by_concurrency("kv", &measured)).note(
        "Ours and the twin answer a set after its fsync (write-ahead log, `synchronous = FULL`); \
         Spin does four fsyncs per set (rollback journal).",
    ))
}

/// The storage port alone.
async fn port(bench: &Bench) -> Result<Vec<Row>> {
    let folder = bench.folder()?;
    let engine = Embedded::open(folder.path(), Options::default())?;
    let store = engine.open("bench").await?;
    fill(&store, 0..KEYS).await?;
    let sets = rounds(bench, "sets", &store, set).await?;
    let gets = rounds(bench, "gets", &store, get).await?;
    let curve = by_keys(bench, &store).await?;
    engine.close().await?;
    let row = |name: &str, unit, figures: Figures, target| {
        let rate = figures.requests_per_second;
        Row::of_value(name, unit, rate, vec![], &[target]).with_figures(vec![figures])
    };
    Ok(vec![
        row("kv, the port: sets", "durable sets/s", sets, Target::AtLeast(50_000.0)),
        row("kv, the port: gets", "gets/s", gets, Target::AtLeast(500_000.0)).with_curves([curve]),
    ])
}

type Store = Arc<dyn KeyValue>;

/// A key of the first `keys`, spread by a multiplicative hash.
fn key(worker: usize, call: usize, keys: usize) -> String {
    format!("k{:08}", (worker * 7_919 + call).wrapping_mul(2_654_435_761) % keys)
}

async fn set(store: Store, worker: usize, call: usize, keys: usize) -> Result<()> {
    Ok(store.set(key(worker, call, keys), vec![0; VALUE_BYTES]).await?)
}

async fn get(store: Store, worker: usize, call: usize, keys: usize) -> Result<()> {
    Ok(store.get(key(worker, call, keys)).await.map(drop)?)
}

async fn fill(store: &Store, keys: std::ops::Range<usize>) -> Result<()> {
    /// Entries of one batch.
    const BATCH: usize = 500;
    for start in keys.clone().step_by(BATCH) {
        let numbers = start..(start + BATCH).min(keys.end);
        let entries = numbers.map(|number| (format!("k{number:08}"), vec![0; VALUE_BYTES]));
        store.set_many(entries.collect()).await?;
    }
    Ok(())
}

/// The medians of one operation by all writers.
async fn rounds<F, Fut>(bench: &Bench, name: &str, store: &Store, operation: F) -> Result<Figures>
where
    F: Fn(Store, usize, usize, usize) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let mut rounds = Vec::new();
    for _ in 0..bench.settings.rounds {
        rounds.push(round(store, bench.settings.duration(), KEYS, operation).await?);
    }
    let figures = Figures::of(name, WRITERS, &rounds);
    eprintln!("    {}", figures.line());
    Ok(figures)
}

async fn round<F, Fut>(store: &Store, time: Duration, keys: usize, operation: F) -> Result<Round>
where
    F: Fn(Store, usize, usize, usize) -> Fut + Copy + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let store = store.clone();
    let call = move |worker, call| operation(store.clone(), worker, call, keys);
    Round::in_process(WRITERS, time, call).await
}

/// How get and set grow with the number of keys.
async fn by_keys(bench: &Bench, store: &Store) -> Result<Curve> {
    let (mut sets, mut gets) = (Vec::new(), Vec::new());
    let mut there = KEYS;
    for keys in [100, 1_000, KEYS, 100_000, 1_000_000].map(|keys| bench.settings.population(keys)) {
        if keys > there {
            fill(store, there..keys).await?;
            there = keys;
        }
        let time = Duration::from_secs(1);
        let microseconds = |round: &Round| 1e6 / round.sample.requests_per_second.max(1.0);
        sets.push((keys as f64, microseconds(&round(store, time, keys, set).await?)));
        gets.push((keys as f64, microseconds(&round(store, time, keys, get).await?)));
    }
    let title = "The store: time per operation, 32 writers or readers";
    let series = vec![Series::new("durable set", sets), Series::new("get", gets)];
    Ok(Curve::new("kv-keys", title, ["keys of 1 KB", "µs per operation"], series))
}
