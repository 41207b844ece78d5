#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use chassis::events::Event;

use super::*;

const ORD: &str = "ord_00000000-0000-7000-8000-0000000003e9";
const USR: &str = "usr_00000000-0000-7000-8000-0000000003ea";
const NATIVE: &str = "ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11";

fn event(kind: &str, sequence: u64, data: &Value) -> Event {
    Event {
        id: format!("x.{sequence}"),
        source: "/x".to_owned(),
        kind: kind.to_owned(),
        subject: Some("x".to_owned()),
        time: Some("2026-01-31T12:00:01.000Z".to_owned()),
        data_content_type: None,
        data_schema: None,
        extensions: BTreeMap::from([("sequence".to_owned(), sequence.to_string())]),
        data: data.to_string(),
    }
}

fn old_order() -> Value {
    json!({
        "order": "1001", "customer": 1002, "state": "paid", "past": true, "total": "13.00",
        "articles": [{"article": "OLD-0001", "name": "Assam", "pieces": 2, "price": "6.50"}],
        "currency": "EUR", "created": "2026-01-31 12:00:00",
    })
}

fn data(event: &Event) -> Value {
    serde_json::from_str(&event.data).unwrap()
}

#[test]
fn an_order_of_the_older_shop_survives_both_translations() {
    let (translated, is_past) = order_event(&event("", 2, &old_order())).unwrap();
    assert!(is_past);
    assert_eq!(translated.id, format!("{ORD}.2"));
    assert_eq!(translated.kind, "com.shop.orders.order.confirmed.v1");
    assert_eq!((translated.sequence(), translated.partition_key()), (Some(2), ORD));
    let state = data(&translated);
    assert_eq!((&state["order_id"], &state["user_id"]), (&ORD.into(), &USR.into()));
    assert_eq!(state["total"], json!({"amount": 1300, "currency": "EUR"}));
    assert_eq!(state["created_at"], "2026-01-31T12:00:00.000Z");
    let mut expected = old_order();
    let members = expected.as_object_mut().unwrap();
    members.remove("past");
    members.remove("customer");
    assert_eq!(order(&state), expected);
    assert_eq!(copied(&translated), Ok(None), "the older shop has it");
}

#[test]
fn what_the_older_shop_never_publishes_is_not_translated() {
    for (member, value) in [
        ("order", json!("x")),
        ("state", json!("lost")),
        ("total", json!("13")),
        ("total", json!("-1.00")),
        ("created", json!("yesterday")),
        ("customer", json!(null)),
    ] {
        let mut wrong = old_order();
        wrong[member] = value;
        assert!(order_event(&event("", 1, &wrong)).is_err(), "{wrong}");
    }
    let mut unnumbered = event("", 1, &old_order());
    unnumbered.extensions.clear();
    assert!(order_event(&unnumbered).is_err());
}

#[test]
fn an_order_of_the_functions_is_copied_in_the_words_of_the_older_shop() {
    let state = json!({
        "order_id": NATIVE, "user_id": USR, "status": "shipped",
        "lines": [{"sku": "A-1", "name": "A", "quantity": 1, "price": {"amount": 5, "currency": "EUR"}}],
        "total": {"amount": 5, "currency": "EUR"}, "created_at": "2026-01-31T12:00:00.123Z",
    });
    let shipped = event("com.shop.orders.order.shipped.v1", 3, &state);
    let order = json!({
        "order": NATIVE, "state": "sent", "total": "0.05", "currency": "EUR",
        "articles": [{"article": "A-1", "name": "A", "pieces": 1, "price": "0.05"}],
        "created": "2026-01-31 12:00:00",
    });
    let expected = json!({"customer": 1002, "sequence": 3, "order": order});
    assert_eq!(copied(&shipped), Ok(Some(expected)));
    let message = announcement(&shipped).unwrap().unwrap();
    assert_eq!((message.request, message.customer), (format!("{NATIVE}:shipped"), 1002));
    assert_eq!(message.legacy["kind"], "sent");
    assert_eq!(announcement(&event("com.shop.orders.order.placed.v1", 1, &state)), Ok(None));
    let mut foreign = state;
    foreign["user_id"] = json!(chassis::id::new("usr"));
    assert!(copied(&event("com.shop.orders.order.shipped.v1", 3, &foreign)).is_err());
}

#[test]
fn a_message_has_one_name_on_both_sides() {
    let sent = |request: &str, kind: &str, order: &str| {
        let at = "2026-01-31 12:00:00";
        let data =
            json!({"request": request, "customer": 1002, "kind": kind, "order": order, "sent": at});
        imported(&event("", 1, &data)).map(|event| data_of(&event))
    };
    fn data_of(event: &Event) -> (String, String) {
        let data = data(event);
        let text = |name: &str| data[name].as_str().unwrap().to_owned();
        (text("request_id"), text("template_code"))
    }
    let confirmed = (format!("{ORD}:confirmed"), "order-confirmed".to_owned());
    assert_eq!(sent("1001:paid", "paid", "1001"), Ok(confirmed.clone()));
    assert_eq!(sent(&confirmed.0, "paid", "1001"), Ok(confirmed));
    let rejected = (format!("{NATIVE}:rejected"), "order-rejected".to_owned());
    assert_eq!(sent(&rejected.0, "void", NATIVE), Ok(rejected));
    assert!(sent("a", "lost", "1001").is_err());
    assert!(sent("a", "paid", "x").is_err());
}

#[test]
fn only_mails_about_orders_are_messages_of_the_older_shop() {
    let item = |channel: &str, template: &str, sent_at: Value| {
        json!({
            "channel": channel, "template_code": template, "order_id": ORD, "status": "sent",
            "sent_at": sent_at, "created_at": "2026-01-31T11:00:00.000Z",
        })
    };
    let page = json!({"items": [
        item("email", "order-confirmed", json!("2026-01-31T12:00:00.999Z")),
        item("push", "order-shipped", json!(null)),
        item("email", "welcome", json!(null)),
        item("email", "order-returned", json!(null)),
    ]});
    let expected = json!({"notifications": [
        {"kind": "paid", "order": "1001", "sent": "2026-01-31 12:00:00"},
        {"kind": "void", "order": "1001", "sent": "2026-01-31 11:00:00"},
    ]});
    assert_eq!(messages(&page), expected);
}

#[test]
fn an_order_is_placed_in_the_words_of_the_functions() {
    let body = json!({
        "reference": "a", "card": "tok_approved",
        "articles": [{"article": "OLD-0001", "pieces": 2}],
        "ship_to": {"name": "Ada", "street": "1", "city": "London", "zip": "N1", "country": "GB"},
    });
    let expected = json!({
        "items": [{"sku": "OLD-0001", "quantity": 2}], "payment_method": "tok_approved",
        "shipping_address":
            {"name": "Ada", "street": "1", "city": "London", "postal_code": "N1", "country": "GB"},
    });
    assert_eq!(new_order(&body), expected);
}

#[test]
fn an_order_has_the_shape_and_the_size_of_the_older_shop() {
    let line = |pieces: Value| json!({"article": "OLD-0001", "pieces": pieces});
    let order = |articles: Value| {
        json!({
            "reference": "a", "card": "tok_approved", "articles": articles,
            "ship_to": {"name": "Ada", "street": "1", "city": "London", "zip": "N1", "country": "GB"},
        })
    };
    assert!(is_new_order(&order(json!([line(json!(1)), line(json!(PIECES_MAX))]))));
    assert!(is_new_order(&order(json!(vec![line(json!(1)); LINES_MAX]))));
    assert!(!is_new_order(&order(json!(vec![line(json!(1)); LINES_MAX + 1]))));
    for pieces in [json!(0), json!(-1), json!(1.5), json!("1"), json!(PIECES_MAX + 1)] {
        assert!(!is_new_order(&order(json!([line(pieces.clone())]))), "{pieces}");
    }
    for articles in [json!([]), json!({}), Value::Null, json!([{"pieces": 1}]), json!(["x"])] {
        assert!(!is_new_order(&order(articles.clone())), "{articles}");
    }
    for member in ["card", "ship_to"] {
        let mut without = order(json!([line(json!(1))]));
        without[member] = Value::Null;
        assert!(!is_new_order(&without), "{member}");
    }
}

#[test]
fn problems_become_errors_of_the_older_shop() {
    let problem = json!({"title": "Unprocessable", "errors": [{"pointer": "/items/0/sku"}]});
    let status = |status| (refusal(status, &problem).status, refusal(status, &problem).body);
    let (code, body) = status(422);
    assert_eq!((code, body), (400, json!({"error": "bad_request", "message": "Unprocessable"})));
    for (new, old) in [(401, 401), (403, 401), (404, 404), (409, 409), (429, 503), (500, 503)] {
        assert_eq!(status(new).0, old, "{new}");
    }
}

#[test]
fn ids_and_times_lead_back() {
    assert_eq!(order_id("1001").as_deref(), Some(ORD));
    assert_eq!(order_number(ORD), "1001");
    assert_eq!(order_id(NATIVE).as_deref(), Some(NATIVE));
    assert_eq!(order_number(NATIVE), NATIVE);
    assert_eq!(order_id("x"), None);
    assert_eq!(new_time("2026-01-31 12:00:00").as_deref(), Some("2026-01-31T12:00:00.000Z"));
    assert_eq!(old_time("2026-01-31T12:00:00.999Z"), "2026-01-31 12:00:00");
}
