//! Orders that were accepted survive a kill.

use crate::support::{Api, Customer, Shop, eventually, order, unique};
use futures::future::join_all;
use harness::Client;
use http::Method;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Concurrent orders at the time of the kill.
const BUYERS: usize = 12;
/// The minimum number of responses before the kill.
const ANSWERED_MIN: usize = 5;
/// The timeout for work in progress after the restart.
const CLEARING: Duration = Duration::from_secs(240);

async fn open(state: &Path) -> Option<Shop> {
    Shop::own(|host| host.state(state).variable("courier_simulation_ms", "0")).await
}

/// The same customer, with the same token, at the shop's new address.
fn returned(customer: &Customer, shop: &Shop) -> Customer {
    let token = customer.session["access_token"].as_str().unwrap();
    Customer { api: shop.visitor().bearer(token), ..customer.clone() }
}

/// Orders repeatedly until there is no response. Collects the accepted orders.
async fn buy_until_killed(client: &Client, body: &Value, answered: &std::sync::Mutex<Vec<Value>>) {
    loop {
        let client = client.with("idempotency-key", &unique());
        let (json, body) = (Some("application/json"), body.to_string());
        let answer = client.try_send(Method::POST, "/api/v1/orders", json, body.into()).await;
        let Ok(answer) = answer else { return };
        assert!(answer.status.is_success(), "{answer:?}");
        answered.lock().unwrap().push(answer.json());
    }
}

#[tokio::test]
async fn accepted_orders_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    harness::share_compiled_code(folder.path());
    let Some(shop) = open(folder.path()).await else { return };
    let (admin, ada) = (shop.admin().await, Customer::new(&shop).await);
    let sku = shop.product(&admin, 10_000).await;
    let (key, body) = (unique(), order(&[(&sku, 1)], "tok_approved"));
    let keyed = ada.place(&key, &body).await.expect(201);
    let first = ada.decided(keyed.json()["id"].as_str().unwrap()).await;

    let client = Client::new(shop.base()).bearer(ada.session["access_token"].as_str().unwrap());
    let answered = std::sync::Mutex::default();
    let buyers = join_all((0..BUYERS).map(|_| buy_until_killed(&client, &body, &answered)));
    let kill = async {
        eventually("orders are answered", CLEARING, async || {
            (answered.lock().unwrap().len() >= ANSWERED_MIN).then_some(())
        })
        .await;
        shop.into_host().kill().await;
    };
    tokio::join!(buyers, kill);

    let shop = open(folder.path()).await.unwrap();
    let (admin, ada) = (shop.admin().await, returned(&ada, &shop));
    assert_eq!(ada.order(first["id"].as_str().unwrap()).await, first);
    let again = ada.place(&key, &body).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body, keyed.body);
    for order in answered.into_inner().unwrap() {
        let now = ada.decided(order["id"].as_str().unwrap()).await;
        assert_eq!(now["status"], "confirmed", "{now}");
        assert!(order["status"] == "pending" || order["status"] == now["status"], "{order}");
    }
    assert_books_agree(&admin, &ada, &sku).await;
}

/// Checks that all orders are decided, and that ledger, stock and orders agree.
async fn assert_books_agree(admin: &Api, ada: &Customer, sku: &str) {
    let orders = eventually("every order is decided", CLEARING, async || {
        let orders = ada.all_orders().await;
        orders.iter().all(|order| order["status"] != "pending").then_some(orders)
    })
    .await;
    let confirmed = orders.iter().filter(|order| order["status"] == "confirmed").count() as u64;
    let [received, on_hand, _, sold] = admin.stock(sku).await;
    assert_eq!((received, sold), (10_000, confirmed));
    let charged = i64::try_from(confirmed).unwrap() * 1_250;
    eventually("both sides of the ledger say what was charged", CLEARING, async || {
        let ledger = admin.all("/api/v1/payments/ledger", 100).await;
        let sum = |account: &str| {
            let own = ledger.iter().filter(|posting| posting["account"] == account);
            own.map(|posting| posting["amount"].as_i64().unwrap()).sum::<i64>()
        };
        ((sum("psp_clearing"), sum("customer_funds")) == (charged, -charged)).then_some(())
    })
    .await;
    assert!(on_hand <= received - confirmed);
}
