//! The manifest follows the rules of stock Spin, as that of the shop does.

use crate::manifest::strangler;
use crate::stock_spin::{composition, inheritance, reach};

#[test]
fn stock_spin_accepts_the_manifest() {
    let manifest = strangler();
    let nothing = Vec::<String>::new();
    assert_eq!(manifest.faults(), nothing);
    assert_eq!(composition(&manifest), nothing);
    assert_eq!(inheritance(&manifest), nothing);
    assert_eq!(reach(&manifest), nothing);
}

#[test]
fn the_broker_function_has_the_same_subscriptions() {
    let [configured, declared] = strangler().subscriptions();
    assert_eq!(configured, declared);
}

#[test]
fn only_the_facade_is_public() {
    let routes = strangler().public_routes();
    let routes: Vec<_> = routes.iter().map(|(route, id)| (route.as_str(), id.as_str())).collect();
    assert_eq!(routes, [("/legacy/...", "facade"), ("/facade/...", "facade")]);
}
