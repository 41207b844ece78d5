//! The routing table: the whole public API, as data.
//!
//! What exists (404), how it may be used (405 with `Allow`), who may use it (401, 403), how often
//! (429), how much (413) and for how long (504) all follow from these lines, and so does the
//! security of the OpenAPI document. Paths that are not listed here can't be reached from outside,
//! except for the pages of the storefront, which serves every path outside the API.

mod administrators;
mod customers;
#[cfg(test)]
mod tests;

use super::quota::Limit;
use super::route::{Access, Found, Route, Router, Target};
use http::Method;
use std::sync::LazyLock;

/// Longest body of ordinary requests in bytes: what functions read of JSON.
const BODY_BYTES_MAX: u64 = 64 * 1024;
/// Longest body of templates, which are documents, in bytes.
const DOCUMENT_BYTES_MAX: u64 = 256 * 1024;
/// How long an ordinary response may take. Milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// How long a response may take that waits for a hash of a password. Milliseconds.
const CREDENTIALS_TIMEOUT_MS: u64 = 20_000;
/// How long requests may take that do the work of several others, such as placing an order.
/// Milliseconds.
const WORK_TIMEOUT_MS: u64 = 30_000;
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
            customers::identity(),
            customers::shopping(),
            customers::ordering(),
            administrators::administration(),
            administrators::messages(),
            read_models(),
            administrators::operations(),
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

/// Read models, which are built from events.
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

/// Routes that are not used by clients of the API.
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

/// A public route. `GET` counts as reading, other methods as writing.
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

    /// Without a quota: administrators are trusted, and import in bulk.
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
