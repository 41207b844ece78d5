//! Attacks. None of these requests may reach a function.

use super::*;

#[tokio::test]
async fn forged_identity_headers_are_ignored() {
    let world = World::new();
    let forged = [
        ("x-user-id", "usr_1"),
        ("x-roles", "admin"),
        ("x-forwarded-user", "usr_1"),
        ("spin-component-route", "/"),
        ("x-original-url", "/livez"),
    ];
    let reply = world.send_empty("GET", "/api/v1/orders", &forged).await;
    assert_eq!(reply.status, 401);
    assert!(reply.header("www-authenticate").starts_with("Bearer"));
    problem(&reply);
    assert_eq!(world.seen().len(), 0);
}

#[tokio::test]
async fn ambiguous_paths_are_not_forwarded() {
    let world = World::new();
    let admin = bearer(&["admin"]);
    for path in [
        "//api/v1/products",
        "/api//v1/products",
        "/api/v1/products/../orders",
        "/api/v1/products/%2e%2e/orders",
        "/api/v1/products/..%2forders",
        "/api/v1/%2fproducts",
        "/api/v1/products/a%5cb",
        "/api/v1/products;x=/orders",
        "/api/v1/products/%00",
        "/api/v1/products/%252e%252e/orders",
        "/api/v1/products/%3b",
    ] {
        let reply = world.send_empty("GET", path, &[("authorization", &admin)]).await;
        assert_eq!(reply.status, 400, "{path}");
        assert_eq!(problem(&reply)["type"], "/problems/ambiguous-path");
    }
    assert_eq!(world.seen().len(), 0);
}

#[tokio::test]
async fn private_routes_are_not_found() {
    let world = World::new();
    let admin = bearer(&["admin"]);
    for path in ["/api/v1/admin", "/api/v1/rpc/stock/reserve", "/api/v1/import", "/oauth2"] {
        for method in ["GET", "POST"] {
            let reply = world.send_empty(method, path, &[("authorization", &admin)]).await;
            assert_eq!(reply.status, 404, "{method} {path}");
            problem(&reply);
        }
    }
    assert_eq!(world.seen().len(), 0);
    // Other paths are only forwarded to the storefront, which only has pages.
    for path in ["/rpc/stock/reserve", "/import", "/sweep", "/v2/charges", "/"] {
        for method in ["GET", "POST"] {
            world.send_empty(method, path, &[("authorization", &admin)]).await;
        }
    }
    let storefront = "http://storefront.spin.internal/";
    assert!(world.seen().iter().all(|seen| seen.uri.starts_with(storefront)));
    assert!(world.seen().iter().all(|seen| !seen.headers.contains_key("authorization")));
}

#[tokio::test]
async fn tokens_of_known_exploits_are_refused() {
    let world = World::new();
    let with_header = |name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        Issuer::new().sign(&header, &claims(&["admin"]))
    };
    let with_claim = |name: &str, value: Value| {
        let mut claims = claims(&["admin"]);
        claims[name] = value;
        Issuer::new().sign(&header(), &claims)
    };
    let good = Issuer::new().sign(&header(), &claims(&["admin"]));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let tokens = [
        with_header("alg", json!("none")),
        with_header("alg", json!("HS256")),
        with_header("typ", json!("JWT")),
        with_header("kid", json!("other")),
        with_header("crit", json!(["exp"])),
        with_claim("iss", json!("https://evil.test")),
        with_claim("aud", json!("other")),
        with_claim("exp", json!(1)),
        with_claim("nbf", json!(chassis::clock::now_ms())),
        format!("{signed}."),
        format!("{good}A"),
        format!("{good}=="),
        String::new(),
        "null".to_owned(),
    ];
    for token in &tokens {
        let value = format!("Bearer {token}");
        let reply = world.send_empty("GET", "/api/v1/orders", &[("authorization", &value)]).await;
        assert_eq!(reply.status, 401, "{token}");
        problem(&reply);
    }
    let value = format!("Bearer {good}");
    let twice = [("authorization", value.as_str()), ("authorization", value.as_str())];
    assert_eq!(world.send_empty("GET", "/api/v1/orders", &twice).await.status, 400);
    assert_eq!(
        world.send_empty("GET", "/api/v1/orders", &[("authorization", "Basic YTpi")]).await.status,
        401
    );
    assert_eq!(world.seen().len(), 0);
    assert_eq!(world.send_empty("GET", "/api/v1/orders", &twice[..1]).await.status, 200);
}

#[tokio::test]
async fn every_route_requires_the_access_of_the_table() {
    let world = World::new();
    let (customer, admin) = (bearer(&["customer"]), bearer(&["admin"]));
    for route in routes().iter().filter(|route| route.target.component() != Some(MAILBOX)) {
        let path = route.path.replace("{slug}", "not-found").replace(['{', '}'], "");
        let mut statuses = Vec::new();
        for token in [None, Some(&customer), Some(&admin)] {
            let headers: Vec<_> =
                token.iter().map(|token| ("authorization", token.as_str())).collect();
            statuses.push(world.send_empty(route.method.as_str(), &path, &headers).await.status);
        }
        let expected = match route.access {
            crate::domain::route::Access::Public => [200, 200, 200],
            crate::domain::route::Access::Client => [200, 200, 200],
            crate::domain::route::Access::Optional => [200, 200, 200],
            crate::domain::route::Access::User => [401, 200, 200],
            crate::domain::route::Access::Admin => [401, 403, 200],
            crate::domain::route::Access::Local => unreachable!("the mailbox is left out"),
        };
        assert_eq!(statuses, expected, "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn a_token_is_not_passed_to_routes_that_do_not_need_it() {
    let world = World::new();
    let token = bearer(&["customer"]);
    world.send_empty("GET", "/api/v1/products", &[("authorization", &token)]).await;
    world.send_empty("GET", "/api/v1/cart", &[("authorization", &token)]).await;
    let carried: Vec<_> =
        world.seen().iter().map(|seen| seen.headers.contains_key("authorization")).collect();
    assert_eq!(carried, [false, true]);
}

#[tokio::test]
async fn a_token_that_is_not_required_is_checked_nevertheless() {
    let world = World::new();
    let token = bearer(&["customer"]);
    let path = "/api/v1/recommendations";
    assert_eq!(world.send_empty("GET", path, &[]).await.status, 200);
    assert_eq!(world.send_empty("GET", path, &[("authorization", &token)]).await.status, 200);
    assert_eq!(
        world.send_empty("GET", path, &[("authorization", "Bearer made-up")]).await.status,
        401
    );
    let carried: Vec<_> =
        world.seen().iter().map(|seen| seen.headers.contains_key("authorization")).collect();
    assert_eq!(carried, [false, true]);
}
