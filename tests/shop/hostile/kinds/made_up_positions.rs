//! Reads that wait for events of orders that do not exist.

use crate::hostile::{Seen, Visitor};
use futures::future::join_all;
use uuid::Uuid;

const COUNT: usize = 16;
/// Where reads may wait, and the field that names the event.
pub(crate) const PATH: &str = "/api/v1/order-history";
pub(crate) const FIELD: &str = "x-projection-position";

/// The first event of an order that could have been placed just now.
pub(crate) fn of_now() -> String {
    format!("ord_{}.1", Uuid::now_v7())
}

/// The first event of an order of long ago.
pub(crate) fn of_old() -> String {
    format!("ord_{}.1", Uuid::from_u128(7))
}

pub(super) async fn visit(visitor: &Visitor) -> Seen {
    let readers = (0..COUNT).map(async |_: usize| {
        let position = of_now();
        visitor.account.read(PATH, &[(FIELD, &position)]).await
    });
    join_all(readers).await.into_iter().collect()
}
