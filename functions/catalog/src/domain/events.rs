//! The events about the products of a shard.

use chassis::outbox::{Draft, HasOutbox, Outbox};
use serde_json::json;

use super::{Product, Refused, Shard};

/// The source of the events.
const SOURCE: &str = "/shop/catalog";
pub(super) const CHANGED: &str = "com.shop.catalog.product.changed.v1";
pub(super) const REMOVED: &str = "com.shop.catalog.product.removed.v1";

/// Changes of one shard that follow each other faster than this are treated as an import: their
/// events are published in batches. Milliseconds.
pub const BURST_MS: u64 = 1_000;
/// The number of events in one batch of an import.
pub const BATCH_LENGTH: usize = 16;
/// The maximum number of products that a sweep announces in one shard.
const ANNOUNCED_MAX: usize = 100;

impl HasOutbox for Shard {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl Shard {
    /// The time of the last change, in milliseconds since the epoch.
    pub fn changed_at(&self) -> u64 {
        self.changed_at
    }

    /// Whether events should be published after this change. They are published at once, unless the
    /// previous change (at `before`) was a moment ago: publishing writes the whole shard, which an
    /// import must not do for each product. A sweep publishes the last events of an import.
    pub fn is_publication_due(&self, before: u64) -> bool {
        let alone = self.changed_at.saturating_sub(before) >= BURST_MS;
        !self.outbox.is_empty() && (alone || self.outbox.len() >= BATCH_LENGTH)
    }

    /// Whether there are products without any event: they were stored by a version without events.
    pub fn has_unannounced(&self) -> bool {
        self.unannounced().next().is_some()
    }

    /// Adds events for some of them.
    pub fn announce_missing(&mut self) {
        let unannounced: Vec<Product> = self.unannounced().take(ANNOUNCED_MAX).cloned().collect();
        for product in unannounced {
            if self.push(CHANGED, &product).is_err() {
                return;
            }
        }
    }

    fn unannounced(&self) -> impl Iterator<Item = &Product> {
        self.products().filter(|product| self.outbox.sequence_of(&product.sku) == 0)
    }

    /// Adds an event about a product to the outbox.
    pub(super) fn push(&mut self, kind: &str, product: &Product) -> Result<(), Refused> {
        let details = &product.details;
        let data = json!({
            "sku": product.sku,
            "name": details.name,
            "category": details.category,
            "price": details.price,
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
    use super::*;
    use crate::domain::Added;
    use crate::domain::tests::details;
    use chassis::outbox::PENDING_MAX;

    fn pending(shard: &Shard) -> Vec<(&str, u64)> {
        let kind = |kind: &'static str| kind.rsplit('.').nth(1).unwrap();
        let kinds = [kind(CHANGED), kind(REMOVED)];
        let of = |event: &chassis::events::Event| kinds[usize::from(event.kind == REMOVED)];
        shard.outbox.pending().iter().map(|it| (of(it), it.sequence().unwrap())).collect()
    }

    #[test]
    fn each_change_adds_an_event_with_the_whole_product() {
        let mut shard = Shard::default();
        shard.add("KIT-1", details("Pan", "Kitchen"), 1).unwrap();
        shard.add("KIT-1", details("Pan", "Kitchen"), 2).unwrap();
        shard.change("KIT-1", details("Pot", "Kitchen"), 3).unwrap();
        shard.change("KIT-1", details("Pot", "Kitchen"), 4).unwrap();
        shard.remove("KIT-1", 5).unwrap();
        assert_eq!(
            shard.add("KIT-1", details("Lid", "Kitchen"), 6),
            Ok(Added::New),
            "it comes back"
        );
        let expected = [("changed", 1), ("changed", 2), ("removed", 3), ("changed", 4)];
        assert_eq!(pending(&shard), expected);
        let data: serde_json::Value =
            serde_json::from_str(&shard.outbox.pending()[1].data).unwrap();
        let expected = json!({
            "sku": "KIT-1", "name": "Pot", "category": "Kitchen",
            "price": {"amount": 1250, "currency": "EUR"},
            "image": "/images/KIT-1.svg", "updated_at": 3,
        });
        assert_eq!(data, expected);
    }

    #[test]
    fn a_full_outbox_refuses_changes() {
        let mut shard = Shard::default();
        for number in 0..PENDING_MAX {
            shard.add(&format!("KIT-{number}"), details("Pan", "Kitchen"), 1).unwrap();
        }
        let before = shard.clone();
        assert_eq!(shard.add("NEW-1", details("Pan", "Kitchen"), 2), Err(Refused::Busy));
        assert_eq!(shard.change("KIT-1", details("Pot", "Kitchen"), 2), Err(Refused::Busy));
        assert_eq!(shard.remove("KIT-1", 2), Err(Refused::Busy));
        assert_eq!(shard, before);
    }

    #[test]
    fn events_of_consecutive_changes_are_published_in_batches() {
        let mut shard = Shard::default();
        let mut due = Vec::new();
        for number in 0..40 {
            let before = shard.changed_at();
            shard.add(&format!("KIT-{number}"), details("Pan", "Kitchen"), 5_000 + number).unwrap();
            if shard.is_publication_due(before) {
                due.push(number);
                shard.outbox.settle(u64::MAX);
            }
        }
        assert_eq!(due, [0, 16, 32]);
        let before = shard.changed_at();
        shard.remove("KIT-1", before + BURST_MS).unwrap();
        assert!(shard.is_publication_due(before));
    }

    #[test]
    fn products_without_events_are_announced_once() {
        let mut shard = Shard::default();
        shard.add("KIT-1", details("Pan", "Kitchen"), 1).unwrap();
        shard.outbox = Outbox::default();
        assert!(shard.has_unannounced());
        shard.announce_missing();
        shard.announce_missing();
        assert_eq!(pending(&shard), [("changed", 1)]);
        assert!(!shard.has_unannounced());
    }
}
