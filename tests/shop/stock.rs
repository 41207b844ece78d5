//! More buyers than pieces.

use crate::support::{Customer, Shop, order, unique};
use futures::future::join_all;

/// Each buyer tries so often.
const TRIES: usize = 5;

#[tokio::test]
async fn the_last_pieces_are_sold_once() {
    let shop = Shop::shared().await;
    let admin = shop.admin().await;
    let sku = shop.product(&admin, 5).await;
    let buyers = join_all((0..8).map(|_| Customer::new(shop))).await;
    let body = order(&[(&sku, 1)], "tok_approved");
    let tries = buyers.iter().flat_map(|buyer| std::iter::repeat_n(buyer, TRIES));
    let bought = tries.map(async |buyer| {
        let placed = buyer.place(&unique(), &body).await;
        assert!([201, 202].contains(&placed.status.as_u16()), "{placed:?}");
        buyer.decided(placed.json()["id"].as_str().unwrap()).await
    });
    let orders = join_all(bought).await;
    let with = |status: &str| orders.iter().filter(|order| order["status"] == status).count();
    assert_eq!((with("confirmed"), with("rejected")), (5, 35));
    for order in orders.iter().filter(|order| order["status"] == "rejected") {
        assert_eq!(order["rejection"]["code"], "out_of_stock", "{order}");
    }
    assert_eq!(admin.stock(&sku).await, [5, 0, 0, 5]);
    let shown = shop.visitor().get(&format!("/api/v1/products/{sku}")).await.expect(200).json();
    assert_eq!(shown["available"], 0);
}

#[tokio::test]
async fn crossing_orders_of_two_products_block_nobody() {
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
