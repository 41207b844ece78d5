//! What an order costs, as gRPC.

use super::price;
use bench_price::prices_server::{Prices, PricesServer};
use bench_price::{Order, Total};
use std::net::SocketAddr;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// Made from `proto/price.proto`.
#[allow(warnings, clippy::all)]
pub(crate) mod bench_price {
    tonic::include_proto!("bench.price");
}

struct Service;

#[tonic::async_trait]
impl Prices for Service {
    async fn total(&self, request: Request<Order>) -> Result<Response<Total>, Status> {
        let Order { id, lines } = request.into_inner();
        let line = |of: bench_price::Line| price::Line { sku: of.sku, quantity: of.quantity };
        let order = price::Order { id, lines: lines.into_iter().map(line).collect() };
        Ok(Response::new(Total { cents: price::total(&order).cents }))
    }
}

/// Serves until the process is killed.
pub(crate) async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let server = Server::builder().tcp_nodelay(true).add_service(PricesServer::new(Service));
    Ok(server.serve(address).await?)
}
