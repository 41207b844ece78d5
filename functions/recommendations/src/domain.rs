//! Counts, ranks, and products of the catalog.

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

/// Highest number first, then by SKU.
pub(crate) fn ranked<'a>(numbers: impl Iterator<Item = (&'a str, u64)>) -> Vec<(&'a str, u64)> {
    let mut ranked: Vec<_> = numbers.collect();
    ranked.sort_by_key(|(sku, number)| (std::cmp::Reverse(*number), *sku));
    ranked
}

/// Sorts times and SKUs, newest first, then by SKU. Drops those after the first `max`.
fn keep_newest(products: &mut Vec<(u64, String)>, max: usize) {
    products.sort_by(|(at, sku), (other_at, other)| (other_at, sku).cmp(&(at, other)));
    products.truncate(max);
}

#[cfg(test)]
mod tests;
