//! Attacks: forged identities, private components, ambiguous paths and requests.

use crate::support::{Customer, Shop};
use harness::Stranger;
use http::Method;

/// Header fields with which other systems pass on identities and original requests.
const IDENTITY: [(&str, &str); 14] = [
    ("x-user-id", "usr_admin"),
    ("x-user-roles", "admin"),
    ("x-roles", "admin"),
    ("x-role", "admin"),
    ("x-auth-user", "admin@example.com"),
    ("x-forwarded-user", "admin@example.com"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-host", "inventory.spin.internal"),
    ("forwarded", "for=127.0.0.1;host=inventory.spin.internal"),
    ("x-original-url", "/api/v1/payments/ledger"),
    ("x-rewrite-url", "/api/v1/payments/ledger"),
    ("x-http-method-override", "PUT"),
    ("x-tessera-caller", "gateway"),
    ("spin-full-url", "http://inventory.spin.internal/"),
];

#[tokio::test]
async fn identity_headers_of_clients_are_ignored() {
    let shop = Shop::shared().await;
    let (ada, bob) = (Customer::new(shop).await, Customer::new(shop).await);
    let forge = |api: &crate::support::Api| {
        let api = IDENTITY.iter().fold(api.clone(), |api, (name, value)| api.with(name, value));
        api.with("x-user-id", &bob.id)
    };
    let me = forge(&ada.api).get("/api/v1/users/me").await.expect(200).json();
    assert_eq!(me["id"], ada.id);
    forge(&shop.visitor()).get("/api/v1/users/me").await.problem(401);
    forge(&shop.visitor()).get("/api/v1/payments/ledger").await.problem(401);
    forge(&ada.api).get("/api/v1/payments/ledger").await.problem(403);
}

#[tokio::test]
async fn private_components_are_not_reachable() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    for component in ["inventory", "orders", "payments", "psp-sandbox", "mailbox", "importer"] {
        let host = format!("{component}.spin.internal");
        for path in ["/rpc/stock/available", "/sweep", "/import", "/v2/charges", "/messages"] {
            let inside = admin.with("host", &host);
            let answer = inside.try_send(Method::POST, path, Some("application/json"), "{}").await;
            // Stock Spin closes the connection without a response.
            let Some(answer) = answer else { continue };
            assert!(answer.status.is_client_error(), "{component}{path}: {answer:?}");
        }
    }
    shop.visitor().get("/livez").await.expect(200);
}

#[tokio::test]
async fn ambiguous_paths_are_refused() {
    let shop = Shop::shared().await;
    let ada = Customer::new(shop).await;
    for path in [
        "/api/v1/../../rpc/stock/available",
        "/api/v1/orders/../payments/ledger",
        "/api/v1/orders/..%2f..%2fpayments/ledger",
        "/api/v1/%2e%2e/%2e%2e/rpc/stock/available",
        "/api/v1/%252e%252e/rpc",
        "/api/v1//payments/ledger",
        "//api/v1/payments/ledger",
        "/api/v1/payments/ledger/",
        "/api/v1/payments/ledger;x=1",
        "/api/v1/payments%2fledger",
        "/api/v1/products/%00",
        "/api/v1/products/%zz",
        "/api/v1/products/a%5cb",
        "/API/V1/payments/ledger",
        "/api/v1/rpc/stock/available",
        "/rpc/stock/available",
        "/sweep",
        "/import",
        "/mailbox.json",
        "/messages",
    ] {
        let answer = ada.api.get(path).await;
        assert!([400, 404].contains(&answer.status.as_u16()), "{path}: {answer:?}");
        answer.problem(answer.status.as_u16());
    }
}

/// The response to a raw request.
async fn raw(shop: &Shop, request: &str) -> String {
    let address = shop.base().trim_start_matches("http://");
    let address = tokio::net::lookup_host(address).await.unwrap().next().unwrap();
    Stranger::new(address).exchange(request.as_bytes()).await.unwrap()
}

#[tokio::test]
async fn requests_with_ambiguous_lengths_are_refused() {
    let shop = Shop::shared().await;
    let smuggled = "GET /api/v1/payments/ledger HTTP/1.1\r\nhost: a\r\n\r\n";
    for head in [
        format!("content-length: 5\r\ncontent-length: {}\r\n", smuggled.len()),
        "content-length: 5\r\ntransfer-encoding: chunked\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n".to_owned(),
        "content-length: +5\r\n".to_owned(),
    ] {
        let request = format!(
            "POST /api/v1/sessions HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\
             content-type: application/json\r\n{head}\r\n0\r\n\r\n{smuggled}"
        );
        let answer = raw(shop, &request).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{head}: {answer}");
    }
}

#[tokio::test]
async fn responses_have_security_headers() {
    let shop = Shop::shared().await;
    for path in ["/api/v1/products", "/livez", "/api/v1/nothing", "/mailbox"] {
        let answer = shop.visitor().get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.header("content-security-policy").is_empty(), "{path}");
        for inside in ["server", "x-powered-by", "via", "spin-component-route"] {
            assert_eq!(answer.header(inside), "", "{path}");
        }
    }
}
