//! Patterns of `allowed_outbound_hosts`: `scheme://host[:port]`.
//!
//! | part | allowed |
//! |---|---|
//! | scheme | letters, or `*` |
//! | host | a name, an address, a network (`10.0.0.0/8`), `*.domain`, `self`, or `*` |
//! | port | a number, `from..to` without `to`, or `*`; by default, the port of the scheme |
//!
//! Everything that Spin's grammar accepts, with two additions: it is case-insensitive, like URLs,
//! and the address of an IPv6 network may have brackets.

mod host;
mod ports;
#[cfg(test)]
mod tests;

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
        let ports = if port.is_empty() { scheme.own_port()? } else { Ports::parse(port)? };
        Ok(Self { scheme, host, ports, authority: rest.to_ascii_lowercase() })
    }

    /// Parses a pattern that had templates, whose variables now have their values. `None` if empty
    /// values leave no host: a variable for an optional host grants nothing until it is set.
    ///
    /// # Errors
    /// Those of [`HostPattern::parse`].
    pub fn parse_rendered(text: &str) -> Result<Option<Self>, PatternError> {
        match text.trim() {
            "" | "http://" | "https://" => Ok(None),
            text => Self::parse(text).map(Some),
        }
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

    /// Whether this host is allowed, whatever the scheme and the port are.
    pub fn matches_name(&self, host: &str) -> bool {
        self.host.matches(bare(host))
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
        "redis" | "rediss" => Some(6379),
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

/// Splits `host:port`. The last colon may also belong to an IPv6 address.
fn split_port(text: &str) -> (&str, &str) {
    match text.rsplit_once(':') {
        Some((host, port)) if port.is_empty() || Host::parse(text).is_err() => (host, port),
        _ => (text, ""),
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
        if !text.chars().all(char::is_alphabetic) {
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
