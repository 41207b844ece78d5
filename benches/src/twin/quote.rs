//! Asks `price` what an order of two lines costs. `/fan-out` asks eight times at once.

use super::price::{self, Line, Order, Total};
use super::price_grpc::bench_price;
use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use futures::future::try_join_all;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tonic::transport::Endpoint;

/// Calls at once.
const FAN_OUT: usize = 8;

/// `price` is a function of this process.
pub(crate) fn in_process() -> Router {
    router(|| async { Ok(price::total(&order()).cents) })
}

/// `price` is another process that speaks JSON; connections are kept.
pub(crate) fn over_http(price: &Uri) -> Result<Router> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let url: Uri = format!("{}/total", price.to_string().trim_end_matches('/')).parse()?;
    Ok(router(move || {
        let (client, url) = (client.clone(), url.clone());
        async move { ask(&client, &url).await }
    }))
}

async fn ask(client: &Client<HttpConnector, Full<Bytes>>, url: &Uri) -> Result<u64> {
    let body = Full::new(Bytes::from(serde_json::to_vec(&order())?));
    let request = Request::post(url.clone()).header(header::CONTENT_TYPE, "application/json");
    let answer = client.request(request.body(body)?).await?;
    ensure!(answer.status() == StatusCode::OK, "price answers {}", answer.status());
    let answer = answer.into_body().collect().await?.to_bytes();
    Ok(serde_json::from_slice::<Total>(&answer)?.cents)
}

/// `price` is another process that speaks gRPC over one connection.
pub(crate) async fn over_grpc(price: Uri) -> Result<Router> {
    let channel = Endpoint::from(price).tcp_nodelay(true).connect().await.context("price")?;
    let client = bench_price::prices_client::PricesClient::new(channel);
    Ok(router(move || {
        // Another handle of the same connection.
        let mut client = client.clone();
        async move {
            let Order { id, lines } = order();
            let line = |of: Line| bench_price::Line { sku: of.sku, quantity: of.quantity };
            let order = bench_price::Order { id, lines: lines.into_iter().map(line).collect() };
            Ok(client.total(order).await?.into_inner().cents)
        }
    }))
}

fn order() -> Order {
    let line = |sku: &str, quantity| Line { sku: sku.to_owned(), quantity };
    let lines = vec![line("espresso-cup", 2), line("saucer", 4)];
    Order { id: "ord_019a9c4e".to_owned(), lines }
}

fn router<F, Fut>(ask: F) -> Router
where
    F: Fn() -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<u64>> + Send + 'static,
{
    let many = ask.clone();
    let one = move || async move { answer(ask().await) };
    let fan_out = move || async move {
        answer(try_join_all((0..FAN_OUT).map(|_| many())).await.map(|cents| cents.iter().sum()))
    };
    Router::new().route("/", get(one)).route("/fan-out", get(fan_out))
}

fn answer(cents: Result<u64>) -> (StatusCode, String) {
    match cents {
        Ok(cents) => (StatusCode::OK, cents.to_string()),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()),
    }
}
