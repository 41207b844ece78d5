//! Orders.

use serde_json::{Value, json};

use super::{LIST_LENGTH_MAX, amount, money, old_time, order_number, state};

/// An order of a function, as the older shop shows it. `orders` has `id` and `items`, and events have
/// `order_id` and `lines`.
pub fn order(order: &Value) -> Value {
    let id = order["id"].as_str().or(order["order_id"].as_str()).unwrap_or_default();
    let items = order["items"].as_array().or(order["lines"].as_array());
    let line = |item: &Value| {
        json!({
            "article": item["sku"],
            "name": item["name"],
            "pieces": item["quantity"],
            "price": amount(&item["price"]),
        })
    };
    json!({
        "order": order_number(id),
        "state": state(order["status"].as_str().unwrap_or_default()),
        "articles": items.into_iter().flatten().map(line).collect::<Vec<_>>(),
        "total": amount(&order["total"]),
        "currency": order["total"]["currency"],
        "created": old_time(order["created_at"].as_str().unwrap_or_default()),
    })
}

/// A page of orders of a function, as the older shop shows it.
pub fn orders(page: &Value) -> Value {
    let items = page["items"].as_array().into_iter().flatten();
    let orders: Vec<Value> = items.take(LIST_LENGTH_MAX).map(order).collect();
    json!({ "orders": orders })
}

/// An order to place. What is malformed stays so, and the function refuses it.
pub fn new_order(body: &Value) -> Value {
    let line = |line: &Value| json!({"sku": line["article"], "quantity": line["pieces"]});
    let articles = body["articles"].as_array().into_iter().flatten();
    let to = &body["ship_to"];
    json!({
        "items": articles.map(line).collect::<Vec<_>>(),
        "shipping_address": {
            "name": to["name"],
            "street": to["street"],
            "city": to["city"],
            "postal_code": to["zip"],
            "country": to["country"],
        },
        "payment_method": body["card"],
    })
}

/// The price of an article of the older shop. Its prices are in euros.
pub fn price(article: &Value) -> Option<Value> {
    money(article["price"].as_str()?, "EUR")
}
