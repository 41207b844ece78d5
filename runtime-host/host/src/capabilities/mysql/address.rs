//! Addresses of servers: URLs, with the parameter `ssl-mode` of MySQL's own clients.

use super::types::Error;
use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::sql;
use mysql_async::{Opts, OptsBuilder, SslOpts};
use std::io;
use std::net::SocketAddr;

/// The values of `ssl-mode`, and whether they mean TLS. Every one of them means that the server has
/// to prove its name, as in stock Spin.
const SSL_MODES: [(&str, bool); 5] = [
    ("disabled", false),
    ("preferred", true),
    ("required", true),
    ("verify_ca", true),
    ("verify_identity", true),
];

/// A parsed address.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct Address {
    pub(super) options: Opts,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        sql::check_length(text)?;
        let (url, tls) = without_ssl_mode(text)?;
        let options = Opts::from_url(&url);
        let options = options.map_err(|error| Error::ConnectionFailed(sql::text(&error)))?;
        if options.socket().is_some() {
            let text = "Unix sockets are not supported on WebAssembly".to_owned();
            return Err(Error::ConnectionFailed(text));
        }
        let host =
            options.ip_or_hostname().trim_start_matches('[').trim_end_matches(']').to_owned();
        // A server on this machine would be asked for its socket.
        let mut builder = OptsBuilder::from_opts(options).prefer_socket(false).ip_or_hostname(host);
        if let Some(tls) = tls {
            builder = builder.ssl_opts(tls.then(SslOpts::default));
        }
        Ok(Self { options: builder.into() })
    }

    pub(super) fn hosts(&self) -> Vec<(String, Option<u16>)> {
        vec![(self.options.ip_or_hostname().to_owned(), Some(self.options.tcp_port()))]
    }
}

impl Address {
    /// The options, with the addresses that may be reached if the operator blocks others.
    pub(super) async fn resolved(&self, outbound: &Outbound) -> io::Result<Opts> {
        let options = self.options.clone();
        let Some(blocked) = outbound.blocked() else { return Ok(options) };
        let found = blocked.resolve(options.ip_or_hostname(), options.tcp_port()).await?;
        let addresses: Vec<_> = found.iter().map(SocketAddr::ip).collect();
        Ok(OptsBuilder::from_opts(options).resolved_ips(Some(addresses)).into())
    }
}

/// The URL without the parameter, and its meaning. The driver refuses parameters that it does not
/// know.
fn without_ssl_mode(text: &str) -> Result<(String, Option<bool>), Error> {
    let Some((url, query)) = text.split_once('?') else { return Ok((text.to_owned(), None)) };
    let is_ssl_mode = |pair: &str| {
        let key = pair.split('=').next().unwrap_or(pair);
        key.eq_ignore_ascii_case("ssl-mode") || key.eq_ignore_ascii_case("sslmode")
    };
    let (modes, others): (Vec<_>, Vec<_>) = query.split('&').partition(|pair| is_ssl_mode(pair));
    let mut tls = None;
    for pair in modes {
        let mode = pair.split_once('=').map_or("", |(_, mode)| mode);
        let known = SSL_MODES.iter().find(|(name, _)| name.eq_ignore_ascii_case(mode));
        let Some((_, wanted)) = known else {
            return Err(Error::ConnectionFailed(format!("unknown ssl-mode `{mode}`")));
        };
        tls = Some(*wanted);
    }
    let url =
        if others.is_empty() { url.to_owned() } else { format!("{url}?{}", others.join("&")) };
    Ok((url, tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn tls_is_what_the_mode_says() {
        for (query, tls) in [
            ("", false),
            ("?ssl-mode=DISABLED", false),
            ("?sslMode=VERIFY_CA", true),
            ("?SsLmOdE=required&stmt_cache_size=1", true),
            ("?require_ssl=true", true),
            ("?require_ssl=true&ssl-mode=disabled", false),
        ] {
            let address = parse(&format!("mysql://u:p@db/x{query}"));
            assert_eq!(address.options.ssl_opts().is_some(), tls, "{query}");
        }
        assert!(Address::parse("mysql://u:p@db/x?ssl-mode=maybe").is_err());
    }

    #[test]
    fn a_host_has_its_port_and_no_brackets() {
        assert_eq!(parse("mysql://db/x").hosts(), [("db".into(), Some(3306))]);
        assert_eq!(parse("mysql://u:p@[::1]:7/x").hosts(), [("::1".into(), Some(7))]);
    }

    #[test]
    fn sockets_are_neither_accepted_nor_preferred() {
        assert!(Address::parse("mysql://u:p@localhost/x?socket=%2Ftmp%2Fs").is_err());
        assert!(!parse("mysql://u:p@localhost/x?prefer_socket=true").options.prefer_socket());
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_its_password() {
        for text in ["", "postgres://u:hidden@db", "mysql://u:hidden@db/x?y=z", "mysql:u:hidden"] {
            let error = format!("{:?}", Address::parse(text).err().unwrap());
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
