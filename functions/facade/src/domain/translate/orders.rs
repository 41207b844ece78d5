//! Orders.

use serde_json::{Value, json};

use super::{LIST_LENGTH_MAX, amount, money, old_time, order_number, state};

/// The maximum number of articles of an order, as in the older shop.
pub const LINES_MAX: usize = 20;
/// The maximum number of pieces of an article in an order, as in the older shop.
pub const PIECES_MAX: u64 = 100;

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

/// Whether this has the shape and the size of an order to place, for the older shop too. Only the
/// sides know which articles there are.
pub fn is_new_order(body: &Value) -> bool {
    let is_line = |line: &Value| {
        let pieces = line["pieces"].as_u64().unwrap_or_default();
        line["article"].is_string() && (1..=PIECES_MAX).contains(&pieces)
    };
    let are_lines =
        |lines: &Vec<Value>| (1..=LINES_MAX).contains(&lines.len()) && lines.iter().all(is_line);
    let to = ["name", "street", "city", "zip", "country"];
    body["articles"].as_array().is_some_and(are_lines)
        && to.iter().all(|member| body["ship_to"][*member].is_string())
        && body["card"].is_string()
}

/// An order to place, in the words of the function.
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
