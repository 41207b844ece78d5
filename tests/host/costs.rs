//! The costs of a request that can be counted: allocations of the host.
//!
//! The limits are a tenth above the counts when they were set. If one is exceeded, a request does
//! more than before, and the change should say why.

use crate::links::linked;
use crate::support::{Application, application};
use harness::Host;

/// The count was 115.
const REQUEST_MAX: u64 = 127;
/// With its HTTP request. The count was 153.
const LINKED_MAX: u64 = 168;

/// Requests before the count, for instances and tables.
const WARM_UP: u64 = 200;
const REQUESTS: u64 = 200;

async fn allocations(host: &Host) -> u64 {
    let report = host.admin().get("/fault-points").await.expect(200).json();
    report["allocations"].as_u64().expect("a count")
}

/// Allocations of the host for one request to this path, on average.
async fn per_request(host: &Host, path: &str) -> u64 {
    let client = host.client();
    for _ in 0..WARM_UP {
        client.get(path).await.expect(200);
    }
    let before = allocations(host).await;
    for _ in 0..REQUESTS {
        client.get(path).await.expect(200);
    }
    (allocations(host).await - before) / REQUESTS
}

#[tokio::test]
async fn the_allocations_of_a_request_are_limited() {
    let host = application(Application::GUEST).host().start().await;
    let allocations = per_request(&host, "/count").await;
    assert!((1..=REQUEST_MAX).contains(&allocations), "{allocations} allocations");
}

#[tokio::test]
async fn the_allocations_of_a_link_call_are_limited() {
    let host = linked("", "").host().start().await;
    let allocations = per_request(&host, "/count").await;
    assert!((1..=LINKED_MAX).contains(&allocations), "{allocations} allocations");
}
