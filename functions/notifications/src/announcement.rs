//! What customers are told of, and when: events of other functions read as requests.
//!
//! Pure, apart from reading JSON. An event of another type, or of a kind that will come later,
//! says nothing to customers. Members that nobody here needs are not looked at, so that
//! publishers may add some.

use std::collections::{BTreeMap, BTreeSet};

use chassis::money::Money;
use serde::Deserialize;

use crate::domain::{Channel, Priority, Request};
use crate::ports::User;

/// Events of orders begin with this.
const ORDER: &str = "com.shop.orders.order.";
/// Somebody opened an account.
const REGISTERED: &str = "com.shop.identity.user.registered.v1";
/// Somebody changed their account.
const UPDATED: &str = "com.shop.identity.user.updated.v1";

/// A user should get a mail about their account.
const MAIL: &str = "com.shop.identity.user.mail.v1";
/// A user deleted their account.
const DELETED: &str = chassis::sealed::ACCOUNT_DELETED;

/// Templates of mails that concern the security of an account. They are sent regardless of the
/// reader's preferences.
pub const ALWAYS_SENT: [&str; 3] = ["account-exists", "password-changed", "password-reset"];

/// What an event means for notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Messages about an order.
    Messages(Vec<Request>),
    /// A user as they are now, and the messages that this calls for.
    User(String, User, Vec<Request>),
    /// This user deleted their account; their data must be erased.
    Gone(String),
    /// Nothing.
    Nothing,
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
    /// Whether it is on its way: others have not left yet, or never will.
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
struct Person {
    user_id: String,
}

#[derive(Deserialize)]
struct Account {
    user_id: String,
    email: String,
    name: String,
    language: String,
}

/// The meaning of an event of this type with this data.
///
/// # Errors
/// The data is not what events of the type carry: what is wrong, for an operator.
pub fn meaning(kind: &str, data: &str) -> Result<Meaning, String> {
    if kind == REGISTERED || kind == UPDATED {
        return account(read(data)?, kind == REGISTERED);
    }
    match kind {
        MAIL => return mail(read(data)?),
        DELETED => return gone(read(data)?),
        _ => {}
    }
    let status = kind.strip_prefix(ORDER).and_then(|rest| rest.strip_suffix(".v1"));
    Ok(match status {
        Some(
            status @ ("confirmed" | "rejected" | "cancelled" | "shipped" | "delivered" | "refunded"
            | "returned"),
        ) => Meaning::Messages(order(&read(data)?, status)?),
        _ => Meaning::Nothing,
    })
}

fn read<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, String> {
    serde_json::from_str(data).map_err(|error| format!("the data of the event: {error}"))
}

fn mail(mail: Mail) -> Result<Meaning, String> {
    if !ALWAYS_SENT.contains(&mail.template.as_str()) {
        return Err(format!("{:?} is not a mail about an account", mail.template));
    }
    Ok(Meaning::Messages(vec![Request {
        request_id: mail.request_id,
        channel: Channel::Email,
        user_id: mail.user_id,
        template_code: mail.template,
        variables: mail.variables.into_iter().collect(),
        language: None,
        // The reader waits for it.
        priority: Priority::High,
        metadata: BTreeMap::new(),
        subject: None,
    }]))
}

fn gone(person: Person) -> Result<Meaning, String> {
    let Person { user_id } = person;
    if !chassis::id::is("usr", &user_id) {
        return Err(format!("{user_id:?} is not a user id"));
    }
    Ok(Meaning::Gone(user_id))
}

fn account(account: Account, fresh: bool) -> Result<Meaning, String> {
    let Account { user_id, email, name, language } = account;
    if !chassis::id::is("usr", &user_id) {
        return Err(format!("{user_id:?} is not a user id"));
    }
    let welcome = Request {
        request_id: format!("{user_id}:welcome"),
        channel: Channel::Email,
        user_id: user_id.clone(),
        template_code: "welcome".to_owned(),
        // The name is the account's, whatever it is when this is accepted.
        variables: Vec::new(),
        language: None,
        priority: Priority::Low,
        metadata: BTreeMap::new(),
        subject: None,
    };
    let messages = if fresh { vec![welcome] } else { Vec::new() };
    Ok(Meaning::User(user_id, User { email, name, language }, messages))
}

/// One message for each way of telling it; the reader decides which of them are sent.
fn order(order: &Order, status: &str) -> Result<Vec<Request>, String> {
    let request = |channel, request_id| {
        Ok::<_, String>(Request {
            request_id,
            channel,
            user_id: order.user_id.clone(),
            template_code: format!("order-{status}"),
            variables: variables(order, status)?,
            language: None,
            priority: Priority::Normal,
            metadata: BTreeMap::new(),
            subject: Some(order.order_id.clone()),
        })
    };
    let id = format!("{}:{status}", order.order_id);
    let mut requests = vec![request(Channel::Email, id.clone())?];
    if matches!(status, "shipped" | "delivered") {
        requests.push(request(Channel::Push, format!("{id}:push"))?);
    }
    Ok(requests)
}

fn variables(order: &Order, status: &str) -> Result<Vec<(String, String)>, String> {
    let mut variables = vec![("order_id", number(&order.order_id))];
    match status {
        "confirmed" => variables.push(("total", written(&order.total))),
        "refunded" | "returned" => {
            let refunded = order.refunded.as_ref().ok_or("the returned order has no refund")?;
            variables.push(("amount", written(refunded)));
        }
        "rejected" => {
            let rejection = order.rejection.as_ref().ok_or("rejected without a reason")?;
            // It becomes half a sentence.
            variables.push(("reason", rejection.detail.trim_end_matches('.').to_owned()));
        }
        "shipped" => {
            let of = |read: fn(&Parcel) -> Option<&String>| together(&order.parcels, read);
            let couriers = of(|parcel| parcel.courier.as_ref()).ok_or("shipped by no courier")?;
            let codes = of(|parcel| parcel.tracking_code.as_ref()).ok_or("nothing to track")?;
            variables.extend([("carrier", couriers), ("tracking_number", codes)]);
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

/// What the parcels on their way have of something, each once, joined by commas; none if there
/// is nothing.
fn together(parcels: &[Parcel], read: fn(&Parcel) -> Option<&String>) -> Option<String> {
    let mut seen = BTreeSet::new();
    let traveling = parcels.iter().filter(|parcel| parcel.has_left());
    let texts = traveling.filter_map(read).filter(|text| !text.is_empty());
    let texts: Vec<&str> = texts.filter(|text| seen.insert(*text)).map(String::as_str).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// An amount for people. All currencies of the shop have two decimals.
fn written(money: &Money) -> String {
    let (whole, cents) = (money.amount / 100, money.amount.unsigned_abs() % 100);
    format!("{whole}.{cents:02} {}", money.currency)
}

#[cfg(test)]
mod tests;
