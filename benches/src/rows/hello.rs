//! One function that answers five bytes, on warm instances: what a request costs before it does
//! anything.

use super::Entry;
use crate::bench::Bench;
use crate::compare;
use crate::load::Request;
use crate::peers::{native, spin, tessera, wasmtime};
use crate::report::{Row, Target};
use anyhow::Result;

pub(crate) const ENTRY: Entry = Entry {
    name: "hello",
    about: "one function, 5-byte body, warm instances",
    run: |bench| Box::pin(run(bench)),
};

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let mut contenders = vec![
        tessera::up(bench, "hello", &[]).await?,
        native::twin(bench, native::AXUM, &["hello"]).await?,
    ];
    contenders.extend(wasmtime::serve(bench, "bench_hello", wasmtime::Reuse::On).await?);
    contenders.extend(spin::both(bench, "hello", spin::Reuse::On).await?);
    let measured = compare::closed(bench, &contenders, |base| Request::get(base)).await?;
    Ok(vec![Row::of_requests(
        "hello",
        &measured,
        &[
            Target::times(3.0, spin::EITHER),
            Target::times(1.6, &[wasmtime::SERVE]),
            Target::times(0.4, &[native::AXUM]),
        ],
    )])
}
