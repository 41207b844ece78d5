//! How much concurrent writers gain from sharing commits.
//!
//! `cargo run --release -p tessera-storage --example throughput [writers] [writes]`
//!
//! Writes the same number of values one after the other and all at once, on the disk of the
//! temporary folder, and prints the ratio: absolute figures say more about the disk than about
//! the engine.

use std::{
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use tessera_storage::{
    KeyValue, Result, Stores,
    embedded::{Embedded, Options, Statistics},
};

const VALUE_BYTES: usize = 512;

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let writers: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let writes: usize = arguments.next().map_or(Ok(4_000), |text| text.parse())?;

    let folder = tempfile::tempdir()?;
    let engine = Embedded::open(folder.path(), Options::default())?;
    let alone = measure(&engine, "alone", 1, writes).await?;
    let shared = measure(&engine, "shared", writers, writes).await?;
    engine.close().await?;

    let mut out = io::stdout();
    report(&mut out, "1 writer", writes, alone)?;
    report(&mut out, &format!("{writers} writers"), writes, shared)?;
    let ratio = alone.0.as_secs_f64() / shared.0.as_secs_f64();
    writeln!(out, "ratio: {ratio:.1}")?;
    Ok(())
}

type Measured = (Duration, Statistics);

async fn measure(
    engine: &Embedded,
    label: &str,
    writers: usize,
    writes: usize,
) -> Result<Measured> {
    let store = engine.open(label).await?;
    let start = Instant::now();
    try_join_all((0..writers).map(|writer| {
        let share = writes / writers + usize::from(writer < writes % writers);
        write(Arc::clone(&store), writer, share)
    }))
    .await?;
    Ok((start.elapsed(), engine.statistics(label).unwrap_or_default()))
}

async fn write(store: Arc<dyn KeyValue>, writer: usize, writes: usize) -> Result<()> {
    for n in 0..writes {
        store.set(format!("{writer}-{n}"), vec![0; VALUE_BYTES]).await?;
    }
    Ok(())
}

fn report(out: &mut impl Write, who: &str, writes: usize, measured: Measured) -> io::Result<()> {
    let (time, statistics) = measured;
    let rate = writes as f64 / time.as_secs_f64();
    writeln!(out, "{who}: {rate:.0} sets/s, {} commits", statistics.commits)
}
