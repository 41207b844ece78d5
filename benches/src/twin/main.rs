//! `twin <name> --listen <address>`: what a row does, as a native program.
//!
//! A file per twin; each is what one would write with axum, hyper or tonic and no sandbox: the
//! sensible version, not one bent towards a result. A twin of several services is started once
//! per service, and so has a subcommand for each.

mod body;
mod hello;
mod key_value;
mod price;
mod price_grpc;
mod quote;
mod slow;

use clap::{Parser, Subcommand};
use http::Uri;
use std::net::SocketAddr;
use std::path::PathBuf;
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
    /// Answers with the request's body.
    Body,
    /// Waits before it answers.
    Slow,
    /// Reads a key and writes it durably.
    KeyValue {
        /// The database.
        file: PathBuf,
    },
    /// Says what an order costs: JSON over HTTP.
    Price,
    /// Says what an order costs: gRPC.
    PriceGrpc,
    /// Asks what an order costs.
    Quote {
        /// `price` as JSON over HTTP.
        #[arg(long)]
        http: Option<Uri>,
        /// `price` as gRPC. Without either, it is a function of this process.
        #[arg(long, conflicts_with = "http")]
        grpc: Option<Uri>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let router = match arguments.twin {
        Twin::Hello => hello::router(),
        Twin::Body => body::router(),
        Twin::Slow => slow::router(),
        Twin::KeyValue { file } => key_value::router(&file)?,
        Twin::Price => price::router(),
        Twin::PriceGrpc => return price_grpc::serve(arguments.listen).await,
        Twin::Quote { http: Some(http), .. } => quote::over_http(&http)?,
        Twin::Quote { grpc: Some(grpc), .. } => quote::over_grpc(grpc).await?,
        Twin::Quote { .. } => quote::in_process(),
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
