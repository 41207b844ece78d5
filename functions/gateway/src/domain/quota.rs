//! The quotas of a route.
//!
//! Requests are counted per user if the user is known, and per address otherwise. Password attempts
//! are counted here per address, before the body is read, and by identity per pair of address and
//! account, after it has parsed the body. So one address can't try many passwords of an account, a
//! stranger can't lock a user out, and the body is parsed only once.

use chassis::quota::{Check, Quotas};

/// The quotas of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No quota: liveness, descriptions, and bulk operations of administrators.
    None,
    /// Requests that read.
    Read,
    /// Requests that write.
    Write,
    /// Requests that check a password.
    Credentials,
    /// Orders: they are stored permanently, so a quota per minute is not enough.
    Orders,
    /// Creating a guest cart, which needs no account and stores a value.
    GuestCarts,
}

/// The checks before a route is called; empty if it has no quota. `person` is the subject of the
/// token.
pub fn checks(limit: Limit, quotas: &Quotas, address: &str, person: Option<&str>) -> Vec<Check> {
    let caller = || person.map_or_else(|| format!("address:{address}"), |id| format!("user:{id}"));
    match limit {
        Limit::None => Vec::new(),
        Limit::Read => vec![Check::one("read", caller(), quotas.read)],
        Limit::Write => vec![Check::one("write", caller(), quotas.write)],
        Limit::Orders => vec![
            Check::one("write", caller(), quotas.write),
            Check::one("orders", caller(), quotas.orders),
        ],
        Limit::GuestCarts => vec![
            Check::one("write", caller(), quotas.write),
            Check::one("guest-carts", address.to_owned(), quotas.guest_carts),
        ],
        Limit::Credentials => {
            let quota = quotas.credentials_address;
            vec![Check::one("credentials-address", address.to_owned(), quota)]
        }
    }
}

/// Whether an address may still present tokens. It is checked without cost before a token is
/// verified, and each missing or invalid token costs 1.
pub fn refused_tokens(quotas: &Quotas, address: &str, cost: u32) -> Check {
    let (key, quota) = (address.to_owned(), quotas.refused_tokens);
    Check { policy: "refused-tokens", key, quota, cost }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn people_are_counted_before_addresses() {
        let quotas = Quotas::default();
        let key = |person| checks(Limit::Read, &quotas, "10.0.0.1", person)[0].key.clone();
        assert_eq!(key(Some("usr_1")), "user:usr_1");
        assert_eq!(key(None), "address:10.0.0.1");
        let attempts = checks(Limit::Credentials, &quotas, "10.0.0.1", Some("usr_1"));
        assert_eq!(attempts[0].key, "10.0.0.1", "also for signed-in users");
        assert_eq!(checks(Limit::None, &quotas, "10.0.0.1", None), []);
    }

    #[test]
    fn stored_data_is_counted_for_longer_than_a_minute() {
        let quotas = Quotas::default();
        let of = |limit| {
            let checks = checks(limit, &quotas, "10.0.0.1", Some("usr_1"));
            checks.into_iter().map(|check| (check.policy, check.key)).collect::<Vec<_>>()
        };
        let write = ("write", "user:usr_1".to_owned());
        assert_eq!(of(Limit::Orders), [write.clone(), ("orders", "user:usr_1".to_owned())]);
        assert_eq!(of(Limit::GuestCarts), [write, ("guest-carts", "10.0.0.1".to_owned())]);
        assert!(quotas.orders.window_s >= 86_400 && quotas.guest_carts.window_s >= 3_600);
    }
}
