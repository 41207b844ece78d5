//! Filters of lists.

use super::Entry;

/// The statuses that lists can be filtered by.
pub const STATUSES: [&str; 7] =
    ["pending", "confirmed", "rejected", "cancelled", "shipped", "delivered", "returned"];

/// The maximum length of a search text, in characters.
pub const QUERY_CHARS_MAX: usize = 100;

/// Conditions on orders. All of them must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of [`STATUSES`].
    pub status: Option<String>,
    /// A part of the name or the SKU of a product in the order, ignoring case.
    pub query: Option<String>,
    /// Placed at or after this instant, in milliseconds since the epoch.
    pub from_ms: Option<u64>,
    /// Placed before this instant, in milliseconds since the epoch.
    pub to_ms: Option<u64>,
}

impl Filter {
    /// Whether the order matches.
    pub fn accepts(&self, entry: &Entry) -> bool {
        let status = self.status.as_ref().is_none_or(|status| *status == entry.order.status);
        status && self.spans(entry.created_at_ms) && self.finds(entry)
    }

    /// Whether orders of this time may match.
    pub fn spans(&self, created_at_ms: u64) -> bool {
        self.from_ms.is_none_or(|from| created_at_ms >= from)
            && self.to_ms.is_none_or(|to| created_at_ms < to)
    }

    fn finds(&self, entry: &Entry) -> bool {
        let Some(query) = &self.query else { return true };
        let query = query.to_lowercase();
        let contains = |text: &str| text.to_lowercase().contains(&query);
        entry.order.items.iter().any(|item| contains(&item.name) || contains(&item.sku))
    }

    /// A name for the filtered list, so that cursors of other lists are refused.
    pub fn name(&self) -> String {
        format!("{:?}", (&self.status, &self.query, self.from_ms, self.to_ms))
    }
}
