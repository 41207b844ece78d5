//! Changing one's mind.

use crate::support::{Customer, Shop};
use serde_json::json;

#[tokio::test]
async fn a_paid_order_is_called_off_and_everything_goes_back() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let order = ada.buy(&[(&sku, 4)], "tok_approved").await;
    let id = order["id"].as_str().unwrap();
    assert_eq!(admin.stock(&sku).await, [10, 6, 0, 4]);

    let answer = ada.api.ask(&format!("/api/v1/orders/{id}/cancel")).await;
    assert!([200, 202].contains(&answer.status.as_u16()), "{answer:?}");
    ada.with_status(id, "cancelled").await;
    assert_eq!(admin.stock(&sku).await, [10, 10, 0, 0]);
    let charged = ("psp_clearing".to_owned(), 5_000);
    let postings = admin.postings(&order).await;
    assert_eq!(postings[0], charged, "{postings:?}");
    assert_eq!(postings.len(), 4, "a charge and a refund: {postings:?}");
    for account in ["psp_clearing", "customer_funds"] {
        let own = postings.iter().filter(|(name, _)| name == account);
        assert_eq!(own.map(|(_, amount)| amount).sum::<i64>(), 0, "{postings:?}");
    }
    let shipments = ada.api.get(&format!("/api/v1/orders/{id}/shipments")).await.expect(200);
    for shipment in shipments.json()["items"].as_array().unwrap() {
        assert_eq!(shipment["status"], "cancelled");
    }
}

#[tokio::test]
async fn calling_off_twice_gives_the_money_back_once() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let path = format!("/api/v1/orders/{}/cancel", order["id"].as_str().unwrap());
    let answers = futures::future::join_all((0..5).map(|_| ada.api.ask(&path))).await;
    for answer in answers {
        assert!([200, 202].contains(&answer.status.as_u16()), "{answer:?}");
    }
    ada.with_status(order["id"].as_str().unwrap(), "cancelled").await;
    assert_eq!(ada.api.ask(&path).await.expect(200).json()["status"], "cancelled");
    assert_eq!(admin.postings(&order).await.len(), 4);
    assert_eq!(admin.stock(&sku).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn a_parcel_on_its_way_is_not_called_back() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let id = order["id"].as_str().unwrap();
    admin.report(&ada, id, "in_transit").await;
    let problem = ada.api.ask(&format!("/api/v1/orders/{id}/cancel")).await.problem(409);
    assert_eq!(problem["type"], "/problems/too-late");
    assert_eq!(ada.order(id).await["status"], "shipped");
    assert_eq!(admin.stock(&sku).await, [5, 4, 0, 1]);
    assert_eq!(admin.postings(&order).await.len(), 2);
}

#[tokio::test]
async fn what_was_rejected_is_not_called_off() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_declined").await;
    let path = format!("/api/v1/orders/{}/cancel", order["id"].as_str().unwrap());
    assert_eq!(ada.api.ask(&path).await.problem(409)["type"], "/problems/too-late");
    assert_eq!(admin.stock(&sku).await, [5, 5, 0, 0]);
}

#[tokio::test]
async fn an_order_of_somebody_else_does_not_exist() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 5).await;
    let order = ada.buy(&[(&sku, 1)], "tok_approved").await;
    let id = order["id"].as_str().unwrap();
    let bob = Customer::new(shop).await;
    let place = format!("/api/v1/orders/{id}");
    for path in ["", "/events", "/shipments", "/history"] {
        bob.api.get(&format!("{place}{path}")).await.problem(404);
    }
    bob.api.ask(&format!("{place}/cancel")).await.problem(404);
    assert_eq!(bob.api.get("/api/v1/orders").await.expect(200).json()["items"], json!([]));
    assert_eq!(ada.order(id).await["status"], "confirmed");
    // Administrators look, but do not act for a customer.
    assert_eq!(admin.get(&place).await.expect(200).json()["id"], order["id"]);
}
