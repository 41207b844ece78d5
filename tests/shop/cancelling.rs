//! Cancellations, with money, stock and parcels.

use crate::support::{Customer, Shop};

#[tokio::test]
async fn a_canceled_order_is_refunded_and_restocked() {
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
async fn orders_in_transit_and_rejected_orders_cannot_be_canceled() {
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
    let rejected = ada.buy(&[(&sku, 1)], "tok_declined").await;
    let path = format!("/api/v1/orders/{}/cancel", rejected["id"].as_str().unwrap());
    assert_eq!(ada.api.ask(&path).await.problem(409)["type"], "/problems/too-late");
}
