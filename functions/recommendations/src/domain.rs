//! Counts, ranks, and products of the catalog.

mod companions;
mod event;
mod lists;
mod product;

pub use companions::{COMPANIONS_MAX, Companions};
pub use event::{CATALOG, Change, Confirmed, Malformed, ORDERS, SKUS_PAIRED_MAX, read};
pub(crate) use lists::ranked;
pub use lists::{NEWEST_MAX, Newest, POPULAR_MAX, PURCHASES_MAX, Popular, Purchases};
pub use product::Product;

#[cfg(test)]
mod tests;
