//! What was bought together with one product.

use std::collections::BTreeMap;

use chassis::events::Event;
use chassis::inbox::{Admission, Inbox};
use serde::{Deserialize, Serialize};

/// Companions that are counted for one product.
pub const COMPANIONS_MAX: usize = 200;

/// The counts of one product, and the events that are in them.
///
/// There may be more companions than places. Then a newcomer takes the place of the one with
/// the lowest count and goes on from there (the Space-Saving algorithm of Metwally, Agrawal and
/// El Abbadi): dropping newcomers would keep out what has only now become popular. How much
/// of a count was taken over is kept and not believed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companions {
    /// Orders that had the product.
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
    /// Orders that certainly had both.
    fn certain(self) -> u64 {
        self.counted - self.taken_over
    }
}

impl Companions {
    /// Counts an order that had the product and these others, unless it is counted already.
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

    /// Makes room; the count of the one that left.
    fn drop_lowest(&mut self) -> u64 {
        let lowest = self.counts.iter().min_by_key(|(_, count)| count.counted);
        let Some((sku, counted)) = lowest.map(|(sku, count)| (sku.clone(), count.counted)) else {
            return 0;
        };
        self.counts.remove(&sku);
        counted
    }

    /// Orders that had the product.
    pub fn orders(&self) -> u64 {
        self.orders
    }

    /// The companions and how many orders had both, most first, by SKU among equals.
    pub fn ranked(&self) -> Vec<(&str, u64)> {
        let counts = self.counts.iter().map(|(sku, count)| (sku.as_str(), count.certain()));
        let mut ranked: Vec<_> = counts.collect();
        ranked.sort_by_key(|(sku, certain)| (std::cmp::Reverse(*certain), *sku));
        ranked
    }
}
