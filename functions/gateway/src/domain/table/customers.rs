//! The routes of customers: accounts, the cart, orders.

use super::{
    CART, CATALOG, CREDENTIALS_TIMEOUT_MS, IDENTITY, NOTIFICATIONS, ORDERS, ORDERS_READ,
    WORK_TIMEOUT_MS, route,
};
use crate::domain::quota::Limit;
use crate::domain::route::Route;
use http::Method;

pub(super) fn identity() -> Vec<Route> {
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

pub(super) fn shopping() -> Vec<Route> {
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

pub(super) fn ordering() -> Vec<Route> {
    let orders = |method, path, operation| route(method, path, operation, ORDERS).user();
    vec![
        orders(Method::POST, "/api/v1/orders", "placeOrder")
            .timeout(WORK_TIMEOUT_MS)
            .limit(Limit::Orders),
        orders(Method::GET, "/api/v1/orders", "listOrders").scope(ORDERS_READ),
        orders(Method::GET, "/api/v1/orders/{id}", "getOrder").scope(ORDERS_READ),
        orders(Method::POST, "/api/v1/orders/{id}/cancel", "cancelOrder")
            .timeout(WORK_TIMEOUT_MS)
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
