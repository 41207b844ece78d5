//! Many guest carts: each of them is stored for days.

use crate::hostile::{Seen, Visitor};
use futures::{StreamExt, stream};
use http::Method;

/// More than an address may create in an hour.
const COUNT: usize = 150;
const AT_ONCE: usize = 8;

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let carts = stream::iter(0..COUNT)
        .map(|_| visitor.api.try_send(Method::POST, "/api/v1/carts", None, ""))
        .buffer_unordered(AT_ONCE);
    carts.collect::<Vec<_>>().await.into_iter().collect()
}
