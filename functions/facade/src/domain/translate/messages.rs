//! Messages to customers.

use serde_json::{Value, json};

use super::{LIST_LENGTH_MAX, old_time, order_number, state};

/// The prefix of the templates of messages about orders.
pub(super) const TEMPLATE: &str = "order-";

/// A page of messages of `notifications`, as the older shop shows it: only mails about orders,
/// because it has no others.
pub fn messages(page: &Value) -> Value {
    let items = page["items"].as_array().into_iter().flatten();
    let is_mail = |item: &&Value| item["channel"] == "email" && item["status"] != "suppressed";
    let mut messages: Vec<Value> = items.filter(is_mail).filter_map(message).collect();
    messages.sort_by(|one, other| other["sent"].as_str().cmp(&one["sent"].as_str()));
    messages.truncate(LIST_LENGTH_MAX);
    json!({ "notifications": messages })
}

fn message(item: &Value) -> Option<Value> {
    let status = item["template_code"].as_str()?.strip_prefix(TEMPLATE)?;
    let at = item["sent_at"].as_str().or(item["created_at"].as_str())?;
    let order = order_number(item["order_id"].as_str()?);
    Some(json!({"kind": kind(status), "order": order, "sent": old_time(at)}))
}

/// The older shop's name for a message about an order that has got this status.
pub(super) fn kind(status: &str) -> &str {
    if status == "refunded" { status } else { state(status) }
}
