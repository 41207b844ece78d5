//! The routes of administrators.

use super::{
    CATALOG, DOCUMENT_BYTES_MAX, IMPORT_TIMEOUT_MS, IMPORTER, INVENTORY, NOTIFICATIONS, OPERATIONS,
    ORDERS, PAYMENTS, SHIPPING, TEMPLATES, WORK_TIMEOUT_MS, route,
};
use crate::domain::route::{Route, Target};
use http::Method;

pub(super) fn administration() -> Vec<Route> {
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
            .timeout(WORK_TIMEOUT_MS),
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

/// Messages and their status.
pub(super) fn messages() -> Vec<Route> {
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

/// Reconciliation, events and background work.
pub(super) fn operations() -> Vec<Route> {
    let operations = |method, path, operation| route(method, path, operation, OPERATIONS).admin();
    vec![
        operations(Method::POST, "/api/v1/admin/sweep", "sweep")
            .timeout(WORK_TIMEOUT_MS)
            .bodiless(),
        operations(Method::GET, "/api/v1/admin/reconciliation", "getReconciliation"),
        operations(Method::POST, "/api/v1/admin/reconciliation", "reconcile")
            .timeout(WORK_TIMEOUT_MS)
            .bodiless(),
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
