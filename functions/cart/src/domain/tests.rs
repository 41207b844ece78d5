#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn cart(lines: &[(&str, u32)]) -> Cart {
    let mut cart = Cart::default();
    for (sku, quantity) in lines {
        cart.put(sku, *quantity).unwrap();
    }
    cart
}

#[test]
fn putting_replaces_the_quantity_and_keeps_the_order() {
    let mut cart = cart(&[("A", 1), ("B", 2)]);
    cart.put("A", 7).unwrap();
    let lines: Vec<_> = cart.lines.iter().map(|l| (l.sku.as_str(), l.quantity)).collect();
    assert_eq!(lines, [("A", 7), ("B", 2)]);
    assert_eq!(cart.version, 3);
}

#[test]
fn a_repeated_change_is_not_another_version() {
    let mut cart = cart(&[("A", 1)]);
    let version = cart.version;
    cart.put("A", 1).unwrap();
    cart.remove("B");
    assert_eq!(cart.version, version);
}

#[test]
fn the_hundred_and_first_product_is_refused_and_the_others_still_change() {
    let mut cart = Cart::default();
    for number in 0..LINES_MAX {
        cart.put(&format!("A-{number}"), 1).unwrap();
    }
    let before = cart.clone();
    assert_eq!(cart.put("B", 1), Err(Refused::Full));
    assert_eq!(cart, before);
    assert_eq!(cart.put("A-1", 5), Ok(()));
}

#[test]
fn emptying_moves_the_version_on() {
    let mut cart = cart(&[("A", 1)]);
    cart.clear();
    assert_eq!((cart.version, cart.lines.len()), (2, 0));
    cart.clear();
    assert_eq!(cart.version, 2);
}

#[test]
fn an_ordered_basket_is_emptied_once_and_only_at_its_version() {
    let mut cart = cart(&[("A", 1)]);
    assert_eq!(cart.clear_at(0), Err(Refused::Changed { version: 1 }));
    assert_eq!(cart.clear_at(1), Ok(()));
    assert_eq!(cart.clear_at(1), Ok(()), "the answer of the first was lost");
    cart.put("B", 1).unwrap();
    assert_eq!(
        cart.clear_at(1),
        Err(Refused::Changed { version: 3 }),
        "a new basket is not the ordered one"
    );
    assert_eq!(cart.lines.len(), 1);
}

#[test]
fn a_version_is_compared_only_when_given() {
    let cart = cart(&[("A", 1)]);
    assert_eq!(cart.at(None), Ok(()));
    assert_eq!(cart.at(Some(&[7, 1])), Ok(()));
    assert_eq!(cart.at(Some(&[2])), Err(Refused::Changed { version: 1 }));
    assert_eq!(cart.at(Some(&[])), Err(Refused::Changed { version: 1 }));
}

#[test]
fn a_guests_basket_is_added_once() {
    let guest = cart(&[("A", 2), ("C", 999)]);
    let mut own = cart(&[("A", 1), ("C", 5)]);
    assert_eq!(own.merge("crt_1", &guest.lines, 1_000, &[]), Ok(vec![]));
    let once = own.clone();
    assert_eq!(own.merge("crt_1", &guest.lines, 2_000, &[]), Ok(vec![]));
    assert_eq!(own, once);
    let lines: Vec<_> = own.lines.iter().map(|l| (l.sku.as_str(), l.quantity)).collect();
    assert_eq!(lines, [("A", 3), ("C", QUANTITY_MAX)]);
    assert_eq!(own.merge("crt_2", &cart(&[("A", 1)]).lines, 2_000, &[]), Ok(vec![]));
    assert_eq!(own.lines[0].quantity, 4);
}

#[test]
fn what_has_no_place_is_left_out_and_named_again() {
    let mut own = Cart::default();
    (0..LINES_MAX - 1).for_each(|number| own.put(&format!("A-{number}"), 1).unwrap());
    let guest = cart(&[("B-1", 1), ("B-2", 1), ("A-0", 1)]);
    let left_out = Ok(vec!["B-2".to_owned()]);
    assert_eq!(own.merge("crt_1", &guest.lines, 1_000, &[]), left_out);
    assert_eq!(own.merge("crt_1", &guest.lines, 1_000, &[]), left_out);
    assert_eq!((own.lines.len(), own.lines[0].quantity), (LINES_MAX, 2));
}

#[test]
fn the_inbox_forgets_after_a_day_and_not_before() {
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
fn a_closed_cart_is_empty_and_refuses_items() {
    let mut own = cart(&[("A", 1)]);
    own.merge("crt_1", &cart(&[("B", 1)]).lines, 1_000, &[]).unwrap();
    own.close();
    assert_eq!((own.version, own.lines.len(), own.merged.len()), (3, 0, 0));
    assert_eq!(own.put("A", 1), Err(Refused::Closed));
    assert_eq!(own.merge("crt_1", &[], 1_000, &[]), Err(Refused::Closed));
    assert_eq!(own.clear_at(2), Ok(()));
    let closed = own.clone();
    own.close();
    assert_eq!(own, closed);
    let read: Cart = serde_json::from_str(&serde_json::to_string(&own).unwrap()).unwrap();
    assert_eq!(read, closed);
}

#[test]
fn baskets_of_before_there_were_guests_can_be_read() {
    let old = r#"{"version":3,"lines":[{"sku":"A","quantity":2}]}"#;
    let cart: Cart = serde_json::from_str(old).unwrap();
    assert_eq!((cart.version, cart.lines.len(), cart.merged.len()), (3, 1, 0));
    assert_eq!(serde_json::to_string(&cart).unwrap(), old);
}

/// One change of a basket: a put of so many pieces, or with 0 a removal.
fn changes() -> impl Strategy<Value = Vec<(u8, u32)>> {
    proptest::collection::vec((any::<u8>(), 0..4_u32), 0..300)
}

proptest! {
    #[test]
    fn any_changes_keep_a_basket_sound(changes in changes()) {
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
