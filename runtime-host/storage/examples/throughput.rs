//! What concurrent callers get out of one store.
//!
//! `cargo run --release -p tessera-storage --example throughput [tasks] [sets] [gets]`
//!
//! Sets and gets values of 1,000 bytes on 10,000 keys, on the disk of the temporary folder: first
//! with one caller, then with many. The number of commits shows how many writes shared a sync; the
//! cost of a sync depends on the disk.

use std::{
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use tessera_storage::{
    KeyValue, Result, Stores,
    embedded::{Embedded, Options},
};

const VALUE_BYTES: usize = 1_000;
const KEYS: usize = 10_000;

/// A caller alone makes this part of the sets, as it may take a sync for each.
const ALONE_PART: usize = 32;

type Store = Arc<dyn KeyValue>;

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |default| arguments.next().map_or(Ok(default), |text| text.parse());
    let (tasks, sets, gets) = (argument(32)?, argument(200_000)?, argument(2_000_000)?);

    let folder = tempfile::tempdir()?;
    let engine = Embedded::open(folder.path(), Options::default())?;
    let store = engine.open("bench").await?;
    let commits = || engine.statistics("bench").unwrap_or_default().commits;
    let mut out = io::stdout();
    let alone = sets / ALONE_PART;
    report(&mut out, "sets, 1 caller", alone, run(&store, 1, alone, set).await?)?;
    let before = commits();
    let took = run(&store, tasks, sets, set).await?;
    report(&mut out, &format!("sets, {tasks} callers"), sets, took)?;
    writeln!(out, "{:.1} sets per commit", sets as f64 / (commits() - before) as f64)?;
    let took = run(&store, tasks, gets, get).await?;
    report(&mut out, &format!("gets, {tasks} callers"), gets, took)?;
    Ok(engine.close().await?)
}

/// Distributes operations to tasks.
async fn run<F>(
    store: &Store,
    tasks: usize,
    operations: usize,
    operation: impl Fn(Store, usize) -> F + Copy + Send + 'static,
) -> std::result::Result<Duration, Box<dyn std::error::Error>>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let start = Instant::now();
    let work = |task| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            // Keys in an order that looks like none, the same in every run.
            for n in (task..operations).step_by(tasks) {
                operation(Arc::clone(&store), n.wrapping_mul(2_654_435_761) % KEYS).await?;
            }
            Ok::<_, tessera_storage::Error>(())
        })
    };
    for done in try_join_all((0..tasks).map(work)).await? {
        done?;
    }
    Ok(start.elapsed())
}

async fn set(store: Store, key: usize) -> Result<()> {
    store.set(format!("key-{key:05}"), vec![7; VALUE_BYTES]).await
}

async fn get(store: Store, key: usize) -> Result<()> {
    store.get(format!("key-{key:05}")).await.map(drop)
}

fn report(out: &mut impl Write, what: &str, operations: usize, took: Duration) -> io::Result<()> {
    writeln!(out, "{what}: {:.0}/s", operations as f64 / took.as_secs_f64())
}
