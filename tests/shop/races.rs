//! Many at once, for what there is only once.

use crate::support::{Customer, Shop, eventually, order, unique};
use futures::future::join_all;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Requests that are the same.
const TWINS: usize = 100;
/// Buyers for the last pieces.
const BUYERS: usize = 200;
const LAST: u32 = 10;
/// How long a buyer keeps trying.
const PATIENCE: Duration = Duration::from_secs(30);
/// Customers who call off what they have just ordered, and how often each of them does.
const CUSTOMERS: usize = 4;
const RACES: usize = 15;

#[tokio::test]
async fn a_hundred_times_the_same_order_is_one_order() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 1_000).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_approved"));
    let answers = join_all((0..TWINS).map(|_| ada.place(&key, &body))).await;
    let mut ids = BTreeSet::new();
    for answer in &answers {
        match answer.status.as_u16() {
            201 => drop(ids.insert(answer.json()["id"].as_str().unwrap().to_owned())),
            409 => assert!(!answer.header("retry-after").is_empty(), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
    }
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(ada.all_orders().await.len(), 1);
    assert_eq!(admin.stock(&sku).await, [1_000, 999, 0, 1]);
}

#[tokio::test]
async fn two_hundred_buyers_get_the_last_ten_pieces() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let sku = shop.product(&admin, LAST).await;
    let customers = join_all((0..4).map(|_| Customer::new(shop))).await;
    let body = order(&[(&sku, 1)], "tok_approved");
    let tries = (0..BUYERS).map(async |number| {
        let buyer = &customers[number % customers.len()];
        let key = unique();
        // An overloaded shop may say so; the same key asks for the same order.
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
    assert_eq!(admin.stock(&sku).await, [10, 0, 0, 10]);
}

/// Orders, and calls off what comes up in the list meanwhile. The order when its fate is known.
async fn order_and_call_off(customer: &Customer, sku: &str, known: &mut BTreeSet<String>) -> Value {
    let (key, body) = (unique(), order(&[(sku, 1)], "tok_approved"));
    let call_off = async {
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
    let (placed, id) = tokio::join!(customer.place(&key, &body), call_off);
    assert_eq!(placed.json()["id"], id.as_str());
    known.insert(id.clone());
    customer.with_status(&id, "cancelled").await
}

/// Whoever is first, the order ends in one way, and money and pieces with it.
#[tokio::test]
async fn calling_off_races_with_confirming() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let sku = shop.product(&admin, 1_000).await;
    let customers = join_all((0..CUSTOMERS).map(|_| Customer::new(shop))).await;
    let races = customers.iter().map(async |customer| {
        let (mut known, mut orders) = (BTreeSet::new(), Vec::new());
        for _ in 0..RACES {
            orders.push(order_and_call_off(customer, &sku, &mut known).await);
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
