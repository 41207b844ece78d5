//! Daily sales. They are computed from the orders and not counted by event, because events may be
//! delivered twice.

use std::collections::BTreeMap;

use chassis::clock::rfc3339;

/// Of one day and one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Orders placed that day, with any status.
    pub orders: u64,
    /// Of those, orders that are paid for.
    pub confirmed: u64,
    /// Of those, orders that were cancelled by the customer.
    pub cancelled: u64,
    /// Of those, orders that could not be fulfilled.
    pub rejected: u64,
    /// The price of the paid ones, in minor units.
    pub revenue: i64,
}

impl Figures {
    /// Adds an order.
    pub fn add(&mut self, status: &str, amount: i64) {
        self.orders += 1;
        match status {
            "confirmed" | "shipped" | "delivered" => {
                self.confirmed += 1;
                self.revenue = self.revenue.saturating_add(amount);
            }
            "cancelled" => self.cancelled += 1,
            "rejected" => self.rejected += 1,
            _ => {}
        }
    }

    /// The figures of some orders (status, currency, amount), by currency.
    pub fn by_currency<'a>(
        orders: impl IntoIterator<Item = (&'a str, &'a str, i64)>,
    ) -> BTreeMap<String, Figures> {
        let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
        for (status, currency, amount) in orders {
            figures.entry(currency.to_owned()).or_default().add(status, amount);
        }
        figures
    }
}

/// The day of an instant, in UTC, as `2026-01-31`.
pub fn day_of(ms: u64) -> String {
    let mut day = rfc3339(ms);
    day.truncate("2026-01-31".len());
    day
}
