//! Which quotas a route is under.
//!
//! Who is counted is a person where one is known and an address otherwise. Attempts with a
//! password are counted here per address, before the body is read, and by identity for the
//! pair of address and account, once it has parsed the body: so neither can one address try
//! many passwords of one account nor a stranger lock somebody out of theirs, and there is one
//! reading of the body.

use chassis::quota::{Check, Quotas};

/// Which quotas a route is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// None: liveness, descriptions, and what only administrators do in bulk.
    None,
    /// Looking.
    Read,
    /// Changing.
    Write,
    /// Whatever tries a password.
    Credentials,
    /// Ordering: what is kept of it outlives the minute.
    Orders,
    /// Beginning a cart without signing in, which costs the client nothing and the shop a value.
    GuestCarts,
}

/// The questions to ask before a route is taken; none where nothing is counted. `person` is the
/// subject of the token.
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

/// Whether an address may still present tokens: asked before one is verified, and taken one of
/// for each that is missing or bad.
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
        assert_eq!(attempts[0].key, "10.0.0.1", "whoever it is");
        assert_eq!(checks(Limit::None, &quotas, "10.0.0.1", None), []);
    }

    #[test]
    fn what_is_kept_is_counted_for_longer_than_a_minute() {
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
