//! Concurrent requests for the same order, stock, or payment.

use crate::support::{Customer, Shop, eventually, order, unique};
use futures::future::join_all;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Identical requests.
const IDENTICAL: usize = 100;
/// Buyers for the last pieces.
const BUYERS: usize = 200;
const LAST: u32 = 10;
/// The timeout for an overloaded shop.
const PATIENCE: Duration = Duration::from_secs(180);
/// Customers who cancel each order immediately, and their number of orders.
const CUSTOMERS: usize = 4;
const RACES: usize = 15;

#[tokio::test]
async fn identical_requests_make_one_order() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 1_000).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_approved"));
    let two_keys = ada.api.with("idempotency-key", "a").with("idempotency-key", "b");
    two_keys.post("/api/v1/orders", &body).await.problem(400);
    let answers = join_all((0..IDENTICAL).map(|_| ada.place(&key, &body))).await;
    let mut ids = BTreeSet::new();
    for answer in &answers {
        match answer.status.as_u16() {
            201 | 202 => drop(ids.insert(answer.json()["id"].as_str().unwrap().to_owned())),
            409 => {
                assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
                assert_eq!(answer.json()["type"], "/problems/request-in-flight");
            }
            // Overloaded.
            503 => {}
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(ada.all_orders().await.len(), 1);
    ada.decided(ids.first().unwrap()).await;
    assert_eq!(admin.stock(&sku).await, [1_000, 999, 0, 1]);
}

#[tokio::test]
async fn the_last_pieces_are_sold_once() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let sku = shop.product(&admin, LAST).await;
    let customers = join_all((0..4).map(|_| Customer::new(shop))).await;
    let body = order(&[(&sku, 1)], "tok_approved");
    let tries = (0..BUYERS).map(async |number| {
        let buyer = &customers[number % customers.len()];
        let key = unique();
        // An overloaded shop may refuse; the same key is for the same order.
        let placed = eventually("the order is taken", PATIENCE, async || {
            let placed = buyer.place(&key, &body).await;
            let taken = [201, 202].contains(&placed.status.as_u16());
            assert!(taken || placed.status == 503, "{placed:?}");
            taken.then_some(placed)
        })
        .await;
        buyer.decided(placed.json()["id"].as_str().unwrap()).await
    });
    let orders = join_all(tries).await;
    let with = |status: &str| orders.iter().filter(|order| order["status"] == status).count();
    assert_eq!((with("confirmed"), with("rejected")), (LAST as usize, BUYERS - LAST as usize));
    for order in orders.iter().filter(|order| order["status"] == "rejected") {
        assert_eq!(order["rejection"]["code"], "out_of_stock", "{order}");
    }
    assert_eq!(admin.stock(&sku).await, [10, 0, 0, 10]);
    let shown = shop.visitor().get(&format!("/api/v1/products/{sku}")).await.expect(200).json();
    assert_eq!(shown["available"], 0);
}

/// Places an order, and cancels it as soon as it is listed. Returns the canceled order.
async fn order_and_cancel(customer: &Customer, sku: &str, known: &mut BTreeSet<String>) -> Value {
    let (key, body) = (unique(), order(&[(sku, 1)], "tok_approved"));
    let cancel = async {
        loop {
            let all = customer.api.get("/api/v1/orders?limit=1").await.expect(200).json();
            let id = all["items"][0]["id"].as_str().unwrap_or_default().to_owned();
            if !id.is_empty() && !known.contains(&id) {
                let path = format!("/api/v1/orders/{id}/cancel");
                let answer = customer.api.ask(&path).await;
                assert!([200, 202].contains(&answer.status.as_u16()), "{answer:?}");
                return id;
            }
        }
    };
    let (placed, id) = tokio::join!(customer.place(&key, &body), cancel);
    assert_eq!(placed.json()["id"], id.as_str());
    known.insert(id.clone());
    customer.with_status(&id, "cancelled").await
}

#[tokio::test]
async fn cancellations_during_the_checkout_leave_no_charge() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let sku = shop.product(&admin, 1_000).await;
    let customers = join_all((0..CUSTOMERS).map(|_| Customer::new(shop))).await;
    let races = customers.iter().map(async |customer| {
        let (mut known, mut orders) = (BTreeSet::new(), Vec::new());
        for _ in 0..RACES {
            orders.push(order_and_cancel(customer, &sku, &mut known).await);
        }
        orders
    });
    let orders: Vec<Value> = join_all(races).await.concat();
    assert_eq!(admin.stock(&sku).await, [1_000, 1_000, 0, 0]);
    let ledger = admin.all("/api/v1/payments/ledger", 100).await;
    for order in orders {
        let own = ledger.iter().filter(|posting| posting["order_id"] == order["id"]);
        let own = own.filter(|posting| posting["account"] == "customer_funds");
        assert_eq!(own.map(|posting| posting["amount"].as_i64().unwrap()).sum::<i64>(), 0);
    }
}

#[tokio::test]
async fn a_client_that_disconnected_can_repeat_its_request() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_slow"));
    // The client disconnects before the response.
    let first = ada.place(&key, &body);
    let _ = tokio::time::timeout(Duration::from_millis(100), first).await;
    let placed = eventually("the order is accepted", PATIENCE, async || {
        let answer = ada.place(&key, &body).await;
        [201, 202].contains(&answer.status.as_u16()).then_some(answer)
    });
    let placed = placed.await.json();
    let decided = ada.decided(placed["id"].as_str().unwrap()).await;
    assert_eq!(decided["status"], "confirmed");
    assert_eq!(ada.all_orders().await.len(), 1);
    assert_eq!(admin.postings(&placed).await.len(), 2);
}

#[tokio::test]
async fn orders_of_the_same_products_in_any_order_do_not_deadlock() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let (one, two) = (shop.product(&admin, 10).await, shop.product(&admin, 10).await);
    let lines = [[(one.as_str(), 1), (two.as_str(), 1)], [(two.as_str(), 1), (one.as_str(), 1)]];
    let orders = join_all((0..24).map(|number| ada.buy(&lines[number % 2], "tok_approved"))).await;
    let confirmed = orders.iter().filter(|order| order["status"] == "confirmed").count();
    assert_eq!(confirmed, 10, "{orders:#?}");
    assert_eq!(admin.stock(&one).await, [10, 0, 0, 10]);
    assert_eq!(admin.stock(&two).await, [10, 0, 0, 10]);
}
