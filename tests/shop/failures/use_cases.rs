//! What people do in the shop.

use super::visit::Visit;
use crate::support::{Api, Customer, PASSWORD, order, unique};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all};
use harness::Answer;
use serde_json::{Value, json};
use std::time::Duration;

/// The pause before a reconciliation that is not complete is read again.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of a use case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Works,
    /// The shop has accepted it, and completes it later.
    Later,
    Fails,
}

type Attempt<'a> = (&'static str, LocalBoxFuture<'a, Outcome>);

/// Tries all use cases at the same time. `order` is a confirmed order, which is canceled; the cart
/// of the customer has an item.
pub(super) async fn outcomes(visit: &Visit, order: &str) -> Vec<(&'static str, Outcome)> {
    let attempts = [shopping(visit), account(visit), ordering(visit, order), administration(visit)];
    let attempts = attempts.into_iter().flatten();
    join_all(attempts.map(|(name, attempt)| attempt.map(move |outcome| (name, outcome)))).await
}

fn shopping(visit: &Visit) -> Vec<Attempt<'_>> {
    let (visitor, sku) = (&visit.visitor, &visit.sku);
    vec![
        ("pages", reads(visitor, "/").boxed_local()),
        ("browsing", browses(visitor).boxed_local()),
        ("search", reads(visitor, "/api/v1/products?q=tea").boxed_local()),
        ("product", reads(visitor, format!("/api/v1/products/{sku}")).boxed_local()),
        (
            "recommendations",
            reads(visitor, format!("/api/v1/products/{sku}/also-bought")).boxed_local(),
        ),
        ("guest cart", fills_guest_cart(visitor, sku).boxed_local()),
        ("cart", fills_cart(&visit.collector, sku).boxed_local()),
    ]
}

fn account(visit: &Visit) -> Vec<Attempt<'_>> {
    let customer = &visit.customer;
    vec![
        ("registration", registers(&visit.visitor).boxed_local()),
        ("sign-in", signs_in(&visit.visitor, customer).boxed_local()),
        ("profile", reads(&customer.api, "/api/v1/users/me").boxed_local()),
        ("messages", reads(&customer.api, "/api/v1/notifications").boxed_local()),
    ]
}

fn ordering<'a>(visit: &'a Visit, order: &'a str) -> Vec<Attempt<'a>> {
    let (customer, known) = (&visit.customer, &visit.order);
    vec![
        ("checkout", checks_out(customer).boxed_local()),
        ("order status", reads(&customer.api, format!("/api/v1/orders/{known}")).boxed_local()),
        (
            "parcels",
            reads(&customer.api, format!("/api/v1/orders/{known}/shipments")).boxed_local(),
        ),
        ("cancellation", cancels(customer, order).boxed_local()),
        ("order history", reads(&customer.api, "/api/v1/order-history").boxed_local()),
    ]
}

fn administration(visit: &Visit) -> Vec<Attempt<'_>> {
    let (admin, sku) = (&visit.admin, &visit.sku);
    vec![
        ("stock", reads(admin, format!("/api/v1/inventory/{sku}")).boxed_local()),
        ("ledger", reads(admin, "/api/v1/payments/ledger?limit=1").boxed_local()),
        ("templates", reads(admin, "/api/v1/templates").boxed_local()),
        ("queues", reads(admin, "/api/v1/admin/queues").boxed_local()),
        ("dead letters", reads(admin, "/api/v1/admin/dead-letters").boxed_local()),
        ("reconciliation", reconciles(admin).boxed_local()),
    ]
}

/// A component that fails is a failure of the shop: no one is told that the request is wrong, or
/// has to sign in again.
fn outcome(answer: &Answer) -> Outcome {
    match answer.status.as_u16() {
        200 | 201 | 204 => Outcome::Works,
        202 => Outcome::Later,
        500.. => Outcome::Fails,
        _ => panic!("{} {}", answer.status, answer.text()),
    }
}

async fn reads(api: &Api, path: impl AsRef<str>) -> Outcome {
    outcome(&api.get(path.as_ref()).await)
}

async fn browses(visitor: &Api) -> Outcome {
    match reads(visitor, "/api/v1/categories").await {
        Outcome::Works => reads(visitor, "/api/v1/products").await,
        other => other,
    }
}

async fn fills_guest_cart(visitor: &Api, sku: &str) -> Outcome {
    let cart = visitor.ask("/api/v1/carts").await;
    if outcome(&cart) != Outcome::Works {
        return outcome(&cart);
    }
    let cart = cart.json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/carts/{cart}/items/{sku}");
    outcome(&visitor.put(&path, &json!({"quantity": 1})).await)
}

async fn fills_cart(customer: &Customer, sku: &str) -> Outcome {
    match put(customer, sku, 1).await {
        Outcome::Works => reads(&customer.api, "/api/v1/cart").await,
        other => other,
    }
}

/// Puts pieces of a product into the cart.
pub(super) async fn put(customer: &Customer, sku: &str, quantity: u32) -> Outcome {
    let path = format!("/api/v1/cart/items/{sku}");
    outcome(&customer.api.put(&path, &json!({"quantity": quantity})).await)
}

/// A registration is accepted with 202 in any case.
async fn registers(visitor: &Api) -> Outcome {
    let email = format!("{}@example.org", unique().to_lowercase());
    let person = json!({"email": email, "password": PASSWORD, "name": "Grace Hopper"});
    match outcome(&visitor.post("/api/v1/users", &person).await) {
        Outcome::Later => Outcome::Works,
        other => other,
    }
}

async fn signs_in(visitor: &Api, customer: &Customer) -> Outcome {
    let credentials = json!({"email": customer.email, "password": PASSWORD});
    outcome(&visitor.post("/api/v1/sessions", &credentials).await)
}

/// Orders the cart.
async fn checks_out(customer: &Customer) -> Outcome {
    let mut order = order(&[], "tok_approved");
    order.as_object_mut().expect("an object").remove("items");
    let placed = customer.place(&unique(), &order).await;
    let outcome = outcome(&placed);
    if outcome == Outcome::Works {
        assert_eq!(placed.json()["status"], "confirmed", "{}", placed.text());
    }
    outcome
}

async fn cancels(customer: &Customer, order: &str) -> Outcome {
    outcome(&customer.api.ask(&format!("/api/v1/orders/{order}/cancel")).await)
}

/// A reconciliation waits for a component whose books can't be read.
async fn reconciles(admin: &Api) -> Outcome {
    const PATH: &str = "/api/v1/admin/reconciliation";
    let mut answer = admin.ask(PATH).await;
    loop {
        if answer.status.is_server_error() {
            return Outcome::Fails;
        }
        let report = answer.json();
        match (&report["complete"], &report["blocked_by"]) {
            (Value::Bool(true), _) => return Outcome::Works,
            (_, Value::String(_)) => return Outcome::Later,
            _ => tokio::time::sleep(PAUSE).await,
        }
        answer = admin.get(PATH).await;
    }
}
