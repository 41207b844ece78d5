//! One function that answers five bytes: what a request costs before it does anything. On warm
//! instances (`hello`), and with an instance for each request (`hello-fresh`).

use super::Entry;
use crate::bench::Bench;
use crate::compare::{self, Contender};
use crate::load::Request;
use crate::peers::{native, spin, tessera, wasmtime};
use crate::report::{Curve, Row, Target};
use anyhow::Result;

pub(crate) const ENTRY: Entry = Entry {
    name: "hello",
    about: "one function, 5-byte body, warm instances",
    run: |bench| Box::pin(warm(bench)),
};

pub(crate) const FRESH: Entry = Entry {
    name: "hello-fresh",
    about: "one function, 5-byte body, a fresh instance for each request",
    run: |bench| Box::pin(fresh(bench)),
};

/// All hosts with warm instances of a component, and the native twin.
pub(super) async fn contenders(
    bench: &Bench,
    app: &str,
    component: &str,
    twin: &str,
) -> Result<Vec<Contender>> {
    let mut contenders = vec![
        tessera::up(bench, app, &[]).await?,
        native::twin(bench, native::AXUM, &[twin]).await?,
    ];
    contenders.extend(wasmtime::serve(bench, component, wasmtime::Reuse::On).await?);
    contenders.extend(spin::both(bench, app, &[], spin::Reuse::On).await?);
    Ok(contenders)
}

async fn warm(bench: &Bench) -> Result<Vec<Row>> {
    let contenders = contenders(bench, "hello", "bench_hello", "hello").await?;
    let measured = compare::closed(bench, &contenders, |base| Request::get(base)).await?;
    let targets = [
        Target::times(3.0, spin::EITHER),
        Target::times(1.6, &[wasmtime::SERVE]),
        Target::times(0.4, &[native::AXUM]),
    ];
    let row = Row::of_requests("hello", &measured, &targets);
    Ok(vec![row.with_curves(Curve::by_concurrency("hello", &measured))])
}

async fn fresh(bench: &Bench) -> Result<Vec<Row>> {
    let mut contenders = vec![tessera::up(bench, "hello-fresh", &[]).await?];
    contenders.extend(wasmtime::serve(bench, "bench_hello", wasmtime::Reuse::Off).await?);
    contenders.extend(spin::both(bench, "hello", &[], spin::Reuse::Off).await?);
    contenders.extend(spin::both(bench, "hello", &[], spin::Reuse::On).await?);
    let measured = compare::closed(bench, &contenders, |base| Request::get(base)).await?;
    let targets = [Target::times(3.5, spin::FRESH), Target::times(1.0, spin::EITHER)];
    Ok(vec![Row::of_requests("hello, fresh", &measured, &targets)])
}
