//! One megabyte up and the same down, streamed: what the host adds to each chunk. Once by a
//! function that reads the body and writes it again, once by one that hands it on.

use super::{Entry, hello};
use crate::bench::Bench;
use crate::compare;
use crate::load::Request;
use crate::peers::native;
use crate::report::{Row, Target};
use anyhow::Result;

pub(crate) const ENTRY: Entry =
    Entry { name: "body", about: "1 MB up and down, streamed", run: |bench| Box::pin(run(bench)) };

const BODY_BYTES: usize = 1_000_000;

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    let file = bench.results().join("body.bin");
    std::fs::write(&file, vec![b'x'; BODY_BYTES])?;
    let mut rows = Vec::new();
    for (name, app, component) in [
        ("body, through the function", "body", "bench_body"),
        ("body, handed on", "body-forward", "bench_body_forward"),
    ] {
        let contenders = hello::contenders(bench, app, component, "body").await?;
        let request = |base: &str| Request::post(base, file.clone());
        let measured = compare::closed(bench, &contenders, request).await?;
        rows.push(Row::of_requests(name, &measured, &[Target::times(0.8, &[native::AXUM])]));
    }
    Ok(rows)
}
