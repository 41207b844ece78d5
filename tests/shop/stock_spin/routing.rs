//! The component that Spin calls for a path, according to the crate that its router is based on,
//! with the routes in the order of the manifest.

use crate::manifest::{Manifest, manifest};
use std::collections::BTreeSet;

/// Paths of the storefront, which are not in the description.
const PAGES: [&str; 14] = [
    "/",
    "/products/KIT-0001",
    "/cart",
    "/checkout",
    "/orders",
    "/orders/ord_1",
    "/notifications",
    "/sign-in",
    "/register",
    "/assets/0123456789abcdef/js/app.js",
    "/images/KIT-0001.svg",
    "/favicon.svg",
    "/robots.txt",
    "/mailbox/messages/1",
];

/// Every documented path with its parameters filled in, once with a plain value and once with
/// one that has a dot.
fn documented() -> BTreeSet<String> {
    let document = gateway::openapi::document().unwrap();
    let paths = document["paths"].as_object().unwrap().keys();
    let filled = paths.flat_map(|path| {
        ["KIT-0001", "a.b.c"].map(|value| {
            let part = |part: &str| if part.starts_with('{') { value } else { part }.to_owned();
            path.split('/').map(part).collect::<Vec<_>>().join("/")
        })
    });
    filled.chain(PAGES.map(str::to_owned)).collect()
}

/// The component that Spin would call for each path.
fn answering(manifest: &Manifest, paths: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    let mut router = routefinder::Router::new();
    for (route, component) in manifest.public_routes() {
        let route = route.strip_suffix("/...").map_or(route.clone(), |stem| format!("{stem}/*"));
        router.add(route.as_str(), component).unwrap();
    }
    let asked = |path: &String| {
        let found = router.best_match(path);
        let component = found.map_or("none".to_owned(), |found| found.handler().clone());
        (component, path.clone())
    };
    paths.iter().map(asked).collect()
}

#[test]
fn every_documented_path_reaches_the_gateway() {
    let paths = documented();
    assert!(paths.len() > 60, "{} paths", paths.len());
    for (component, path) in answering(&manifest(), &paths) {
        assert_eq!(component, "gateway", "{path}");
    }
}

/// A route with a dot among several routes: the reason why there is only one.
#[test]
fn wrongly_sorted_routes_are_detected() {
    let routes = [
        ("/api/...", "gateway"),
        ("/oauth2/...", "gateway"),
        ("/.well-known/...", "gateway"),
        ("/webhooks/...", "gateway"),
        ("/mailbox/...", "gateway"),
        ("/livez", "gateway"),
        ("/readyz", "gateway"),
        ("/...", "storefront"),
    ];
    let manifest = manifest().changed(|table| {
        let triggers = table["trigger"]["http"].as_array_mut().unwrap();
        triggers.retain(|trigger| !trigger["route"].is_str());
        for (route, component) in routes {
            let trigger = toml::Table::from_iter([
                ("route".to_owned(), route.into()),
                ("component".to_owned(), component.into()),
            ]);
            triggers.push(trigger.into());
        }
    });
    let answering = answering(&manifest, &documented());
    let lost = answering.iter().filter(|(component, path)| {
        component == "storefront" && (path.starts_with("/api/") || path.starts_with("/oauth2/"))
    });
    assert!(lost.count() > 0, "{answering:?}");
}
