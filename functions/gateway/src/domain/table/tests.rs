//! The table as a whole.

use super::*;
use std::collections::BTreeSet;

#[test]
fn each_route_exists_once() {
    let mut seen = BTreeSet::new();
    for route in routes() {
        assert!(seen.insert((route.method.as_str(), route.path)), "{}", route.path);
        if let Some(operation) = route.operation {
            assert!(seen.insert(("operation", operation)), "{operation}");
        }
    }
}

#[test]
fn every_path_leads_to_its_own_route() {
    for route in routes() {
        let path = route.path.replace("{*path}", "x/y").replace(['{', '}'], "");
        let found = find(&route.method, &path);
        assert!(matches!(found, Found::Route(found) if found.path == route.path), "{path}");
    }
}

#[test]
fn the_manifest_allows_the_gateway_to_reach_all_components() {
    let manifest = include_str!("../../../../../spin.toml");
    let from = manifest.find("[component.gateway]").unwrap_or_default();
    let section = manifest[from..].split("[component.gateway.build]").next();
    let behind = routes().iter().chain(pages("/"));
    for name in behind.filter_map(|route| route.target.component()) {
        let host = format!("\"http://{name}.spin.internal\"");
        assert!(section.is_some_and(|section| section.contains(&host)), "{host}");
    }
}

#[test]
fn private_paths_can_not_be_reached() {
    for path in [
        "/rpc/stock/reserve",
        "/import",
        "/sweep",
        "/api/v1/import",
        "/api/v1/rpc",
        "/v2/charges",
        "/",
        "/api",
        "/api/v1",
        "/events",
        "/oauth2",
        "/webhooks",
        "/mail",
    ] {
        for method in [Method::GET, Method::POST] {
            assert!(matches!(find(&method, path), Found::Nothing), "{path}");
        }
    }
}

#[test]
fn paths_outside_the_api_belong_to_the_storefront() {
    for path in ["/", "/cart", "/products/A-1", "/assets/1/js/app.js", "/apis", "/rpc/a/b"] {
        assert!(pages(path).is_some(), "{path}");
    }
    for path in [
        "/api",
        "/api/",
        "/api/v1/nothing",
        "/oauth2",
        "/.well-known/security.txt",
        "/webhooks",
        "/mailbox/x",
        "/livez/x",
        "/readyz/x",
        "/problems/x/y",
    ] {
        assert!(pages(path).is_none(), "{path}");
    }
}

#[test]
fn public_routes_that_write_are_listed() {
    let open: Vec<_> = routes()
        .iter()
        .filter(|route| matches!(route.access, Access::Public | Access::Client))
        .filter(|route| route.method != Method::GET)
        .map(|route| route.path)
        .collect();
    let expected = [
        "/api/v1/users",
        "/api/v1/password-resets",
        "/api/v1/password-resets/{token}",
        "/api/v1/sessions",
        "/oauth2/authorize",
        "/oauth2/token",
        "/oauth2/revoke",
        "/api/v1/carts",
        "/api/v1/carts/{id}",
        "/api/v1/carts/{id}",
        "/api/v1/carts/{id}/items/{sku}",
        "/api/v1/carts/{id}/items/{sku}",
        "/webhooks/psp",
    ];
    assert_eq!(open, expected);
}
