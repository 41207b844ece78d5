use proptest::prelude::*;

use super::*;
use crate::testing::confirmed;

#[test]
fn equal_counts_are_ranked_by_sku() {
    let mut companions = Companions::default();
    companions.count(&confirmed(1, 1, &[]), ["B", "A"]);
    companions.count(&confirmed(2, 1, &[]), ["C"]);
    companions.count(&confirmed(3, 1, &[]), ["C"]);
    assert_eq!(companions.ranked(), [("C", 2), ("A", 1), ("B", 1)]);
    assert_eq!(companions.orders(), 3);
}

#[test]
fn a_new_companion_can_rise_in_a_full_list() {
    let mut companions = Companions::default();
    let known: Vec<String> = (0..COMPANIONS_MAX).map(|n| format!("OLD-{n:04}")).collect();
    for number in 0..3 {
        companions.count(&confirmed(number, 1, &[]), known.iter().map(String::as_str));
    }
    for number in 3..10 {
        companions.count(&confirmed(number, 1, &[]), ["NEW-1"]);
    }
    let ranked = companions.ranked();
    assert_eq!(ranked.len(), COMPANIONS_MAX);
    assert_eq!(ranked[0], ("NEW-1", 7), "the taken over count is not part of the rank");
}

#[test]
fn lists_are_bounded() {
    let (mut popular, mut newest, mut purchases) =
        (Popular::default(), Newest::default(), Purchases::default());
    for number in 0..1_000_u64 {
        let sku = format!("SKU-{number:04}");
        popular.note(&sku, number);
        newest.note(&sku, number);
        purchases.add(&sku, number);
    }
    assert_eq!(popular.ranked().len(), POPULAR_MAX);
    assert_eq!(popular.ranked()[0], ("SKU-0999", 999));
    let newest: Vec<_> = newest.skus().collect();
    assert_eq!((newest.len(), newest[0]), (NEWEST_MAX, "SKU-0999"));
    let purchases: Vec<_> = purchases.skus().collect();
    assert_eq!((purchases.len(), purchases[0]), (PURCHASES_MAX, "SKU-0999"));
}

#[test]
fn a_lower_number_of_orders_is_ignored() {
    let mut popular = Popular::default();
    popular.note("A", 5);
    popular.note("A", 4);
    assert_eq!(popular.ranked(), [("A", 5)]);
}

proptest! {
    /// No count is too high, however many companions there are.
    #[test]
    fn counts_are_never_too_high(
        orders in prop::collection::vec(prop::collection::btree_set(0..400_u32, 1..60), 1..40),
    ) {
        let mut companions = Companions::default();
        let mut truth = std::collections::BTreeMap::<String, u64>::new();
        for (number, order) in orders.iter().enumerate() {
            let skus: Vec<String> = order.iter().map(|n| format!("SKU-{n}")).collect();
            for sku in &skus {
                *truth.entry(sku.clone()).or_default() += 1;
            }
            let event = confirmed(number as u64, 1, &[]);
            companions.count(&event, skus.iter().map(String::as_str));
        }
        for (sku, orders) in companions.ranked() {
            prop_assert!(orders <= truth[sku], "{sku}: {orders}");
        }
        prop_assert!(companions.ranked().len() <= COMPANIONS_MAX);
        if truth.len() <= COMPANIONS_MAX {
            for (sku, orders) in companions.ranked() {
                prop_assert_eq!(orders, truth[sku]);
            }
        }
    }
}
