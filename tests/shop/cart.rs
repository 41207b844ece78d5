//! Filling a cart.

use crate::support::{Customer, Shop, order, unique};
use serde_json::json;

#[tokio::test]
async fn a_cart_adds_up() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let (tea, cup) = (shop.product(&admin, 10).await, shop.product(&admin, 10).await);
    let empty = ada.api.get("/api/v1/cart").await.expect(200).json();
    assert_eq!((&empty["items"], &empty["total"]["amount"]), (&json!([]), &json!(0)));

    ada.api.put(&format!("/api/v1/cart/items/{tea}"), &json!({"quantity": 2})).await.expect(200);
    ada.api.put(&format!("/api/v1/cart/items/{cup}"), &json!({"quantity": 1})).await.expect(200);
    let changed = json!({"quantity": 3});
    let cart = ada.api.put(&format!("/api/v1/cart/items/{tea}"), &changed).await.expect(200).json();
    assert_eq!(cart["total"], json!({"amount": 4 * 1250, "currency": "EUR"}), "{cart}");
    assert_eq!(cart["items"].as_array().unwrap().len(), 2);

    ada.api.delete(&format!("/api/v1/cart/items/{cup}")).await.expect(204);
    let cart = ada.api.get("/api/v1/cart").await.expect(200).json();
    assert_eq!(cart["items"][0]["sku"], tea);
    assert_eq!(cart["total"]["amount"], 3 * 1250);
}

#[tokio::test]
async fn a_change_of_a_cart_that_changed_meanwhile_is_refused() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let path = format!("/api/v1/cart/items/{}", shop.product(&admin, 10).await);
    let seen = ada.api.get("/api/v1/cart").await.expect(200);
    let on_seen = ada.api.with("if-match", seen.header("etag"));
    on_seen.put(&path, &json!({"quantity": 1})).await.expect(200);
    on_seen.put(&path, &json!({"quantity": 2})).await.problem(412);
    let cart = ada.api.get("/api/v1/cart").await.expect(200).json();
    assert_eq!(cart["items"][0]["quantity"], 1);
}

#[tokio::test]
async fn a_cart_is_its_owners_alone() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let path = format!("/api/v1/cart/items/{}", shop.product(&admin, 10).await);
    ada.api.put(&path, &json!({"quantity": 1})).await.expect(200);
    let bob = Customer::new(shop).await;
    assert_eq!(bob.api.get("/api/v1/cart").await.expect(200).json()["items"], json!([]));
    shop.visitor().get("/api/v1/cart").await.problem(401);
}

#[tokio::test]
async fn an_order_without_items_is_an_order_of_the_cart() {
    let shop = Shop::shared().await;
    let (admin, ada) = (shop.admin().await, Customer::new(shop).await);
    let sku = shop.product(&admin, 10).await;
    let path = format!("/api/v1/cart/items/{sku}");
    ada.api.put(&path, &json!({"quantity": 4})).await.expect(200);
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
