//! Request bodies that arrive byte by byte, at routes without a sign-in. A call must not wait for
//! them while it holds a permit.

use crate::hostile::{Seen, Visitor};
use futures::future::join_all;
use harness::hostile::bodies;
use harness::status_of;

const COUNT: usize = 16;
const PATHS: [&str; 2] = ["/api/v1/sessions", "/webhooks/psp"];
/// Short enough for these routes, and too long to end in time.
const LENGTH: &str = "content-length: 60000";

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let bodies = (0..COUNT).map(async |number: usize| {
        let path = PATHS[number % PATHS.len()];
        let mut stream = bodies::begin(&visitor.stranger, path, LENGTH).await.ok()?;
        status_of(&bodies::drip(&mut stream, b"x").await)
    });
    join_all(bodies).await.into_iter().collect()
}
