//! Counts, ranks and the local copy of the catalogue.

mod companions;
mod event;
mod popular;
mod product;
mod purchases;

pub use companions::{COMPANIONS_MAX, Companions};
pub use event::{CATALOG, Change, Confirmed, Malformed, ORDERS, SKUS_PAIRED_MAX, read};
pub use popular::{POPULAR_MAX, Popular};
pub use product::{NEWEST_MAX, Newest, Product};
pub use purchases::{PURCHASES_MAX, Purchases};

#[cfg(test)]
mod tests;
