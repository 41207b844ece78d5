//! One megabyte up and the same down, streamed: what the host adds to each chunk.

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
    let file = bench.results().join("body.bin");
    std::fs::write(&file, vec![b'x'; BODY_BYTES])?;
    let mut contenders = vec![
        tessera::up(bench, "body", &[]).await?,
        native::twin(bench, native::AXUM, &["body"]).await?,
    ];
    contenders.extend(wasmtime::serve(bench, "bench_body", wasmtime::Reuse::On).await?);
    contenders.extend(spin::both(bench, "body", &[], spin::Reuse::On).await?);
    let request = |base: &str| Request::post(base, file.clone());
    let measured = compare::closed(bench, &contenders, request).await?;
    let targets = [Target::times(0.8, &[native::AXUM])];
    Ok(vec![Row::of_requests("body", &measured, &targets)])
}
