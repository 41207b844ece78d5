//! Events.

use std::collections::BTreeMap;

use chassis::events::Event;
use serde::Deserialize;
use serde_json::{Value, json};

use super::messages::{TEMPLATE, kind};
use super::{money, new_time, order, order_id, status, user_id};

/// The source of the events of orders.
const ORDERS: &str = "/shop/orders";
/// The source of messages that were sent before.
const FACADE: &str = "/shop/facade";
/// The prefix of the types of order events.
const ORDER: &str = "com.shop.orders.order.";
/// A message that another system has sent.
const IMPORTED: &str = "com.shop.notifications.message.imported.v1";
/// The statuses that customers get a mail about.
const ANNOUNCED: [&str; 7] =
    ["confirmed", "rejected", "cancelled", "shipped", "delivered", "refunded", "returned"];

/// An event can't be translated; the text is for operators. Repeating does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event {id} can't be translated: {reason}")]
pub struct Untranslatable {
    /// The id of the event.
    pub id: String,
    /// What is wrong.
    pub reason: String,
}

fn wrong(event: &Event, reason: impl ToString) -> Untranslatable {
    Untranslatable { id: event.id.clone(), reason: reason.to_string() }
}

/// A message to a customer that an event calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Names the message on both sides.
    pub request: String,
    /// The recipient.
    pub customer: u64,
    /// The message in the words of the older shop.
    pub legacy: Value,
}

#[derive(Deserialize)]
struct OldOrder {
    order: String,
    customer: u64,
    state: String,
    articles: Vec<OldLine>,
    total: String,
    currency: String,
    created: String,
    #[serde(default)]
    past: bool,
}

#[derive(Deserialize)]
struct OldLine {
    article: String,
    name: String,
    pieces: u32,
    price: String,
}

#[derive(Deserialize)]
struct OldMessage {
    request: String,
    customer: u64,
    kind: String,
    order: String,
    sent: String,
}

/// The event of `orders` for an event about an order of the older shop, and whether it is about
/// something that has happened long ago. It has the same number, so the log keeps it once.
///
/// # Errors
/// The data is not what the older shop publishes.
pub fn order_event(event: &Event) -> Result<(Event, bool), Untranslatable> {
    let old: OldOrder = serde_json::from_str(&event.data).map_err(|error| wrong(event, error))?;
    let sequence = event.sequence().ok_or_else(|| wrong(event, "it has no number"))?;
    let number = old.order.parse().map_err(|_| wrong(event, "`order` is not a number"))?;
    let status = status(&old.state).ok_or_else(|| wrong(event, "`state` is unknown"))?;
    let amount = |text: &str| {
        money(text, &old.currency).ok_or_else(|| wrong(event, format!("{text:?} is no amount")))
    };
    let mut lines = Vec::with_capacity(old.articles.len());
    for line in &old.articles {
        let price = amount(&line.price)?;
        let (sku, name, quantity) = (&line.article, &line.name, line.pieces);
        lines.push(json!({"sku": sku, "name": name, "quantity": quantity, "price": price}));
    }
    let created_at =
        new_time(&old.created).ok_or_else(|| wrong(event, "`created` is not a time"))?;
    let id = chassis::id::numbered("ord", number);
    let data = json!({
        "order_id": id,
        "user_id": user_id(old.customer),
        "status": status,
        "lines": lines,
        "total": amount(&old.total)?,
        "rejection": null,
        "refunded": null,
        "created_at": created_at,
        "updated_at": event.time.as_deref().unwrap_or(&created_at),
    });
    let name = if status == "pending" { "placed" } else { status };
    let time = event.time.clone();
    let translated = made(ORDERS, &format!("{ORDER}{name}.v1"), &id, sequence, time, &data);
    Ok((translated, old.past))
}

/// The event for `notifications` about a message that the older shop has sent.
///
/// # Errors
/// The data is not what the older shop publishes.
pub fn imported(event: &Event) -> Result<Event, Untranslatable> {
    let old: OldMessage = serde_json::from_str(&event.data).map_err(|error| wrong(event, error))?;
    let order_id = order_id(&old.order).ok_or_else(|| wrong(event, "`order` is not an order"))?;
    let status = match old.kind.as_str() {
        "refunded" => "refunded",
        kind => status(kind).ok_or_else(|| wrong(event, "`kind` is unknown"))?,
    };
    let sent_at = new_time(&old.sent).ok_or_else(|| wrong(event, "`sent` is not a time"))?;
    // Before it published events, the older shop named requests by its own words.
    let is_new = old.request.starts_with("ord_");
    let request_id = if is_new { old.request } else { format!("{order_id}:{status}") };
    let (_, status) = request_id.rsplit_once(':').unwrap_or((&request_id, status));
    let data = json!({
        "request_id": request_id,
        "user_id": user_id(old.customer),
        "template_code": format!("{TEMPLATE}{status}"),
        "order_id": order_id,
        "sent_at": sent_at,
    });
    Ok(made(FACADE, IMPORTED, &request_id, 1, event.time.clone(), &data))
}

/// What an event of `orders` means for the older shop: the customer, and the order as a copy. `None`
/// for an order that the older shop has itself.
///
/// # Errors
/// The data is not what `orders` publishes, or the customer is not one of the older shop.
pub fn copied(event: &Event) -> Result<Option<Value>, Untranslatable> {
    let data = data(event)?;
    let id = data["order_id"].as_str().ok_or_else(|| wrong(event, "`order_id` is missing"))?;
    if chassis::id::number("ord", id).is_some() {
        return Ok(None);
    }
    let customer = customer(event, &data)?;
    let sequence = event.sequence().ok_or_else(|| wrong(event, "it has no number"))?;
    Ok(Some(json!({"customer": customer, "sequence": sequence, "order": order(&data)})))
}

/// The message that an event of `orders` calls for, if it does.
///
/// # Errors
/// As of [`copied`].
pub fn announcement(event: &Event) -> Result<Option<Announcement>, Untranslatable> {
    let name = event.kind.strip_prefix(ORDER).and_then(|rest| rest.strip_suffix(".v1"));
    let Some(status) = name.filter(|name| ANNOUNCED.contains(name)) else { return Ok(None) };
    let data = data(event)?;
    let customer = customer(event, &data)?;
    let id = data["order_id"].as_str().ok_or_else(|| wrong(event, "`order_id` is missing"))?;
    // `notifications` derives the same one.
    let request = format!("{id}:{status}");
    let legacy = json!({
        "request": request,
        "customer": customer,
        "kind": kind(status),
        "order": super::order_number(id),
    });
    Ok(Some(Announcement { request, customer, legacy }))
}

fn data(event: &Event) -> Result<Value, Untranslatable> {
    serde_json::from_str(&event.data).map_err(|error| wrong(event, error))
}

fn customer(event: &Event, data: &Value) -> Result<u64, Untranslatable> {
    let user = data["user_id"].as_str().unwrap_or_default();
    let customer = chassis::id::number("usr", user);
    customer.ok_or_else(|| wrong(event, "the customer is not one of the older shop"))
}

fn made(
    source: &str,
    kind: &str,
    subject: &str,
    sequence: u64,
    time: Option<String>,
    data: &Value,
) -> Event {
    let extensions = [
        ("partitionkey".to_owned(), subject.to_owned()),
        ("sequence".to_owned(), sequence.to_string()),
    ];
    Event {
        id: format!("{subject}.{sequence}"),
        source: source.to_owned(),
        kind: kind.to_owned(),
        subject: Some(subject.to_owned()),
        time,
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: BTreeMap::from(extensions),
        data: data.to_string(),
    }
}
