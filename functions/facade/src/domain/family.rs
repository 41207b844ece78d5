//! Families of requests: what is moved together.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A family of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Messages to customers: sending them, and reading which were sent.
    Notifications,
    /// Reading orders.
    OrderReads,
    /// Placing orders.
    Orders,
}

impl Family {
    /// All families, in the order in which they move: from the edge to the core.
    pub const ALL: [Family; 3] = [Family::Notifications, Family::OrderReads, Family::Orders];

    /// The name in URLs.
    pub fn name(self) -> &'static str {
        match self {
            Family::Notifications => "notifications",
            Family::OrderReads => "order-reads",
            Family::Orders => "orders",
        }
    }

    /// Whether its requests may be sent to both sides. An order would be placed twice.
    pub fn has_shadow(self) -> bool {
        self != Family::Orders
    }
}

/// There is no family with this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFamily;

impl FromStr for Family {
    type Err = NoFamily;

    fn from_str(name: &str) -> Result<Family, NoFamily> {
        Family::ALL.into_iter().find(|family| family.name() == name).ok_or(NoFamily)
    }
}

/// What a request of a family asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The messages of the customer.
    Notifications,
    /// The orders of the customer.
    Orders,
    /// One order.
    Order(String),
    /// A new order.
    NewOrder,
}

impl Wanted {
    /// What this request asks for; `None` for what only the older shop has.
    pub fn of(method: &str, path: &str) -> Option<Wanted> {
        let rest = path.strip_prefix("/legacy/api/")?;
        match (method, rest) {
            ("GET", "notifications") => Some(Wanted::Notifications),
            ("GET", "orders") => Some(Wanted::Orders),
            ("POST", "orders") => Some(Wanted::NewOrder),
            ("GET", rest) => {
                let number = rest.strip_prefix("orders/")?;
                let is_plain =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
                let is_number = (1..=64).contains(&number.len()) && number.bytes().all(is_plain);
                is_number.then(|| Wanted::Order(number.to_owned()))
            }
            _ => None,
        }
    }

    /// Its family.
    pub fn family(&self) -> Family {
        match self {
            Wanted::Notifications => Family::Notifications,
            Wanted::Orders | Wanted::Order(_) => Family::OrderReads,
            Wanted::NewOrder => Family::Orders,
        }
    }
}

/// The customer that a session claims to be of. Only for choosing a side, which then checks the
/// session itself.
pub fn customer_of(session: &str) -> Option<u64> {
    session.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_their_family() {
        let family = |method, path| Wanted::of(method, path).map(|wanted| wanted.family());
        assert_eq!(family("GET", "/legacy/api/notifications"), Some(Family::Notifications));
        assert_eq!(family("GET", "/legacy/api/orders"), Some(Family::OrderReads));
        assert_eq!(family("GET", "/legacy/api/orders/1001"), Some(Family::OrderReads));
        assert_eq!(family("POST", "/legacy/api/orders"), Some(Family::Orders));
        for (method, path) in [
            ("GET", "/legacy/api/users/me"),
            ("PUT", "/legacy/api/support/orders/1001"),
            ("DELETE", "/legacy/api/orders"),
            ("GET", "/legacy/api/orders/a/b"),
            ("GET", "/legacy/api/orders/"),
            ("GET", "/internal/users/1"),
        ] {
            assert_eq!(family(method, path), None, "{method} {path}");
        }
        for family in Family::ALL {
            assert_eq!(family.name().parse(), Ok(family));
        }
        assert_eq!("users".parse::<Family>(), Err(NoFamily));
    }

    #[test]
    fn a_session_names_its_customer() {
        assert_eq!(customer_of("1001-0a"), Some(1001));
        for session in ["", "1001", "a-1", "-1"] {
            assert_eq!(customer_of(session), None, "{session}");
        }
    }
}
