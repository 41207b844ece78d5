//! E-mail addresses as account names.
//!
//! Two accounts must not differ in case only, so an address is folded to one spelling before it is
//! stored or looked up. Only ASCII is accepted: with similar letters of other scripts, two accounts
//! could look the same.

use serde::{Deserialize, Serialize};

/// Longest address in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets).
pub const ADDRESS_BYTES_MAX: usize = 254;
/// Longest part before the `@` in bytes (RFC 5321 section 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;
/// Longest label of a host name in bytes (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// A well-formed address in its canonical spelling: trimmed and in lower case. Deleted accounts
/// have the default value, which is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Parses the input of a user; `None` if it is not a valid address.
    pub fn parse(text: &str) -> Option<Self> {
        let address = text.trim().to_ascii_lowercase();
        let (local, host) = address.rsplit_once('@')?;
        let fits = address.len() <= ADDRESS_BYTES_MAX && local.len() <= LOCAL_BYTES_MAX;
        (fits && is_local(local) && is_host(host)).then_some(Self(address))
    }

    /// The canonical spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Dot-separated atoms (RFC 5322 section 3.2.3); quoted forms are refused.
fn is_local(text: &str) -> bool {
    let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

fn is_host(text: &str) -> bool {
    text.split('.').all(|label| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_to_one_spelling() {
        for text in ["Ada@Example.ORG", " ada@example.org\n", "ADA@EXAMPLE.ORG"] {
            assert_eq!(Email::parse(text).unwrap().as_str(), "ada@example.org");
        }
        assert!(Email::parse("a.b+tag@sub.example.org").is_some());
        assert!(Email::parse("root@localhost").is_some());
    }

    #[test]
    fn invalid_addresses_are_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longer = format!("a@{}", ["b".repeat(60).as_str(); 5].join("."));
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@example..org",
            ".ada@example.org",
            "ada.@example.org",
            "a b@example.org",
            "ada@-example.org",
            "ada@exa mple.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "\"a\"@example.org",
            "ada@exämple.org",
            "аda@example.org",
            "ada@@example.org",
            "ada@[127.0.0.1]",
            &long,
            &longer,
        ] {
            assert_eq!(Email::parse(text), None, "{text:?}");
        }
    }
}
