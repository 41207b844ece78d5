//! `twin <name> --listen <address>`: what a row does, as a native program.
//!
//! A file per twin; each is what one would write with axum, hyper or tonic and no sandbox: the
//! sensible version, not one bent towards a result. A twin of several services is started once
//! per service, and so has a subcommand for each.

mod hello;

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use tokio::net::TcpListener;

// The same allocator as the host that it is compared with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    twin: Twin,
    /// Where to serve.
    #[arg(long, global = true, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[derive(Debug, Subcommand)]
enum Twin {
    /// Answers five bytes.
    Hello,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let router = match arguments.twin {
        Twin::Hello => hello::router(),
    };
    serve(arguments.listen, router).await
}

/// Serves until the process is killed, without delay of small answers.
async fn serve(address: SocketAddr, router: axum::Router) -> anyhow::Result<()> {
    use axum::serve::ListenerExt as _;
    let listener = TcpListener::bind(address).await?.tap_io(|stream| {
        // Where it is refused, answers are late and no less right.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}
