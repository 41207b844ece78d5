#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};

use super::*;

const USER: &str = "usr_0192f0c1-0000-7000-8000-000000000001";

fn order() -> Value {
    json!({
        "order_id": "ord_1", "user_id": USER, "status": "any", "lines": [],
        "total": {"amount": 123_405, "currency": "EUR"},
        "rejection": null, "created_at": "2026-01-31T12:00:00Z",
    })
}

fn announced(status: &str, data: &Value) -> Result<Vec<Request>, String> {
    match meaning(&format!("{ORDER}{status}.v1"), &data.to_string())? {
        Meaning::Messages(requests) => Ok(requests),
        other => panic!("{other:?}"),
    }
}

fn variables(request: &Request) -> Vec<(&str, &str)> {
    request.variables.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

#[test]
fn a_confirmed_order_is_announced_by_mail_with_its_total() {
    let requests = announced("confirmed", &order()).unwrap();
    let [mail] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((mail.request_id.as_str(), mail.channel), ("ord_1:confirmed", Channel::Email));
    assert_eq!((mail.template_code.as_str(), mail.user_id.as_str()), ("order-confirmed", USER));
    assert_eq!(variables(mail), [("order_id", "ORD_1"), ("total", "1234.05 EUR")]);
    assert_eq!(mail.subject.as_deref(), Some("ord_1"));
}

#[test]
fn a_rejection_has_a_reason_and_a_cancellation_needs_none() {
    let mut data = order();
    assert!(announced("rejected", &data).is_err(), "no reason");
    data["rejection"] = json!({"code": "card_declined", "detail": "The card was declined."});
    let requests = announced("rejected", &data).unwrap();
    assert_eq!(variables(&requests[0])[1], ("reason", "The card was declined"));
    assert_eq!(variables(&announced("cancelled", &order()).unwrap()[0]), [("order_id", "ORD_1")]);
}

#[test]
fn returns_are_announced_by_mail_with_the_refund() {
    let mut data = order();
    for status in ["returned", "refunded"] {
        data["refunded"] = Value::Null;
        assert!(announced(status, &data).is_err(), "no refund");
        data["refunded"] = json!({"amount": 1_250, "currency": "EUR"});
        let requests = announced(status, &data).unwrap();
        let [mail] = &requests[..] else { panic!("{requests:?}") };
        assert_eq!(mail.request_id, format!("ord_1:{status}"));
        assert_eq!(mail.template_code, format!("order-{status}"));
        assert_eq!(variables(mail)[1], ("amount", "12.50 EUR"));
    }
}

#[test]
fn a_shipped_order_is_announced_on_both_channels_with_all_parcels_that_have_left() {
    let mut data = order();
    assert!(announced("shipped", &data).is_err(), "there is no parcel");
    let parcel = |courier: &str, code: &str| json!({"id": "shp_1", "courier": courier, "tracking_code": code, "status": "in_transit"});
    let mut late = parcel("Snail", "S-9");
    late["status"] = json!("created");
    data["parcels"] =
        json!([parcel("Swift", "S-1"), late, parcel("Swift", "S-2"), parcel("Ox", "")]);
    let requests = announced("shipped", &data).unwrap();
    let ids: Vec<_> = requests.iter().map(|it| (it.channel, it.request_id.as_str())).collect();
    let expected = [(Channel::Email, "ord_1:shipped"), (Channel::Push, "ord_1:shipped:push")];
    assert_eq!(ids, expected);
    for request in &requests {
        assert_eq!(
            variables(request)[1..],
            [("carrier", "Swift, Ox"), ("tracking_number", "S-1, S-2")]
        );
    }
    assert_eq!(announced("delivered", &order()).unwrap().len(), 2);
}

#[test]
fn new_users_get_a_welcome_mail() {
    let data = json!({
        "user_id": USER, "email": "ada@example.org", "name": "Ada", "language": "pt-BR",
        "roles": ["customer"],
    });
    let read = |kind: &str| match meaning(kind, &data.to_string()).unwrap() {
        Meaning::User(id, user, requests) => (id, user, requests),
        other => panic!("{other:?}"),
    };
    let (id, user, welcome) = read(REGISTERED);
    assert_eq!((id.as_str(), user.language.as_str()), (USER, "pt-BR"));
    assert_eq!(welcome[0].request_id, format!("{USER}:welcome"));
    assert_eq!(welcome[0].template_code, "welcome");
    assert_eq!(read(UPDATED).2, []);
}

#[test]
fn events_that_are_not_for_customers_are_ignored() {
    for kind in [
        "com.shop.orders.order.placed.v1",
        "com.shop.orders.order.confirmed.v2",
        "com.shop.orders.order.audited.v1",
        "com.shop.orders.saga.parked.v1",
        "com.shop.catalog.product.changed.v1",
    ] {
        assert_eq!(meaning(kind, "no JSON"), Ok(Meaning::Nothing), "{kind}");
    }
}

#[test]
fn invalid_data_is_an_error() {
    let mut data = order();
    data["total"] = json!("12.00");
    assert!(announced("confirmed", &data).is_err());
    assert!(meaning(UPDATED, "{}").is_err());
    let foreign = json!({"user_id": "../x", "email": "a@b", "name": "A", "language": "en"});
    assert!(meaning(UPDATED, &foreign.to_string()).is_err());
}

#[test]
fn mails_use_the_short_order_number_of_the_pages() {
    let mut data = order();
    data["order_id"] = json!("ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11");
    let requests = announced("delivered", &data).unwrap();
    for request in &requests {
        assert_eq!(variables(request), [("order_id", "5F0A9C11")]);
        assert_eq!(request.subject.as_deref(), data["order_id"].as_str(), "for links");
    }
}

#[test]
fn a_message_of_another_system_is_not_sent_again() {
    let mut data = json!({
        "request_id": "ord_1:confirmed", "user_id": USER, "template_code": "order-confirmed",
        "order_id": "ord_1", "sent_at": "2026-01-31T12:00:00Z",
    });
    let Ok(Meaning::Sent(request, at_ms)) = meaning(IMPORTED, &data.to_string()) else {
        panic!("a message that was sent")
    };
    assert_eq!((request.request_id.as_str(), at_ms), ("ord_1:confirmed", 1_769_860_800_000));
    assert_eq!(request.subject.as_deref(), Some("ord_1"));
    data["sent_at"] = json!("yesterday");
    assert!(meaning(IMPORTED, &data.to_string()).is_err());
}
