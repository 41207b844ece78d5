//! The shop as native services: each function a process of its own, with axum's server, a SQLite
//! file, and JSON over HTTP to the others.
//!
//! It is the same business code as the components have, down to their adapters: domain, use cases
//! and routes are the crates of the functions, and `component.rs` of each is compiled here once
//! more, over native forms of the SDK and the chassis. So the difference between this and the
//! shop on a host is what a benchmark wants to see: what the host costs, and what it saves.
//!
//! `shop-twin <function>` runs one process, `shop-twin events` the log of events. Processes find
//! each other through the folder `TWIN_STATE`, where they also keep their files.

mod events;

#[allow(dead_code, unused_imports, reason = "adapters hold more than a process needs")]
mod functions {
    include!(concat!(env!("OUT_DIR"), "/functions.rs"));
}

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let name = std::env::args().nth(1).context("which function?")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&name))
}

async fn run(name: &str) -> Result<()> {
    if name == "events" {
        let (router, _delivery) = events::start()?;
        return serve(name, router).await;
    }
    let router = functions::app(name).await.with_context(|| format!("no function `{name}`"))?;
    serve(name, router.map_err(|problem| anyhow!("{name} is not ready: {problem:?}"))?).await
}

/// Serves until the process is ended.
async fn serve(name: &str, router: Router) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    chassis::discovery::announce(name, listener.local_addr()?)?;
    let listener = listener.tap_io(|connection| {
        // A connection without it is slower, not wrong.
        drop(connection.set_nodelay(true));
    });
    axum::serve(listener, router).await?;
    Ok(())
}
