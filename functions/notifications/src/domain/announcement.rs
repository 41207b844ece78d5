//! The events of other functions that customers are notified of, and the requests that follow.
//!
//! Unknown event types are ignored, and so are members that are not needed here, so that
//! publishers may add some.

use std::collections::{BTreeMap, BTreeSet};

use chassis::clock::parse_rfc3339;
use chassis::money::Money;
use serde::Deserialize;

use super::{Channel, Priority, Request, User};

/// The prefix of the types of order events.
const ORDER: &str = "com.shop.orders.order.";
/// A user has registered.
const REGISTERED: &str = "com.shop.identity.user.registered.v1";
/// A user has changed their account.
const UPDATED: &str = "com.shop.identity.user.updated.v1";
/// A user should get a mail about their account.
const MAIL: &str = "com.shop.identity.user.mail.v1";

/// A message that another system has sent, before this function took over.
const IMPORTED: &str = "com.shop.notifications.message.imported.v1";

/// Templates of mails that concern the security of an account. They are sent regardless of the
/// user's preferences.
pub const ALWAYS_SENT: [&str; 3] = ["account-exists", "password-changed", "password-reset"];

/// The meaning of an event for notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Messages about an order or an account.
    Messages(Vec<Request>),
    /// The current profile of a user, and messages to them.
    User(String, User, Vec<Request>),
    /// A message that was sent by another system at this time, in milliseconds since 1970.
    Sent(Request, u64),
    /// None.
    Nothing,
}

#[derive(Deserialize)]
struct Imported {
    request_id: String,
    user_id: String,
    template_code: String,
    order_id: Option<String>,
    sent_at: String,
}

#[derive(Deserialize)]
struct Order {
    order_id: String,
    user_id: String,
    total: Money,
    rejection: Option<Rejection>,
    /// The refund for returned parcels.
    #[serde(default)]
    refunded: Option<Money>,
    #[serde(default)]
    parcels: Vec<Parcel>,
}

#[derive(Deserialize)]
struct Rejection {
    detail: String,
}

#[derive(Deserialize)]
struct Parcel {
    courier: Option<String>,
    tracking_code: Option<String>,
    status: Option<String>,
}

impl Parcel {
    /// Whether it is on its way. Others have not left yet, or never will.
    fn has_left(&self) -> bool {
        !matches!(self.status.as_deref(), Some("created" | "cancelled"))
    }
}

#[derive(Deserialize)]
struct Mail {
    user_id: String,
    request_id: String,
    template: String,
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Account {
    user_id: String,
    #[serde(flatten)]
    user: User,
}

/// The meaning of an event of this type with this data.
///
/// # Errors
/// The data does not match the type; the text is for operators.
pub fn meaning(kind: &str, data: &str) -> Result<Meaning, String> {
    match kind {
        REGISTERED | UPDATED => {
            let Account { user_id, user } = read(data)?;
            if !chassis::id::is("usr", &user_id) {
                return Err(format!("{user_id:?} is not a user id"));
            }
            // The template gets the name from the account.
            let welcome = || Request {
                priority: Priority::Low,
                ..Request::mail(format!("{user_id}:welcome"), &user_id, "welcome")
            };
            let messages = (kind == REGISTERED).then(welcome).into_iter().collect();
            Ok(Meaning::User(user_id, user, messages))
        }
        MAIL => mail(read(data)?),
        IMPORTED => imported(read(data)?),
        _ => match kind.strip_prefix(ORDER).and_then(|rest| rest.strip_suffix(".v1")) {
            Some(
                status @ ("confirmed" | "rejected" | "cancelled" | "shipped" | "delivered"
                | "refunded" | "returned"),
            ) => Ok(Meaning::Messages(order(&read(data)?, status)?)),
            _ => Ok(Meaning::Nothing),
        },
    }
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, String> {
    serde_json::from_str(data).map_err(|error| format!("the data of the event: {error}"))
}

fn mail(mail: Mail) -> Result<Meaning, String> {
    if !ALWAYS_SENT.contains(&mail.template.as_str()) {
        return Err(format!("{:?} is not a mail about an account", mail.template));
    }
    Ok(Meaning::Messages(vec![Request {
        variables: mail.variables.into_iter().collect(),
        // The user waits for it.
        priority: Priority::High,
        ..Request::mail(mail.request_id, mail.user_id, mail.template)
    }]))
}

fn imported(sent: Imported) -> Result<Meaning, String> {
    let at_ms = parse_rfc3339(&sent.sent_at).ok_or("`sent_at` is not a time")?;
    let request = Request::mail(sent.request_id, sent.user_id, sent.template_code);
    Ok(Meaning::Sent(Request { subject: sent.order_id, ..request }, at_ms))
}

/// A message for each channel. The user's preferences decide which of them are sent.
fn order(order: &Order, status: &str) -> Result<Vec<Request>, String> {
    let id = format!("{}:{status}", order.order_id);
    let mail = Request {
        variables: variables(order, status)?,
        subject: Some(order.order_id.clone()),
        ..Request::mail(&id, &order.user_id, format!("order-{status}"))
    };
    let mut requests = vec![mail.clone()];
    if matches!(status, "shipped" | "delivered") {
        requests.push(Request { request_id: format!("{id}:push"), channel: Channel::Push, ..mail });
    }
    Ok(requests)
}

fn variables(order: &Order, status: &str) -> Result<Vec<(String, String)>, String> {
    let mut variables = vec![("order_id", number(&order.order_id))];
    match status {
        "confirmed" => variables.push(("total", formatted(&order.total))),
        "refunded" | "returned" => {
            let refunded = order.refunded.as_ref().ok_or("the returned order has no refund")?;
            variables.push(("amount", formatted(refunded)));
        }
        "rejected" => {
            let rejection = order.rejection.as_ref().ok_or("the rejected order has no reason")?;
            // The template continues the sentence.
            variables.push(("reason", rejection.detail.trim_end_matches('.').to_owned()));
        }
        "shipped" => {
            let list = |read: fn(&Parcel) -> Option<&String>| joined(&order.parcels, read);
            let couriers = list(|parcel| parcel.courier.as_ref());
            let codes = list(|parcel| parcel.tracking_code.as_ref());
            let (carrier, code) =
                couriers.zip(codes).ok_or("the shipped order has no courier or tracking code")?;
            variables.extend([("carrier", carrier), ("tracking_number", code)]);
        }
        _ => {}
    }
    Ok(variables.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
}

/// The length of the short order number: the last characters of the order's id.
const NUMBER_CHARS: usize = 8;

/// The short order number, as the shop's pages show it.
fn number(order_id: &str) -> String {
    let start = order_id.char_indices().rev().nth(NUMBER_CHARS - 1).map_or(0, |(at, _)| at);
    order_id[start..].to_uppercase()
}

/// A property of the parcels that have left, without duplicates, joined by commas; `None` if no
/// parcel has it.
fn joined(parcels: &[Parcel], read: fn(&Parcel) -> Option<&String>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let left = parcels.iter().filter(|parcel| parcel.has_left());
    let texts = left.filter_map(read).filter(|text| !text.is_empty());
    let texts: Vec<&str> = texts.filter(|text| seen.insert(*text)).map(String::as_str).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// A formatted amount. All currencies of the shop have two decimals.
fn formatted(money: &Money) -> String {
    let (whole, cents) = (money.amount / 100, money.amount.unsigned_abs() % 100);
    format!("{whole}.{cents:02} {}", money.currency)
}

#[cfg(test)]
mod tests;
