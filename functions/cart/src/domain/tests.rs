use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

pub(super) fn cart(lines: &[(&str, u32)]) -> Cart {
    let mut cart = Cart::default();
    for (sku, quantity) in lines {
        cart.put(sku, *quantity).unwrap();
    }
    cart
}

#[test]
fn products_that_do_not_fit_are_left_out_and_reported_again() {
    let mut own = Cart::default();
    (0..LINES_MAX - 1).for_each(|number| own.put(&format!("A-{number}"), 1).unwrap());
    let guest = cart(&[("B-1", 1), ("B-2", 1), ("A-0", 1)]);
    let left_out = Ok(vec!["B-2".to_owned()]);
    assert_eq!(own.merge("crt_1", &guest.lines, 1_000, &[]), left_out);
    assert_eq!(own.merge("crt_1", &guest.lines, 1_000, &[]), left_out);
    assert_eq!((own.lines.len(), own.lines[0].quantity), (LINES_MAX, 2));
}

#[test]
fn merged_carts_are_forgotten_after_a_day() {
    let mut own = Cart::default();
    for number in 0..MERGED_MAX {
        own.merge(&format!("crt_{number}"), &[], 1_000, &[]).unwrap();
    }
    let early = own.merge("crt_x", &[], MERGED_KEPT_MS + 999, &[]);
    assert_eq!(early, Err(Refused::MergedTooOften));
    assert_eq!(own.outdated(MERGED_KEPT_MS + 999), Vec::<String>::new());
    let outdated = own.outdated(MERGED_KEPT_MS + 1_000);
    let unsettled = own.merge("crt_x", &[], MERGED_KEPT_MS + 1_000, &[]);
    assert_eq!(unsettled, Err(Refused::MergedTooOften));
    assert_eq!(own.merge("crt_x", &[], MERGED_KEPT_MS + 1_000, &outdated), Ok(vec![]));
    assert_eq!((own.merged.len(), own.version), (1, 0));
}

#[test]
fn carts_without_merged_carts_can_be_read() {
    let old = r#"{"version":3,"lines":[{"sku":"A","quantity":2}]}"#;
    let cart: Cart = serde_json::from_str(old).unwrap();
    assert_eq!((cart.version, cart.lines.len(), cart.merged.len()), (3, 1, 0));
    assert_eq!(serde_json::to_string(&cart).unwrap(), old);
}

/// Changes of a cart: each sets a quantity, or removes the product if it is 0.
fn changes() -> impl Strategy<Value = Vec<(u8, u32)>> {
    proptest::collection::vec((any::<u8>(), 0..4_u32), 0..300)
}

proptest! {
    #[test]
    fn quantities_lines_and_version_are_consistent_after_any_changes(changes in changes()) {
        let mut cart = Cart::default();
        for (product, quantity) in changes {
            let (sku, before) = (format!("A-{product}"), cart.clone());
            let outcome = match quantity {
                0 => { cart.remove(&sku); Ok(()) }
                _ => cart.put(&sku, quantity),
            };
            let now = cart.lines.iter().find(|line| line.sku == sku).map(|line| line.quantity);
            match outcome {
                Ok(()) => prop_assert_eq!(now.unwrap_or(0), quantity),
                Err(_) => prop_assert!(before.lines.len() == LINES_MAX && cart == before),
            }
            let distinct: BTreeSet<_> = cart.lines.iter().map(|line| &line.sku).collect();
            prop_assert_eq!(distinct.len(), cart.lines.len());
            prop_assert!(cart.lines.len() <= LINES_MAX);
            let changed = u64::from(cart.lines != before.lines);
            prop_assert_eq!(cart.version, before.version + changed);
        }
    }
}
