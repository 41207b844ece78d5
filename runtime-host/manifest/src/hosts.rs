//! Patterns of `allowed_outbound_hosts`: `scheme://host[:port]`.
//!
//! | part | allowed |
//! |---|---|
//! | scheme | letters, or `*` |
//! | host | a name, an address, a network (`10.0.0.0/8`), `*.domain`, `self`, or `*` |
//! | port | a number, `from..to` without `to`, or `*`; by default, the port of the scheme |
//!
//! The grammar is Spin's, with two corrections: an IPv6 address needs brackets and then needs no
//! port, and it is case-insensitive, like URLs.

mod host;
mod ports;

use host::Host;
use ports::Ports;

use crate::pattern_error::PatternError;

/// One parsed pattern.
///
/// ```
/// # use tessera_manifest::hosts::HostPattern;
/// let pattern = HostPattern::parse("https://*.example.com").unwrap();
/// assert!(pattern.matches("https", "api.example.com", None));
/// assert!(!pattern.matches("https", "example.com", Some(443)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    scheme: Scheme,
    host: Host,
    ports: Ports,
    authority: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Scheme {
    Any,
    One(String),
}

impl HostPattern {
    /// Parses a pattern without templates.
    ///
    /// # Errors
    /// The pattern does not match the grammar in the module's documentation.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(without_scheme(text));
        };
        let scheme = Scheme::parse(scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split_port(rest);
        let host = Host::parse(host)?;
        let ports = match port {
            Some(port) => Ports::parse(port)?,
            None => scheme.own_port()?,
        };
        Ok(Self { scheme, host, ports, authority: rest.to_ascii_lowercase() })
    }

    /// Host and port of the pattern, in lowercase.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether a request to this address is allowed. IPv6 addresses may have brackets; `port: None`
    /// means the port of the scheme.
    pub fn matches(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.scheme.matches(scheme)
            && self.host.matches(bare(host))
            && self.ports.matches(port.or_else(|| default_port(scheme)))
    }

    /// Whether a request of the application to its own routes is allowed (`http://self`).
    pub fn matches_self(&self, scheme: &str) -> bool {
        self.scheme.matches(scheme) && matches!(self.host, Host::Any | Host::Itself)
    }
}

/// The default port of a scheme.
pub fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        _ => None,
    }
}

fn without_scheme(text: &str) -> PatternError {
    let hint = match text {
        "*" | "" | "insecure:allow-all" => {
            "`*://*:*` allows all hosts; prefer a list of `scheme://host[:port]`".to_owned()
        }
        _ => {
            let host = text.rsplit('/').find(|part| !part.is_empty()).unwrap_or(text);
            format!("write `https://{host}`, or `*://{host}` for every scheme")
        }
    };
    PatternError::new("it has no scheme", hint)
}

/// Splits `host:port`; colons within brackets are part of the host.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let in_brackets = text.rfind(']').unwrap_or(0);
    match text.rfind(':') {
        Some(colon) if colon >= in_brackets => (&text[..colon], Some(&text[colon + 1..])),
        _ => (text, None),
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl Scheme {
    fn parse(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphabetic()) {
            let hint = "a scheme consists of letters, for example `https`, or is `*`";
            return Err(PatternError::new(format!("`{text}` is not a scheme"), hint));
        }
        Ok(Self::One(text.to_ascii_lowercase()))
    }

    fn own_port(&self) -> Result<Ports, PatternError> {
        let port = match self {
            Self::Any => None,
            Self::One(scheme) => default_port(scheme),
        };
        port.map(Ports::One).ok_or_else(|| {
            PatternError::new(
                "the port is missing, and the scheme has no default port",
                "add a port, for example `:8080`, or `:*` for all ports",
            )
        })
    }

    fn matches(&self, scheme: &str) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => one.eq_ignore_ascii_case(scheme),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pattern, then requests that it allows, then requests that it does not.
    type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

    const CASES: &[Case] = &[
        (
            "https://a.example",
            &["https://a.example", "https://A.Example:443"],
            &["http://a.example", "https://b.example", "https://a.example:8443"],
        ),
        ("HTTPS://A.example/", &["https://a.example"], &["https://a.example:80"]),
        (
            "http://*.a.example:8080",
            &["http://x.a.example:8080", "http://x.y.a.example:8080"],
            &["http://a.example:8080", "http://xa.example:8080", "http://x.a.example"],
        ),
        ("*://*:*", &["tcp://10.0.0.1", "http://x:1", "http://[::1]:1"], &[]),
        ("*://a:6379", &["redis://a", "tcp://a:6379"], &["redis://a:1", "tcp://a"]),
        (
            "http://a:8000..8010",
            &["http://a:8000", "http://a:8009"],
            &["http://a:8010", "http://a"],
        ),
        (
            "*://10.1.0.0/16:*",
            &["tcp://10.1.2.3:1"],
            &["tcp://10.2.0.0:1", "tcp://ten:1", "tcp://[::1]:1"],
        ),
        ("*://0.0.0.0/0:*", &["tcp://10.1.2.3:1"], &["tcp://[::1]:1"]),
        ("http://[::1]", &["http://[::1]", "http://::1"], &["http://[::2]"]),
        ("http://[fd00::]/8:80", &["http://[fd12::1]"], &["http://[fe00::1]"]),
        ("http://127.0.0.1:3000", &["http://127.0.0.1:3000"], &["http://localhost:3000"]),
        ("http://self", &[], &["http://self", "http://x"]),
        ("postgres://db", &["postgres://db", "postgres://db:5432"], &["mysql://db"]),
    ];

    fn allows(pattern: &HostPattern, request: &str) -> bool {
        let (scheme, rest) = request.split_once("://").unwrap();
        let (host, port) = if rest == "::1" { (rest, None) } else { split_port(rest) };
        pattern.matches(scheme, host, port.map(|port| port.parse().unwrap()))
    }

    #[test]
    fn patterns_match_their_hosts_and_ports() {
        for (text, allowed, denied) in CASES {
            let pattern = HostPattern::parse(text).unwrap();
            for request in *allowed {
                assert!(allows(&pattern, request), "{text} should allow {request}");
            }
            for request in *denied {
                assert!(!allows(&pattern, request), "{text} should deny {request}");
            }
        }
    }

    #[test]
    fn only_self_and_any_host_allow_the_application_itself() {
        let allows = |text: &str| HostPattern::parse(text).unwrap().matches_self("http");
        assert!(allows("http://self") && allows("*://self:*") && allows("*://*:*"));
        assert!(!allows("https://self") && !allows("http://localhost"));
    }

    #[test]
    fn invalid_patterns_are_refused() {
        for bad in [
            "",
            "*",
            ":",
            "example.com",
            "localhost:3001",
            "insecure:allow-all",
            "https://",
            "://a",
            "ht-tp://a",
            "{a,b}://c",
            "https://a/path",
            "https://a:80/path",
            "https://a:port",
            "https://a:65536",
            "https://a:9..9",
            "https://a:9..1",
            "https://a:..",
            "tcp://a",
            "*://a",
            "https://a.*.b",
            "https://*a",
            "https://*.",
            "http://10.0.0.0/33",
            "http://10.0.0.0/x",
            "http://a b",
            "http://user@a",
            "http://::1",
            "http://a:",
        ] {
            assert!(HostPattern::parse(bad).is_err(), "{bad:?} should be refused");
        }
    }
}
