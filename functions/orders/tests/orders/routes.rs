//! The API: formats, refusals and access.

use crate::simulation::{ADA, Answer, Shop, body};
use chassis::page::Cursor;
use chassis::store::Store;
use orders::domain::ShipmentStatus;
use orders::ports::Cart;
use orders::records::{MARKS_MAX, Mark, Position, SHARDS};
use serde_json::{Value, json};

fn path(order: &Value) -> String {
    format!("/api/v1/orders/{}", order["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_placed_order_can_be_read() {
    let shop = Shop::new();
    let reply = shop.order(ADA, "k1", &body()).await;
    let location = reply.header("location").to_owned();
    let order = reply.expect(201);
    assert_eq!(order["status"], "confirmed");
    assert_eq!(order["total"], json!({"amount": 2_500, "currency": "EUR"}));
    let item = json!({
        "sku": "SKU-1", "name": "Thing SKU-1", "quantity": 2,
        "price": {"amount": 1_250, "currency": "EUR"},
    });
    assert_eq!(order["items"], json!([item]));
    assert_eq!(order["shipping_address"]["country"], "AT");
    assert!(order.get("rejection").is_none());
    assert_eq!(location, path(&order));
    assert_eq!(shop.customer().get(&location).await.expect(200), order);
}

#[tokio::test]
async fn requests_with_the_same_key_place_one_order() {
    let shop = Shop::new();
    let first = shop.order(ADA, "k1", &body()).await.expect(201);
    let again = shop.order(ADA, "k1", &body()).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.expect(201), first);
    let mut other = body();
    other["items"][0]["quantity"] = json!(1);
    shop.order(ADA, "k1", &other).await.expect(422);
    assert_ne!(shop.order("usr_bob", "k1", &body()).await.expect(201)["id"], first["id"]);
}

#[tokio::test]
async fn a_declined_card_makes_a_rejected_order() {
    let shop = Shop::new();
    shop.simulation.script("Authorize", &[Answer::Refused]);
    let order = shop.order(ADA, "k1", &body()).await.expect(201);
    assert_eq!(order["status"], "rejected");
    assert_eq!(order["rejection"], json!({"code": "no", "detail": "refused"}));
}

#[tokio::test]
async fn a_slow_order_is_accepted_and_finished_later() {
    let shop = Shop::new();
    shop.simulation.script("Commit", &[Answer::Unavailable; 6]);
    let order = shop.order(ADA, "k1", &body()).await.expect(202);
    assert_eq!(order["status"], "pending");
    shop.simulation.advance(60_000);
    let order = shop.customer().get(&path(&order)).await.expect(200);
    assert_eq!(order["status"], "confirmed", "a read continues it");
}

async fn faults(shop: &Shop, body: &Value) -> Vec<String> {
    let problem = shop.order(ADA, &chassis::id::new("k"), body).await.expect(422);
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_fault_has_its_pointer() {
    let shop = Shop::new();
    let with = |pointer: &str, value: Value| {
        let mut body = body();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for quantity in [json!(0), json!(-1), json!(1_001), json!(4_294_967_296_u64), json!("2")] {
        let body = with("/items/0/quantity", quantity);
        assert_eq!(faults(&shop, &body).await, ["/items/0/quantity"]);
    }
    assert_eq!(faults(&shop, &with("/items", json!([]))).await, ["/items"]);
    for country in ["at", "XX", "AUT", ""] {
        let body = with("/shipping_address/country", json!(country));
        assert_eq!(faults(&shop, &body).await, ["/shipping_address/country"], "{country}");
    }
    let body = with("/payment_method", json!("4111 1111"));
    assert_eq!(faults(&shop, &body).await, ["/payment_method"]);
    let all = faults(&shop, &json!({"items": [{"sku": "SKU-1"}], "gift": true})).await;
    let expected = ["/items/0/quantity", "/shipping_address", "/payment_method", "/gift"];
    assert_eq!(all, expected);
    let twice = json!([{"sku": "SKU-1", "quantity": 600}, {"sku": "SKU-1", "quantity": 600}]);
    assert_eq!(faults(&shop, &with("/items", twice)).await, ["/items/1/quantity"]);
    let unknown = json!([{"sku": "SKU-1", "quantity": 1}, {"sku": "NOPE", "quantity": 1}]);
    assert_eq!(faults(&shop, &with("/items", unknown)).await, ["/items/1/sku"]);
    let list = shop.customer().get("/api/v1/orders").await.expect(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn an_order_without_items_orders_and_clears_the_cart() {
    let shop = Shop::new();
    let mut from_cart = body();
    from_cart.as_object_mut().unwrap().remove("items");
    assert_eq!(faults(&shop, &from_cart).await, [""], "the cart is empty");
    shop.simulation.with(|state| {
        state.cart = Cart { version: 3, lines: vec![("SKU-7".to_owned(), 2)] };
    });
    let order = shop.order(ADA, "k1", &from_cart).await.expect(201);
    assert_eq!(
        (&order["status"], &order["items"][0]["sku"]),
        (&json!("confirmed"), &json!("SKU-7"))
    );
    assert!(shop.simulation.with(|state| state.cart.lines.is_empty()));
}

#[tokio::test]
async fn a_token_and_an_idempotency_key_are_required() {
    let shop = Shop::new();
    shop.client().get("/api/v1/orders").await.expect(401);
    shop.customer().post("/api/v1/orders", &body()).await.expect(400);
}

#[tokio::test]
async fn only_owners_and_administrators_can_read_an_order() {
    let shop = Shop::new();
    let path = path(&shop.place().await);
    let bob = shop.client().customer("usr_bob");
    for tail in ["", "/events", "/shipments", "/history"] {
        bob.get(&format!("{path}{tail}")).await.expect(404);
    }
    shop.post(bob, &format!("{path}/cancel")).await.expect(404);
    shop.admin().get(&path).await.expect(200);
    for id in ["x", "ord_1", "ord_01930000-0000-7000-8000-00000000ffff"] {
        shop.customer().get(&format!("/api/v1/orders/{id}")).await.expect(404);
    }
}

#[tokio::test]
async fn orders_are_listed_newest_first_in_pages() {
    let shop = Shop::new();
    let mut placed = Vec::new();
    for _ in 0..130 {
        placed.insert(0, shop.place().await["id"].clone());
    }
    shop.order("usr_bob", "k", &body()).await.expect(201);
    let (mut listed, mut path) = (Vec::new(), "/api/v1/orders?limit=33".to_owned());
    loop {
        let page = shop.customer().get(&path).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 33);
        listed.extend(items.iter().map(|order| order["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/orders?limit=33&cursor={cursor}");
    }
    assert_eq!(listed, placed);
    let full_page = format!("orders_of:{ADA}:0");
    assert!(shop.simulation.store.keys().contains(&full_page), "full pages are moved");
    let other = shop.client().customer("usr_bob").get(&path).await;
    other.expect(400);
}

#[tokio::test]
async fn a_forged_cursor_costs_no_more_than_a_valid_one() {
    let shop = Shop::new();
    let order = shop.place().await;
    let positions = [(100_000, 0), (100_000, 7), (0, usize::MAX), (u64::MAX, usize::MAX)];
    for (page, index) in positions {
        let position = Position { page, index };
        let cursor = Cursor::encode(&format!("orders/{ADA}"), &position);
        let before = shop.simulation.with(|state| state.reads);
        let path = format!("/api/v1/orders?cursor={cursor}");
        let page = shop.customer().get(&path).await.expect(200);
        assert!(shop.simulation.with(|state| state.reads) - before <= 3, "{position:?}");
        let listed = page["items"].as_array().unwrap().iter().map(|it| &it["id"]);
        assert!(listed.eq(if index == 0 { vec![] } else { vec![&order["id"]] }), "{position:?}");
        assert_eq!(page["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn an_order_can_be_canceled_until_a_parcel_leaves() {
    let shop = Shop::new();
    let cancel = format!("{}/cancel", path(&shop.place().await));
    let canceled = shop.post(shop.customer(), &cancel).await.expect(200);
    assert_eq!(canceled["status"], "cancelled");
    assert_eq!(shop.post(shop.customer(), &cancel).await.expect(200), canceled);

    let order = shop.place().await;
    shop.simulation.set_parcel(order["id"].as_str().unwrap(), ShipmentStatus::InTransit);
    let refused = shop.post(shop.customer(), &format!("{}/cancel", path(&order))).await;
    refused.expect_problem(409, "too-late");
}

#[tokio::test]
async fn a_slow_cancellation_is_accepted() {
    let shop = Shop::new();
    let path = path(&shop.place().await);
    shop.simulation.script("CancelPayment", &[Answer::RequestLost; 6]);
    shop.post(shop.customer(), &format!("{path}/cancel")).await.expect(202);
    shop.simulation.advance(60_000);
    assert_eq!(shop.customer().get(&path).await.expect(200)["status"], "cancelled");
}

#[tokio::test]
async fn history_and_shipments_can_be_read() {
    let shop = Shop::new();
    let path = path(&shop.place().await);
    let history = shop.customer().get(&format!("{path}/history")).await.expect(200);
    let events = history["items"].as_array().unwrap();
    assert_eq!(events[0]["type"], "placed");
    assert!(events.iter().any(|event| event["type"] == "confirmed"));
    let numbers: Vec<u64> = events.iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    let shipments = shop.customer().get(&format!("{path}/shipments")).await.expect(200);
    assert_eq!(shipments["items"][0]["status"], "created");
}

#[tokio::test]
async fn an_order_with_a_changed_price_is_refused() {
    let shop = Shop::new();
    let mut order = body();
    order["expected_total"] = json!({"amount": 2_400, "currency": "EUR"});
    let refused = shop.order(ADA, "k1", &order).await;
    let problem = refused.expect_problem(409, "price-changed");
    assert_eq!(problem["expected_total"], json!({"amount": 2_400, "currency": "EUR"}));
    assert_eq!(problem["total"], json!({"amount": 2_500, "currency": "EUR"}));
    assert!(shop.simulation.with(|state| state.participants.is_empty()));
    assert!(shop.simulation.log.events().is_empty());
    let list = shop.customer().get("/api/v1/orders").await.expect(200);
    assert_eq!(list["items"], json!([]));
    order["expected_total"] = json!({"amount": 2_500, "currency": "EUR"});
    assert_eq!(shop.order(ADA, "k2", &order).await.expect(201)["status"], "confirmed");
    for wrong in [json!({"amount": -1, "currency": "EUR"}), json!({"amount": 1}), json!("25.00")] {
        order["expected_total"] = wrong;
        assert!(faults(&shop, &order).await[0].starts_with("/expected_total"));
    }
}

#[tokio::test]
async fn too_many_unfinished_orders_are_refused_with_the_limit() {
    let shop = Shop::new();
    let mark = |number: usize| Mark { id: format!("ord_{number}"), at_ms: 1, by: "one".to_owned() };
    let fill = async |marks: usize| {
        let marks: Vec<Mark> = (0..marks).map(mark).collect();
        for shard in 0..SHARDS {
            shop.simulation.store.write(&format!("unfinished/{shard}"), &marks).await.unwrap();
        }
    };
    fill(MARKS_MAX).await;
    let refused = shop.order(ADA, "k1", &body()).await;
    assert_eq!(refused.header("retry-after"), "5");
    let problem = refused.expect_problem(503, "too-many-unfinished");
    assert_eq!(problem["unfinished_max"], MARKS_MAX);
    assert!(shop.simulation.with(|state| state.participants.is_empty()));
    fill(0).await;
    let order = shop.order(ADA, "k1", &body()).await.expect(201);
    assert_eq!(order["status"], "confirmed");

    // An existing order may be canceled until there are twice as many.
    let cancel = format!("{}/cancel", path(&order));
    fill(2 * MARKS_MAX).await;
    let refused = shop.post(shop.customer(), &cancel).await;
    assert_eq!(refused.expect(503)["unfinished_max"], 2 * MARKS_MAX);
    fill(MARKS_MAX).await;
    shop.post(shop.customer(), &cancel).await.expect(200);
}

#[tokio::test]
async fn a_card_number_is_refused_and_neither_stored_nor_returned() {
    let shop = Shop::new();
    let mut order = body();
    for number in ["4111111111111111", "4111-1111-1111-1111", "pan:5500000000000004"] {
        order["payment_method"] = json!(number);
        let problem = shop.order(ADA, "k1", &order).await.expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/payment_method");
        assert!(!problem.to_string().contains(number), "{problem}");
    }
    order["payment_method"] = json!(4_111_111_111_111_111_u64);
    assert_eq!(faults(&shop, &order).await, ["/payment_method"]);
    let keys = shop.simulation.store.keys();
    assert!(keys.is_empty(), "{keys:?}");
}
