//! Carts, with the names and prices of the catalog.

use crate::support::{Customer, Shop, order, unique};
use serde_json::json;

#[tokio::test]
async fn an_order_without_items_is_an_order_of_the_cart() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let path = format!("/api/v1/cart/items/{sku}");
    let empty = ada.api.get("/api/v1/cart").await.expect(200);
    let on_empty = ada.api.with("if-match", empty.header("etag"));
    let cart = on_empty.put(&path, &json!({"quantity": 4})).await.expect(200).json();
    assert_eq!(cart["total"], json!({"amount": 4 * 1250, "currency": "EUR"}), "{cart}");
    on_empty.put(&path, &json!({"quantity": 5})).await.problem(412);
    let other = format!("/api/v1/cart/items/{}", shop.product(&admin, 10).await);
    ada.api.put(&other, &json!({"quantity": 1})).await.expect(200);
    ada.api.delete(&other).await.expect(204);
    let mut body = order(&[], "tok_approved");
    body.as_object_mut().unwrap().remove("items");
    let placed = ada.place(&unique(), &body).await.expect(201).json();
    let placed = ada.decided(placed["id"].as_str().unwrap()).await;
    assert_eq!(placed["status"], "confirmed", "{placed}");
    assert_eq!(placed["items"][0]["sku"], sku);
    assert_eq!(placed["total"]["amount"], 4 * 1250);
    let cart = ada.api.get("/api/v1/cart").await.expect(200).json();
    assert_eq!(cart["items"], json!([]), "an ordered cart is empty");

    let empty = ada.place(&unique(), &body).await.problem(422);
    assert_eq!(empty["type"], "/problems/invalid-body");
}
