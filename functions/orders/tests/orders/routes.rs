//! Orders over HTTP: shapes, refusals, who may see what, and the live stream.

use crate::world::Mood;
use crate::world::shop::{ADA, Shop, body, read};
use axum::body::Body;
use chassis::page::Cursor;
use chassis::store::Store;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use orders::domain::ShipmentStatus;
use orders::ports::Cart;
use orders::records::{MARKS_MAX, Mark, OPEN_SHARDS, Position};
use serde_json::{Value, json};

#[tokio::test]
async fn an_order_is_placed_and_found_again() {
    let shop = Shop::new();
    let response = shop.order(ADA, "k1", &body()).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let (status, order) = read(response).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(order["status"], "confirmed");
    assert_eq!(order["total"], json!({"amount": 2_500, "currency": "EUR"}));
    let item = json!({
        "sku": "SKU-1", "name": "Thing SKU-1", "quantity": 2,
        "price": {"amount": 1_250, "currency": "EUR"},
    });
    assert_eq!(order["items"], json!([item]));
    assert_eq!(order["shipping_address"]["country"], "AT");
    assert!(order.get("rejection").is_none());
    assert_eq!(location, format!("/api/v1/orders/{}", order["id"].as_str().unwrap()));
    assert_eq!(shop.get(ADA, &location).await, (StatusCode::OK, order));
}

#[tokio::test]
async fn the_same_key_is_the_same_order() {
    let shop = Shop::new();
    let (_, first) = read(shop.order(ADA, "k1", &body()).await).await;
    let again = shop.order(ADA, "k1", &body()).await;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(read(again).await, (StatusCode::CREATED, first.clone()));
    let mut other = body();
    other["items"][0]["quantity"] = json!(1);
    assert_eq!(shop.order(ADA, "k1", &other).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let (_, of_bob) = read(shop.order("usr_bob", "k1", &body()).await).await;
    assert_ne!(of_bob["id"], first["id"]);
}

#[tokio::test]
async fn a_declined_card_makes_a_rejected_order() {
    let shop = Shop::new();
    shop.world.mood("Authorize", &[Mood::Refuses]);
    let (status, order) = read(shop.order(ADA, "k1", &body()).await).await;
    assert_eq!((status, &order["status"]), (StatusCode::CREATED, &json!("rejected")));
    assert_eq!(order["rejection"], json!({"code": "no", "detail": "refused"}));
}

#[tokio::test]
async fn an_order_that_takes_longer_is_accepted_and_ends_later() {
    let shop = Shop::new();
    shop.world.mood("Commit", &[Mood::Fails; 6]);
    let response = shop.order(ADA, "k1", &body()).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let (status, order) = read(response).await;
    assert_eq!((status, &order["status"]), (StatusCode::ACCEPTED, &json!("pending")));
    shop.world.with(|state| state.now_ms += 60_000);
    let (_, order) = shop.get(ADA, &location).await;
    assert_eq!(order["status"], "confirmed", "looking at it moves it on");
}

async fn faults(shop: &Shop, body: &Value) -> Vec<String> {
    let (status, problem) = read(shop.order(ADA, &chassis::id::new("k"), body).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_fault_is_pointed_at() {
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
    assert_eq!(faults(&shop, &with("/items/0/sku", json!("NOPE"))).await, ["/items/0/sku"]);
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
    assert!(shop.get(ADA, "/api/v1/orders").await.1["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn without_items_the_cart_is_ordered() {
    let shop = Shop::new();
    let mut from_cart = body();
    from_cart.as_object_mut().unwrap().remove("items");
    assert_eq!(faults(&shop, &from_cart).await, [""], "the cart is empty");
    shop.world.with(|state| {
        state.cart = Cart { version: 3, lines: vec![("SKU-7".to_owned(), 2)] };
    });
    let (status, order) = read(shop.order(ADA, "k1", &from_cart).await).await;
    assert_eq!((status, &order["items"][0]["sku"]), (StatusCode::CREATED, &json!("SKU-7")));
    assert!(shop.world.with(|state| state.cart.lines.is_empty()));
}

#[tokio::test]
async fn nobody_comes_in_without_token_or_key() {
    let shop = Shop::new();
    let request = Request::get("/api/v1/orders").body(Body::empty()).unwrap();
    assert_eq!(shop.send(request).await.status(), StatusCode::UNAUTHORIZED);
    let request = shop
        .request("POST", ADA, "/api/v1/orders")
        .header("content-type", "application/json")
        .body(Body::from(body().to_string()))
        .unwrap();
    assert_eq!(shop.send(request).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn orders_of_others_do_not_exist_but_for_administrators() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    for tail in ["", "/events", "/shipments", "/history"] {
        let (status, _) = shop.get("usr_bob", &format!("{path}{tail}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{tail}");
    }
    let (status, _) = shop.post("usr_bob", &format!("{path}/cancel")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(shop.get("usr_admin", &path).await.0, StatusCode::OK);
    for id in ["x", "ord_1", "ord_01930000-0000-7000-8000-00000000ffff"] {
        let (status, _) = shop.get(ADA, &format!("/api/v1/orders/{id}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{id}");
    }
}

#[tokio::test]
async fn orders_are_listed_newest_first_in_pages() {
    let shop = Shop::new();
    shop.world.with(|state| state.on_hand = 1_000);
    let mut placed = Vec::new();
    for number in 0..130 {
        let (_, order) = read(shop.order(ADA, &format!("k{number}"), &body()).await).await;
        placed.insert(0, order["id"].clone());
    }
    shop.order("usr_bob", "k", &body()).await;
    let (mut listed, mut path) = (Vec::new(), "/api/v1/orders?limit=33".to_owned());
    loop {
        let (status, page) = shop.get(ADA, &path).await;
        assert_eq!(status, StatusCode::OK);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 33);
        listed.extend(items.iter().map(|order| order["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/orders?limit=33&cursor={cursor}");
    }
    assert_eq!(listed, placed);
    let full_page = format!("orders_of:{ADA}:0");
    assert!(shop.world.1.keys().contains(&full_page), "pages are of bounded size");
    let (status, _) = shop.get("usr_bob", &path).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a cursor of another list");
}

#[tokio::test]
async fn a_cursor_that_was_made_up_costs_no_more_than_a_true_one() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let positions = [(100_000, 0), (100_000, 7), (0, usize::MAX), (u64::MAX, usize::MAX)];
    for (page, index) in positions {
        let position = Position { page, index };
        let cursor = Cursor::encode(&format!("orders/{ADA}"), &position);
        let before = shop.world.with(|state| state.reads);
        let (status, page) = shop.get(ADA, &format!("/api/v1/orders?cursor={cursor}")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(shop.world.with(|state| state.reads) - before <= 3, "{position:?}");
        let listed = page["items"].as_array().unwrap().iter().map(|it| &it["id"]);
        assert!(listed.eq(if index == 0 { vec![] } else { vec![&order["id"]] }), "{position:?}");
        assert_eq!(page["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn an_order_is_called_off_until_it_leaves() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    let (status, cancelled) = shop.post(ADA, &format!("{path}/cancel")).await;
    assert_eq!((status, &cancelled["status"]), (StatusCode::OK, &json!("cancelled")));
    assert_eq!(shop.post(ADA, &format!("{path}/cancel")).await, (status, cancelled));

    let (_, order) = read(shop.order(ADA, "k2", &body()).await).await;
    let id = order["id"].as_str().unwrap();
    shop.world.with(|state| state.parcels.insert(id.to_owned(), ShipmentStatus::InTransit));
    let (status, problem) = shop.post(ADA, &format!("/api/v1/orders/{id}/cancel")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["type"], "/problems/too-late");
}

#[tokio::test]
async fn a_cancellation_that_takes_longer_is_accepted() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    shop.world.mood("CancelPayment", &[Mood::Unanswered; 6]);
    let (status, _) = shop.post(ADA, &format!("{path}/cancel")).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    shop.world.with(|state| state.now_ms += 60_000);
    assert_eq!(shop.get(ADA, &path).await.1["status"], "cancelled");
}

async fn stream(shop: &Shop, path: &str, seen: Option<&str>) -> (StatusCode, String) {
    let mut request = shop.request("GET", ADA, &format!("{path}/events"));
    if let Some(seen) = seen {
        request = request.header("last-event-id", seen);
    }
    let response = shop.send(request.body(Body::empty()).unwrap()).await;
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn told(text: &str) -> Vec<String> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| {
        let data: Value = serde_json::from_str(data).unwrap();
        data["status"].as_str().unwrap().to_owned()
    })
    .collect()
}

#[tokio::test]
async fn the_stream_tells_every_status_and_ends_with_the_order() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let id = order["id"].as_str().unwrap();
    let path = format!("/api/v1/orders/{id}");
    shop.world.with(|state| state.parcels.insert(id.to_owned(), ShipmentStatus::Delivered));
    let (status, text) = stream(&shop, &path, None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told(&text), ["pending", "confirmed", "shipped", "delivered"]);
    let ids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    let (_, rest) = stream(&shop, &path, Some(ids[1])).await;
    assert_eq!(told(&rest), ["shipped", "delivered"]);
    let (status, _) = stream(&shop, &path, Some(ids[3])).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "nothing is to come");
}

#[tokio::test]
async fn a_stream_of_an_order_that_stands_still_is_kept_alive_and_ends() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    let before_ms = shop.world.with(|state| state.now_ms);
    let (_, text) = stream(&shop, &path, None).await;
    assert_eq!(told(&text), ["pending", "confirmed"]);
    assert_eq!(text.matches(": keep-alive").count(), 7);
    let lived_ms = shop.world.with(|state| state.now_ms) - before_ms;
    assert!((120_000..121_000).contains(&lived_ms), "{lived_ms}");
}

#[tokio::test]
async fn history_and_shipments_can_be_read() {
    let shop = Shop::new();
    let (_, order) = read(shop.order(ADA, "k1", &body()).await).await;
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    let (_, history) = shop.get(ADA, &format!("{path}/history")).await;
    let events = history["items"].as_array().unwrap();
    assert_eq!(events[0]["type"], "placed");
    assert!(events.iter().any(|event| event["type"] == "confirmed"));
    let numbers: Vec<u64> = events.iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    let (_, shipments) = shop.get(ADA, &format!("{path}/shipments")).await;
    assert_eq!(shipments["items"][0]["status"], "created");
}

#[tokio::test]
async fn a_sweep_finishes_what_was_left() {
    let shop = Shop::new();
    shop.world.mood("Ship", &[Mood::Fails; 6]);
    let (status, _) = read(shop.order(ADA, "k1", &body()).await).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    shop.world.with(|state| state.now_ms += 60_000);
    let request = Request::post("/sweep").body(Body::empty()).unwrap();
    let (_, swept) = read(shop.send(request).await).await;
    assert_eq!(swept, json!({"settled": 1, "unfinished": 0, "failed": 0, "parked": []}));
    let request = Request::post("/sweep").body(Body::empty()).unwrap();
    assert_eq!(read(shop.send(request).await).await.1["settled"], 0);
}

#[tokio::test]
async fn a_changed_price_orders_nothing() {
    let shop = Shop::new();
    let mut asked = body();
    asked["expected_total"] = json!({"amount": 2_400, "currency": "EUR"});
    let (status, problem) = read(shop.order(ADA, "k1", &asked).await).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert!(problem["type"].as_str().unwrap().ends_with("price-changed"), "{problem}");
    assert_eq!(problem["expected_total"], json!({"amount": 2_400, "currency": "EUR"}));
    assert_eq!(problem["total"], json!({"amount": 2_500, "currency": "EUR"}));
    assert_eq!((shop.world.reserved(), shop.world.with(|state| state.payments.len())), (0, 0));
    assert!(shop.world.2.events().is_empty());
    let (_, listed) = shop.get(ADA, "/api/v1/orders").await;
    assert_eq!(listed["items"], json!([]));
    asked["expected_total"] = json!({"amount": 2_500, "currency": "EUR"});
    let (status, order) = read(shop.order(ADA, "k2", &asked).await).await;
    assert_eq!((status, &order["status"]), (StatusCode::CREATED, &json!("confirmed")));
    for wrong in [json!({"amount": -1, "currency": "EUR"}), json!({"amount": 1}), json!("25.00")] {
        asked["expected_total"] = wrong;
        assert!(faults(&shop, &asked).await[0].starts_with("/expected_total"));
    }
}

#[tokio::test]
async fn too_many_unfinished_orders_name_the_limit() {
    let shop = Shop::new();
    let mark = |number: usize| Mark { id: format!("ord_{number}"), at_ms: 1, by: "one".to_owned() };
    let fill = async |marks: usize| {
        let marks: Vec<Mark> = (0..marks).map(mark).collect();
        for shard in 0..OPEN_SHARDS {
            shop.world.1.write(&format!("unfinished/{shard}"), &marks).await.unwrap();
        }
    };
    fill(MARKS_MAX).await;
    let refused = shop.order(ADA, "k1", &body()).await;
    assert_eq!(refused.headers()["retry-after"], "5");
    let (status, problem) = read(refused).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    assert_eq!(problem["type"], "/problems/too-many-unfinished");
    assert_eq!(problem["unfinished_max"], MARKS_MAX);
    assert_eq!(shop.world.with(|state| state.payments.len()), 0);
    fill(0).await;
    let (status, order) = read(shop.order(ADA, "k1", &body()).await).await;
    assert_eq!((status, &order["status"]), (StatusCode::CREATED, &json!("confirmed")));

    // An existing order may be canceled until there are twice as many.
    let path = format!("/api/v1/orders/{}/cancel", order["id"].as_str().unwrap());
    fill(2 * MARKS_MAX).await;
    let (status, problem) = shop.post(ADA, &path).await;
    assert_eq!(
        (status, &problem["unfinished_max"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!(2 * MARKS_MAX))
    );
    fill(MARKS_MAX).await;
    assert_eq!(shop.post(ADA, &path).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_card_number_is_refused_and_neither_stored_nor_repeated() {
    let shop = Shop::new();
    for number in ["4111111111111111", "4111-1111-1111-1111", "pan:5500000000000004"] {
        let mut asked = body();
        asked["payment_method"] = json!(number);
        let (status, problem) = read(shop.order(ADA, "k1", &asked).await).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{number}");
        assert_eq!(problem["errors"][0]["pointer"], "/payment_method");
        assert!(!problem.to_string().contains(number), "{problem}");
    }
    let mut asked = body();
    asked["payment_method"] = json!(4_111_111_111_111_111_u64);
    assert_eq!(faults(&shop, &asked).await, ["/payment_method"]);
    assert!(shop.world.1.keys().is_empty(), "{:?}", shop.world.1.keys());
}
