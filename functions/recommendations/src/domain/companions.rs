//! The products that were bought together with one product.

use std::collections::BTreeMap;

use chassis::events::Event;
use chassis::inbox::{Admission, Inbox};
use serde::{Deserialize, Serialize};

use super::ranked;

/// The maximum number of counted companions of one product.
pub const COMPANIONS_MAX: usize = 200;

/// The counts of one product, and the last events that are counted in them.
///
/// If there are too many companions, a new one replaces the one with the lowest count and continues
/// from that count (the Space-Saving algorithm of Metwally, Agrawal and El Abbadi): otherwise
/// products that became popular later would never be counted. The taken over part of a count is
/// stored, and is not part of the rank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companions {
    /// The number of orders with the product.
    orders: u64,
    counts: BTreeMap<String, Count>,
    inbox: Inbox,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Count {
    counted: u64,
    taken_over: u64,
}

impl Count {
    /// The number of orders that certainly had both.
    fn certain(self) -> u64 {
        self.counted - self.taken_over
    }
}

impl Companions {
    /// Counts an order with the product and these others, once.
    pub fn count<'a>(&mut self, event: &Event, others: impl IntoIterator<Item = &'a str>) {
        if self.inbox.admit(event) != Admission::Fresh {
            return;
        }
        self.orders += 1;
        for sku in others {
            self.raise(sku);
        }
    }

    fn raise(&mut self, sku: &str) {
        if let Some(count) = self.counts.get_mut(sku) {
            count.counted += 1;
            return;
        }
        let taken_over = if self.counts.len() < COMPANIONS_MAX { 0 } else { self.drop_lowest() };
        let count = Count { counted: taken_over + 1, taken_over };
        self.counts.insert(sku.to_owned(), count);
    }

    /// Removes the companion with the lowest count, and returns the count.
    fn drop_lowest(&mut self) -> u64 {
        let lowest = self.counts.iter().min_by_key(|(_, count)| count.counted);
        let Some((sku, counted)) = lowest.map(|(sku, count)| (sku.clone(), count.counted)) else {
            return 0;
        };
        self.counts.remove(&sku);
        counted
    }

    /// The number of orders with the product.
    pub fn orders(&self) -> u64 {
        self.orders
    }

    /// The companions and the numbers of orders with both, highest first, then by SKU.
    pub fn ranked(&self) -> Vec<(&str, u64)> {
        ranked(self.counts.iter().map(|(sku, count)| (sku.as_str(), count.certain())))
    }
}
