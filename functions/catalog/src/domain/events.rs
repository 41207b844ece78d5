//! What others are told of the products on a shelf.

use chassis::outbox::{Draft, HasOutbox, Outbox};
use serde_json::json;

use super::{Product, Refused, Shelf};

/// Who publishes.
const SOURCE: &str = "/shop/catalog";
const CHANGED: &str = "com.shop.catalog.product.changed.v1";
const REMOVED: &str = "com.shop.catalog.product.removed.v1";

/// Changes of one shelf that follow each other faster than this are an import: they are
/// published together. Milliseconds.
pub const BURST_MS: u64 = 1_000;
/// So many events of an import are published together.
pub const BATCH_LENGTH: usize = 16;
/// Products at once that a sweep tells of.
const UNTOLD_MAX: usize = 100;

impl HasOutbox for Shelf {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl Shelf {
    /// When anything was last changed, in milliseconds since the epoch.
    pub fn changed_at(&self) -> u64 {
        self.changed_at
    }

    /// Whether the events should be published now, after a change: at once, unless the change
    /// before it (at `before`) was a moment ago. Publishing costs a write of the whole shelf;
    /// in an import that would be one more for each product. The last of an import are left
    /// to the next sweep.
    pub fn is_publication_due(&self, before: u64) -> bool {
        let alone = self.changed_at.saturating_sub(before) >= BURST_MS;
        !self.outbox.is_empty() && (alone || self.outbox.len() >= BATCH_LENGTH)
    }

    /// Whether there are products that nobody was ever told of: they were stored by a program
    /// that had no events.
    pub fn has_untold(&self) -> bool {
        self.untold().next().is_some()
    }

    /// Tell of some of them.
    pub fn tell_untold(&mut self) {
        let untold: Vec<Product> = self.untold().take(UNTOLD_MAX).cloned().collect();
        for product in untold {
            if self.tell(CHANGED, &product).is_err() {
                return;
            }
        }
    }

    pub(super) fn tell_changed(&mut self, product: &Product) -> Result<(), Refused> {
        self.tell(CHANGED, product)
    }

    pub(super) fn tell_removed(&mut self, product: &Product) -> Result<(), Refused> {
        self.tell(REMOVED, product)
    }

    fn untold(&self) -> impl Iterator<Item = &Product> {
        self.products().filter(|product| self.outbox.sequence_of(&product.sku) == 0)
    }

    fn tell(&mut self, kind: &str, product: &Product) -> Result<(), Refused> {
        let details = &product.details;
        let data = json!({
            "sku": product.sku,
            "name": details.name,
            "category": details.category,
            "price": {"amount": details.price.amount, "currency": details.price.currency},
            "image": product.image(),
            "updated_at": product.updated_at,
        });
        let draft = Draft {
            source: SOURCE.to_owned(),
            kind: kind.to_owned(),
            subject: product.sku.clone(),
            at_ms: product.updated_at,
            data,
        };
        self.outbox.push(draft).map_err(|full| {
            eprintln!("{}: {full}", product.sku);
            Refused::Busy
        })?;
        self.changed_at = self.changed_at.max(product.updated_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::{Added, Details};
    use chassis::money::Money;
    use chassis::outbox::PENDING_MAX;

    fn details(amount: i64) -> Details {
        let (name, category) = ("Pan".to_owned(), "Kitchen".to_owned());
        let price = Money::new(amount, "EUR");
        Details { name, description: "Flat.".to_owned(), category, price }
    }

    fn told(shelf: &Shelf) -> Vec<(&str, u64)> {
        let kind = |kind: &'static str| kind.rsplit('.').nth(1).unwrap();
        let kinds = [kind(CHANGED), kind(REMOVED)];
        let of = |event: &chassis::events::Event| kinds[usize::from(event.kind == REMOVED)];
        shelf.outbox.pending().iter().map(|it| (of(it), it.sequence().unwrap())).collect()
    }

    #[test]
    fn each_real_change_is_told_with_the_whole_product() {
        let mut shelf = Shelf::default();
        shelf.add("KIT-1", details(100), 1).unwrap();
        shelf.add("KIT-1", details(100), 2).unwrap();
        shelf.change("KIT-1", details(200), 3).unwrap();
        shelf.change("KIT-1", details(200), 4).unwrap();
        shelf.remove("KIT-1", 5).unwrap();
        assert_eq!(shelf.add("KIT-1", details(300), 6), Ok(Added::New), "it comes back");
        let expected = [("changed", 1), ("changed", 2), ("removed", 3), ("changed", 4)];
        assert_eq!(told(&shelf), expected);
        let data: serde_json::Value =
            serde_json::from_str(&shelf.outbox.pending()[1].data).unwrap();
        let expected = json!({
            "sku": "KIT-1", "name": "Pan", "category": "Kitchen",
            "price": {"amount": 200, "currency": "EUR"},
            "image": "/images/KIT-1.svg", "updated_at": 3,
        });
        assert_eq!(data, expected);
    }

    #[test]
    fn what_can_not_be_told_is_not_changed() {
        let mut shelf = Shelf::default();
        for number in 0..PENDING_MAX {
            shelf.add(&format!("KIT-{number}"), details(100), 1).unwrap();
        }
        let before = shelf.clone();
        assert_eq!(shelf.add("NEW-1", details(100), 2), Err(Refused::Busy));
        assert_eq!(shelf.change("KIT-1", details(200), 2), Err(Refused::Busy));
        assert_eq!(shelf.remove("KIT-1", 2), Err(Refused::Busy));
        assert_eq!(shelf, before);
    }

    #[test]
    fn changes_in_a_row_are_published_together() {
        let mut shelf = Shelf::default();
        let mut due = Vec::new();
        for number in 0..40 {
            let before = shelf.changed_at();
            shelf.add(&format!("KIT-{number}"), details(100), 5_000 + number).unwrap();
            if shelf.is_publication_due(before) {
                due.push(number);
                shelf.outbox.settle(u64::MAX);
            }
        }
        assert_eq!(due, [0, 16, 32]);
        let before = shelf.changed_at();
        shelf.remove("KIT-1", before + BURST_MS).unwrap();
        assert!(shelf.is_publication_due(before));
    }

    #[test]
    fn products_of_before_events_are_told_once() {
        let mut shelf = Shelf::default();
        shelf.add("KIT-1", details(100), 1).unwrap();
        shelf.outbox = Outbox::default();
        assert!(shelf.has_untold());
        shelf.tell_untold();
        shelf.tell_untold();
        assert_eq!(told(&shelf), [("changed", 1)]);
        assert!(!shelf.has_untold());
    }
}
