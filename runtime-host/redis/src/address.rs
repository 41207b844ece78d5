//! Addresses of servers: `redis://[[user]:password@]host[:port][/database]`, with `rediss` for TLS.

use redis::{ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::lookup_host;

/// The address of a server, with the user, the password and the database. They are not shown.
#[derive(Clone)]
pub struct Address {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) settings: RedisConnectionInfo,
    resolver: Option<Resolver>,
}

/// Finds the addresses of a host and a port.
type Resolver = Arc<dyn Fn(String, u16) -> Resolving + Send + Sync>;
/// The addresses of a host, when they are known.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(String);

impl Address {
    /// Parses an address.
    ///
    /// # Errors
    /// It is no URL of a server in the network. The error does not repeat the text, which may have a
    /// password.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let problem = |text: &str| AddressError(text.to_owned());
        let mut url = redis::parse_redis_url(text)
            .ok_or_else(|| problem("it is not a URL like `redis://host:6379`"))?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(problem("only `redis://` and `rediss://` are supported")),
        };
        if url.fragment().is_some() {
            return Err(problem("`#…` is not supported: certificates are always verified"));
        }
        url.set_scheme("redis").map_err(|()| problem("its scheme is not supported"))?;
        let info = url.into_connection_info().map_err(|error| AddressError(error.to_string()))?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(problem("it has no host"));
        };
        if host.is_empty() {
            return Err(problem("it has no host"));
        }
        let settings = info.redis_settings().clone();
        Ok(Self { tls, host: host.clone(), port: *port, settings, resolver: None })
    }

    /// The same address, whose host is found by this function, and not by the system.
    #[must_use]
    pub fn resolved_by(
        self,
        resolver: impl Fn(String, u16) -> Resolving + Send + Sync + 'static,
    ) -> Self {
        Self { resolver: Some(Arc::new(resolver)), ..self }
    }

    /// The addresses of its host.
    pub(crate) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.resolver {
            Some(resolver) => resolver(self.host.clone(), self.port).await,
            None => Ok(lookup_host((self.host.as_str(), self.port)).await?.collect()),
        }
    }

    /// `redis`, or `rediss` with TLS.
    pub fn scheme(&self) -> &'static str {
        if self.tls { "rediss" } else { "redis" }
    }

    /// The name or address of the host. An IPv6 address has no brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        let scheme = self.scheme();
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_user_password_and_database() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost:6379"),
            ("redis://me:secret@cache.example:1/2", "redis://cache.example:1"),
            ("rediss://:secret@cache.example", "rediss://cache.example:6379"),
            ("redis://[::1]:7", "redis://[::1]:7"),
            ("valkey://x", "redis://x:6379"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert!(!format!("{address:?}").contains("secret"));
        }
        assert_eq!(Address::parse("redis://[::1]:7").unwrap().host(), "::1");
    }

    #[test]
    fn what_is_no_server_in_the_network_is_refused() {
        for text in [
            "",
            "localhost:6379",
            "http://localhost",
            "unix:///run/redis.sock",
            "redis+unix:///run/redis.sock",
            "redis://localhost/x",
            "redis://:secret@/0",
            "rediss://localhost/#insecure",
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
