//! Addresses of servers: URIs and the key-value form, as in libpq.

use super::ca_root::CaRoot;
use super::fault::Fault;
use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::sql::{self, Refusal};
use std::io;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// A look-up needs a port, whichever it is.
const PORT: u16 = 5432;

/// A parsed address, and the certificate authority that the guest trusts besides the public ones.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct Address {
    pub(super) config: Config,
    pub(super) ca_root: Option<CaRoot>,
}

impl Address {
    /// The address, and its key among pools.
    pub(super) fn parse(text: &str, ca_root: Option<CaRoot>) -> Result<(String, Self), Fault> {
        sql::check_length(text)?;
        let config = text.parse::<Config>();
        let config = config.map_err(|error| Refusal::Connection(sql::text(&error)))?;
        let mut key = text.to_owned();
        if let Some(ca_root) = &ca_root {
            // No address has this character.
            key.push('\0');
            key.push_str(&ca_root.pem);
        }
        Ok((key, Self { config, ca_root }))
    }

    /// Each `host`, and each `hostaddr`, which replaces the look-up of a host.
    pub(super) fn hosts(&self) -> Result<Vec<(String, Option<u16>)>, Fault> {
        let names = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => Ok(name.clone()),
            Host::Unix(_) => {
                Err(Refusal::Connection("Unix sockets are not supported on WebAssembly".into()))
            }
        });
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let addresses = self.config.get_hostaddrs().iter().map(ToString::to_string);
        let with_port = |(index, host)| (host, self.port(index));
        let hosts = names.into_iter().enumerate().map(with_port);
        Ok(hosts.chain(addresses.enumerate().map(with_port)).collect())
    }

    /// How to connect, in the order of attempts. If the operator blocks networks, each attempt has an
    /// address of each host that may be reached, so that the driver resolves no names.
    pub(super) async fn resolved(&self, outbound: &Outbound) -> io::Result<Vec<Config>> {
        let blocked = outbound.blocked().filter(|_| self.config.get_hostaddrs().is_empty());
        let Some(blocked) = blocked else { return Ok(vec![self.config.clone()]) };
        let mut addresses = Vec::new();
        for host in self.config.get_hosts() {
            let Host::Tcp(name) = host else { continue };
            let found = blocked.resolve(name, PORT).await?;
            if found.is_empty() {
                return Err(io::Error::other(format!("`{name}` has no address")));
            }
            addresses.push(found);
        }
        let attempts = addresses.iter().map(Vec::len).max().unwrap_or_default();
        let with_addresses = |attempt: usize| {
            let mut config = self.config.clone();
            for found in &addresses {
                config.hostaddr(found[attempt % found.len()].ip());
            }
            config
        };
        Ok((0..attempts).map(with_addresses).collect())
    }

    /// One port is that of all hosts.
    fn port(&self, index: usize) -> Option<u16> {
        match self.config.get_ports() {
            [port] => Some(*port),
            ports => ports.get(index).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<(String, Option<u16>)> {
        Address::parse(text, None).unwrap().1.hosts().unwrap()
    }

    #[test]
    fn every_host_and_every_address_of_a_host_counts() {
        assert_eq!(hosts("postgres://u:p@db/x"), [("db".into(), Some(5432))]);
        assert_eq!(
            hosts("postgresql://db:1,other:2/x"),
            [("db".into(), Some(1)), ("other".into(), Some(2))]
        );
        assert_eq!(
            hosts("host=db,other port=7"),
            [("db".into(), Some(7)), ("other".into(), Some(7))]
        );
        assert_eq!(
            hosts("host=db hostaddr=10.0.0.1 port=7"),
            [("db".into(), Some(7)), ("10.0.0.1".into(), Some(7))]
        );
    }

    #[test]
    fn unix_sockets_are_refused() {
        for text in ["host=/var/run/postgresql", "postgres://%2Fvar%2Frun/db", "host=db,/tmp"] {
            let error = Address::parse(text, None).unwrap().1.hosts().unwrap_err();
            assert!(format!("{error:?}").contains("Unix sockets"), "{error:?}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_its_password() {
        let error = Address::parse("user=u password=hidden sslmode=maybe", None).err().unwrap();
        let text = format!("{error:?}");
        assert!(text.contains("sslmode") && !text.contains("hidden"), "{text}");
    }
}
