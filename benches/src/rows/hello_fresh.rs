//! As `hello`, with an instance for each request: what isolation costs that forgets everything.

use super::Entry;
use crate::bench::Bench;
use crate::compare;
use crate::load::Request;
use crate::peers::{spin, tessera, wasmtime};
use crate::report::{Row, Target};
use anyhow::Result;

pub(crate) const ENTRY: Entry = Entry {
    name: "hello-fresh",
    about: "one function, 5-byte body, a fresh instance for each request",
    run: |bench| Box::pin(run(bench)),
};

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut contenders = vec![tessera::up(bench, "hello-fresh", &[]).await?];
    contenders.extend(wasmtime::serve(bench, "bench_hello", wasmtime::Reuse::Off).await?);
    contenders.extend(spin::both(bench, "hello", &[], spin::Reuse::Off).await?);
    contenders.extend(spin::both(bench, "hello", &[], spin::Reuse::On).await?);
    let measured = compare::closed(bench, &contenders, |base| Request::get(base)).await?;
    let targets = [Target::times(3.5, spin::FRESH), Target::times(1.0, spin::EITHER)];
    Ok(vec![Row::of_requests("hello, fresh", &measured, &targets)])
}
