//! One megabyte up and the same down, streamed: what the host adds to each chunk. Once by a function
//! that reads the body and writes it again, once by one that hands it on.

use super::Entry;
use crate::bench::Bench;
use crate::compare;
use crate::load::Request;
use crate::peers::{native, spin, tessera, wasmtime};
use crate::report::{Row, Target};
use anyhow::Result;

pub(crate) const ENTRY: Entry =
    Entry { name: "body", about: "1 MB up and down, streamed", run: |bench| Box::pin(run(bench)) };

const BODY_BYTES: usize = 1_000_000;

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let copied = row(bench, "body, through the function", "body", "bench_body").await?;
    let forwarded = row(bench, "body, handed on", "body-forward", "bench_body_forward").await?;
    Ok(vec![copied, forwarded])
}

async fn row(bench: &Bench, name: &'static str, app: &str, component: &str) -> Result<Row> {
    let file = bench.results().join("body.bin");
    std::fs::write(&file, vec![b'x'; BODY_BYTES])?;
    let mut contenders = vec![
        tessera::up(bench, app, &[]).await?,
        native::twin(bench, native::AXUM, &["body"]).await?,
    ];
    contenders.extend(wasmtime::serve(bench, component, wasmtime::Reuse::On).await?);
    contenders.extend(spin::both(bench, app, &[], spin::Reuse::On).await?);
    let request = |base: &str| Request::post(base, file.clone());
    let measured = compare::closed(bench, &contenders, request).await?;
    let targets = [Target::times(0.8, &[native::AXUM])];
    Ok(Row::of_requests(name, &measured, &targets))
}
