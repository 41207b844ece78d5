//! What a request costs, in things that can be counted: how often the host asks for memory.
//!
//! The limits are a tenth above what was counted when they were set. One that is passed is no
//! failure by itself: it says that a request does more than it did, and wants to know why.

use crate::links::linked;
use crate::support::application;
use harness::Host;

/// Counted: 115.
const REQUEST_MAX: u64 = 127;
/// With its request. Counted: 153.
const LINKED_MAX: u64 = 168;

/// Requests before the count: instances are made, tables have their size.
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
async fn a_request_to_a_warm_instance_allocates_little() {
    let guest = r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
"#;
    let host = application(guest).host().start().await;
    let allocations = per_request(&host, "/count").await;
    assert!((1..=REQUEST_MAX).contains(&allocations), "{allocations} allocations");
}

#[tokio::test]
async fn a_call_over_a_link_allocates_little_more() {
    let host = linked("", "").host().start().await;
    let allocations = per_request(&host, "/count").await;
    assert!((1..=LINKED_MAX).contains(&allocations), "{allocations} allocations");
}
