//! Requests with long, unknown methods, for the API and for a page.

use crate::hostile::{Seen, Visitor};
use futures::future::join_all;
use harness::hostile::methods;
use harness::status_of;

const COUNT: usize = 32;
const PATHS: [&str; 2] = ["/api/v1/products", "/"];

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let requests = (0..COUNT).map(async |number: usize| {
        let path = PATHS[number % PATHS.len()];
        status_of(&methods::ask(&visitor.stranger, path, number).await.ok()?)
    });
    join_all(requests).await.into_iter().collect()
}
