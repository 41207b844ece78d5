//! Reads that wait for events of orders that do not exist.

use crate::hostile::{Seen, Visitor};
use futures::future::join_all;
use uuid::Uuid;

const COUNT: usize = 16;
/// Where reads may wait, and the field that names the event.
const PATH: &str = "/api/v1/order-history";
const FIELD: &str = "x-projection-position";

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let readers = (0..COUNT).map(async |_: usize| {
        // The first event of an order that could have been placed just now.
        let position = format!("ord_{}.1", Uuid::now_v7());
        visitor.account.read(PATH, &[(FIELD, &position)]).await
    });
    join_all(readers).await.into_iter().collect()
}
