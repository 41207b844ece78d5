//! The routing table: the whole public API, as data.
//!
//! What exists (404), how it may be used (405 with `Allow`), who may use it (401, 403), how often
//! (429), how much (413) and for how long (504) all follow from these lines, and so does the
//! security of the OpenAPI document. Paths that are not listed here can't be reached from outside,
//! except for the pages of the storefront, which serves every path outside the API.

use super::quota::Limit;
use super::route::{Access, Found, Route, Router, Target};
use http::Method;
use std::sync::LazyLock;

/// Longest body of ordinary requests in bytes: what functions read of JSON.
const BODY_BYTES_MAX: u64 = 64 * 1024;
/// Longest body of templates, which are documents, in bytes.
const DOCUMENT_BYTES_MAX: u64 = 256 * 1024;
/// How long an ordinary answer may take. Milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// How long an answer may take that waits for a hash of a password. Milliseconds.
const CREDENTIALS_TIMEOUT_MS: u64 = 20_000;
/// How long placing or cancelling an order may take. Milliseconds.
const CHECKOUT_TIMEOUT_MS: u64 = 30_000;
/// How long it may take to read all books. Milliseconds.
const RECONCILIATION_TIMEOUT_MS: u64 = 600_000;
/// How long an import may take. Milliseconds.
const IMPORT_TIMEOUT_MS: u64 = 600_000;

/// With this scope, third-party applications can read a user's orders.
const ORDERS_READ: &str = "orders:read";

const CATALOG: Target = Target::Component("catalog");
const IDENTITY: Target = Target::Component("identity");
const CART: Target = Target::Component("cart");
const ORDERS: Target = Target::Component("orders");
const INVENTORY: Target = Target::Component("inventory");
const PAYMENTS: Target = Target::Component("payments");
const SHIPPING: Target = Target::Component("shipping");
const NOTIFICATIONS: Target = Target::Component("notifications");
const ORDER_HISTORY: Target = Target::Component("order-history");
const RECOMMENDATIONS: Target = Target::Component("recommendations");
const OPERATIONS: Target = Target::Component("operations");
const TEMPLATES: Target = Target::Component("templates");

/// The component whose page shows what notifications would have sent. Its routes exist only
/// where the setting `mailbox_page` is `on`.
pub const MAILBOX: &str = "mailbox";
/// The component that serves the pages, styles, scripts and pictures of the shop.
pub const STOREFRONT: &str = "storefront";
/// The component that fills the shop. It may be absent once that is done.
pub const IMPORTER: &str = "importer";

/// All routes.
pub fn routes() -> &'static [Route] {
    static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
        [
            gateway(),
            identity(),
            shopping(),
            ordering(),
            administration(),
            messages(),
            read_models(),
            operations(),
            outside(),
        ]
        .concat()
    });
    &ROUTES
}

/// The route of a request in the table.
pub fn find(method: &Method, path: &str) -> Found<'static> {
    // The table is constant, and a test finds each route.
    static ROUTER: LazyLock<Router<'static>> =
        LazyLock::new(|| Router::new(routes()).unwrap_or_default());
    ROUTER.find(method, path)
}

/// The route of the storefront, for paths outside the API. Every first segment of a route in the
/// table belongs to the API: an unknown path below it gets a problem, not a page.
///
/// No quota: one page takes dozens of requests, and serving one costs no more than counting it.
pub fn pages(path: &str) -> Option<&'static Route> {
    static PAGES: LazyLock<Route> = LazyLock::new(|| Route {
        operation: None,
        ..route(Method::GET, "/{*page}", "", Target::Component(STOREFRONT))
            .limit(Limit::None)
            .body(0)
    });
    let first = |path: &'_ str| path.split('/').nth(1).map(str::to_owned);
    let of_the_api = routes().iter().any(|route| first(route.path) == first(path));
    (!of_the_api).then(|| &*PAGES)
}

fn gateway() -> Vec<Route> {
    vec![
        route(Method::GET, "/livez", "getLiveness", Target::Liveness).limit(Limit::None),
        route(Method::GET, "/readyz", "getReadiness", Target::Readiness),
        route(Method::GET, "/api/v1/openapi.json", "getDescription", Target::Description)
            .limit(Limit::None),
        route(Method::GET, "/problems", "listProblemTypes", Target::Problems).limit(Limit::None),
        route(Method::GET, "/problems/{slug}", "getProblemType", Target::Problem)
            .limit(Limit::None),
    ]
}

fn identity() -> Vec<Route> {
    let credentials = |method, path, operation| {
        route(method, path, operation, IDENTITY)
            .limit(Limit::Credentials)
            .timeout(CREDENTIALS_TIMEOUT_MS)
    };
    let applications = "/api/v1/users/me/applications";
    let application = "/api/v1/users/me/applications/{client_id}";
    vec![
        credentials(Method::POST, "/api/v1/users", "registerUser"),
        route(Method::GET, "/api/v1/users/me", "getCurrentUser", IDENTITY).user().scope("openid"),
        route(Method::PATCH, "/api/v1/users/me", "changeCurrentUser", IDENTITY).user(),
        credentials(Method::DELETE, "/api/v1/users/me", "deleteCurrentUser").user(),
        credentials(Method::POST, "/api/v1/users/me/password", "changePassword").user(),
        route(Method::GET, applications, "listApplications", IDENTITY).user(),
        route(Method::DELETE, application, "withdrawApplication", IDENTITY).user().bodiless(),
        credentials(Method::POST, "/api/v1/password-resets", "requestPasswordReset"),
        credentials(Method::PUT, "/api/v1/password-resets/{token}", "resetPassword"),
        credentials(Method::POST, "/api/v1/sessions", "openSession"),
        route(Method::DELETE, "/api/v1/sessions", "endSessions", IDENTITY).user().bodiless(),
        route(Method::GET, "/oauth2/authorize", "showSignIn", IDENTITY),
        credentials(Method::POST, "/oauth2/authorize", "submitSignIn"),
        route(Method::POST, "/oauth2/token", "requestTokens", IDENTITY).client(),
        route(Method::POST, "/oauth2/revoke", "revokeToken", IDENTITY).client(),
        route(Method::GET, "/.well-known/openid-configuration", "getConfiguration", IDENTITY),
        route(Method::GET, "/.well-known/jwks.json", "getKeys", IDENTITY),
        route(Method::GET, "/api/v1/admin/signing-keys", "listSigningKeys", IDENTITY).admin(),
        route(Method::POST, "/api/v1/admin/signing-keys", "rotateSigningKeys", IDENTITY).admin(),
    ]
}

fn shopping() -> Vec<Route> {
    vec![
        route(Method::GET, "/api/v1/products", "listProducts", CATALOG),
        route(Method::GET, "/api/v1/products/{sku}", "getProduct", CATALOG),
        route(Method::GET, "/api/v1/categories", "listCategories", CATALOG),
        route(Method::GET, "/api/v1/cart", "getCart", CART).user(),
        route(Method::DELETE, "/api/v1/cart", "clearCart", CART).user().bodiless(),
        route(Method::PUT, "/api/v1/cart/items/{sku}", "putCartItem", CART).user(),
        route(Method::DELETE, "/api/v1/cart/items/{sku}", "removeCartItem", CART).user().bodiless(),
        route(Method::POST, "/api/v1/cart/merge", "mergeCart", CART).user(),
        route(Method::POST, "/api/v1/carts", "beginCart", CART).limit(Limit::GuestCarts).bodiless(),
        route(Method::GET, "/api/v1/carts/{id}", "getGuestCart", CART),
        route(Method::PUT, "/api/v1/carts/{id}", "replaceGuestCart", CART),
        route(Method::DELETE, "/api/v1/carts/{id}", "discardGuestCart", CART).bodiless(),
        route(Method::PUT, "/api/v1/carts/{id}/items/{sku}", "putGuestCartItem", CART),
        route(Method::DELETE, "/api/v1/carts/{id}/items/{sku}", "removeGuestCartItem", CART)
            .bodiless(),
    ]
}

fn ordering() -> Vec<Route> {
    let orders = |method, path, operation| route(method, path, operation, ORDERS).user();
    vec![
        orders(Method::POST, "/api/v1/orders", "placeOrder")
            .timeout(CHECKOUT_TIMEOUT_MS)
            .limit(Limit::Orders),
        orders(Method::GET, "/api/v1/orders", "listOrders").scope(ORDERS_READ),
        orders(Method::GET, "/api/v1/orders/{id}", "getOrder").scope(ORDERS_READ),
        orders(Method::POST, "/api/v1/orders/{id}/cancel", "cancelOrder")
            .timeout(CHECKOUT_TIMEOUT_MS)
            .bodiless(),
        orders(Method::GET, "/api/v1/orders/{id}/events", "streamOrderEvents"),
        orders(Method::GET, "/api/v1/orders/{id}/history", "getOrderHistory"),
        orders(Method::GET, "/api/v1/orders/{id}/shipments", "listShipments"),
        route(Method::GET, "/api/v1/notifications", "listNotifications", NOTIFICATIONS).user(),
        route(Method::GET, "/api/v1/notifications/{id}", "getNotification", NOTIFICATIONS).user(),
        route(Method::GET, "/api/v1/notifications/preferences", "getPreferences", NOTIFICATIONS)
            .user(),
        route(Method::PUT, "/api/v1/notifications/preferences", "putPreferences", NOTIFICATIONS)
            .user(),
    ]
}

fn administration() -> Vec<Route> {
    let template = |method, path, operation| {
        route(method, path, operation, TEMPLATES).admin().body(DOCUMENT_BYTES_MAX)
    };
    vec![
        route(Method::POST, "/api/v1/products", "createProduct", CATALOG).admin(),
        route(Method::PUT, "/api/v1/products/{sku}", "changeProduct", CATALOG).admin(),
        route(Method::DELETE, "/api/v1/products/{sku}", "removeProduct", CATALOG)
            .admin()
            .bodiless(),
        route(Method::GET, "/api/v1/inventory/{sku}", "getStock", INVENTORY).admin(),
        route(Method::PUT, "/api/v1/inventory/{sku}", "putStock", INVENTORY).admin(),
        route(Method::GET, "/api/v1/admin/orders/{id}/saga", "getOrderSaga", ORDERS).admin(),
        route(Method::POST, "/api/v1/admin/orders/{id}/resume", "resumeOrder", ORDERS)
            .admin()
            .bodiless()
            .timeout(CHECKOUT_TIMEOUT_MS),
        route(Method::GET, "/api/v1/payments/ledger", "listLedger", PAYMENTS).admin(),
        route(Method::GET, "/api/v1/shipments/{id}", "getShipment", SHIPPING).admin(),
        route(Method::POST, "/api/v1/shipments/{id}/events", "recordShipmentEvent", SHIPPING)
            .admin(),
        template(Method::GET, "/api/v1/templates", "listTemplates"),
        template(Method::POST, "/api/v1/templates", "createTemplate"),
        template(Method::GET, "/api/v1/templates/{code}", "getTemplate"),
        template(Method::GET, "/api/v1/templates/{code}/versions", "listTemplateVersions"),
        template(Method::POST, "/api/v1/templates/{code}/versions", "createTemplateVersion"),
        template(Method::GET, "/api/v1/templates/{code}/versions/{number}", "getTemplateVersion"),
        route(
            Method::POST,
            "/api/v1/admin/import",
            "importProducts",
            Target::Renamed(IMPORTER, "/import"),
        )
        .admin()
        .bodiless()
        .timeout(IMPORT_TIMEOUT_MS),
    ]
}

/// Messages: sending them, and what came of it.
fn messages() -> Vec<Route> {
    let admin = |method, path, operation| route(method, path, operation, NOTIFICATIONS).admin();
    let replay = "/api/v1/admin/queues/failed.queue/{id}/replay";
    vec![
        admin(Method::POST, "/api/v1/notifications", "sendNotification"),
        admin(Method::GET, "/api/v1/admin/queues", "listQueues"),
        admin(Method::GET, "/api/v1/admin/queues/{name}", "listQueue"),
        admin(Method::POST, replay, "replayNotification").bodiless(),
        admin(Method::GET, "/api/v1/admin/projections/users", "getUserCopies"),
    ]
}

/// What is made from events for reading.
fn read_models() -> Vec<Route> {
    let history = |path, operation| route(Method::GET, path, operation, ORDER_HISTORY);
    let liked = |path, operation| route(Method::GET, path, operation, RECOMMENDATIONS);
    vec![
        history("/api/v1/order-history", "listOrderHistory").user().scope(ORDERS_READ),
        history("/api/v1/order-history/{id}", "getOrderFromHistory").user().scope(ORDERS_READ),
        history("/api/v1/admin/order-history", "searchOrders").admin(),
        history("/api/v1/admin/order-history/summary", "getOrderSummary").admin(),
        history("/api/v1/admin/projections/order-history", "getOrderHistoryStatus").admin(),
        route(
            Method::POST,
            "/api/v1/admin/projections/order-history/rebuild",
            "rebuildOrderHistory",
            ORDER_HISTORY,
        )
        .admin()
        .bodiless(),
        liked("/api/v1/products/{sku}/also-bought", "listAlsoBought"),
        liked("/api/v1/recommendations", "listRecommendations").anyone(),
        liked("/api/v1/admin/projections/recommendations", "getRecommendationsStatus").admin(),
    ]
}

/// Whether all is well, and what to do if it is not.
fn operations() -> Vec<Route> {
    let operations = |method, path, operation| route(method, path, operation, OPERATIONS).admin();
    vec![
        operations(Method::POST, "/api/v1/admin/sweep", "sweep")
            .timeout(CHECKOUT_TIMEOUT_MS)
            .bodiless(),
        operations(Method::GET, "/api/v1/admin/reconciliation", "reconcile")
            .timeout(RECONCILIATION_TIMEOUT_MS),
        operations(Method::GET, "/api/v1/admin/subscriptions", "listSubscriptions"),
        operations(Method::POST, "/api/v1/admin/subscriptions/{name}/replay", "replaySubscription"),
        operations(
            Method::POST,
            "/api/v1/admin/subscriptions/{name}/keys/{key}/replay",
            "replayKey",
        )
        .bodiless(),
        operations(Method::GET, "/api/v1/admin/dead-letters", "listDeadLetters"),
        operations(Method::DELETE, "/api/v1/admin/dead-letters/{id}", "discardDeadLetter")
            .bodiless(),
        operations(Method::POST, "/api/v1/admin/dead-letters/{id}/replay", "replayDeadLetter")
            .bodiless(),
        route(Method::GET, "/api/v1/admin/payments/{id}", "getPayment", PAYMENTS).admin(),
    ]
}

/// What comes from outside without being called by clients of the API.
fn outside() -> Vec<Route> {
    let page = |path| Route {
        operation: None,
        access: Access::Local,
        ..route(Method::GET, path, "", Target::Component(MAILBOX))
    };
    vec![
        route(Method::POST, "/webhooks/psp", "receivePaymentEvent", PAYMENTS),
        page("/mailbox"),
        page("/mailbox/"),
        page("/mailbox/{*path}"),
    ]
}

/// A public route. Looking is counted as reading, all else as writing.
fn route(method: Method, path: &'static str, operation: &'static str, target: Target) -> Route {
    let limit = if method == Method::GET { Limit::Read } else { Limit::Write };
    Route {
        method,
        path,
        operation: Some(operation),
        target,
        access: Access::Public,
        scope: None,
        limit,
        body_bytes_max: BODY_BYTES_MAX,
        timeout_ms: TIMEOUT_MS,
    }
}

impl Route {
    /// Public; `Authorization` is forwarded, because it may identify the OAuth client.
    fn client(self) -> Self {
        Self { access: Access::Client, ..self }
    }

    /// Public; a valid token is passed on.
    fn anyone(self) -> Self {
        Self { access: Access::Optional, ..self }
    }

    fn user(self) -> Self {
        Self { access: Access::User, ..self }
    }

    /// Administrators are trusted not to flood the shop, and import in bulk.
    fn admin(self) -> Self {
        Self { access: Access::Admin, limit: Limit::None, ..self }
    }

    /// Third-party applications may use the route, too, with this scope.
    fn scope(self, scope: &'static str) -> Self {
        Self { scope: Some(scope), ..self }
    }

    fn limit(self, limit: Limit) -> Self {
        Self { limit, ..self }
    }

    fn body(self, body_bytes_max: u64) -> Self {
        Self { body_bytes_max, ..self }
    }

    /// Without a body.
    fn bodiless(self) -> Self {
        self.body(0)
    }

    fn timeout(self, timeout_ms: u64) -> Self {
        Self { timeout_ms, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_route_is_there_once() {
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
    fn the_manifest_lets_the_gateway_reach_all_of_them() {
        let manifest = include_str!("../../../../spin.toml");
        let from = manifest.find("[component.gateway]").unwrap_or_default();
        let section = manifest[from..].split("[component.gateway.build]").next();
        let behind = routes().iter().chain(pages("/"));
        for name in behind.filter_map(|route| route.target.component()) {
            let host = format!("\"http://{name}.spin.internal\"");
            assert!(section.is_some_and(|section| section.contains(&host)), "{host}");
        }
    }

    #[test]
    fn what_is_private_can_not_be_reached() {
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
    fn nothing_that_writes_is_public_by_accident() {
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
}
