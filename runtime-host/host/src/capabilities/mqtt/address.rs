//! The address of a broker: `mqtt://host:1883?client_id=…`.

use crate::capabilities::remote::Target;
use http::Uri;
use percent_encoding::percent_decode_str;

/// Schemes, their ports, and whether they are encrypted.
const SCHEMES: [(&str, u16, bool); 4] =
    [("mqtt", 1883, false), ("tcp", 1883, false), ("mqtts", 8883, true), ("ssl", 8883, true)];

/// Parameters that stock Spin accepts for the client library it uses. They have no effect here.
const OF_THE_LIBRARY: [&str; 6] = [
    "inflight_num",
    "keep_alive_secs",
    "max_incoming_packet_size_bytes",
    "max_request_batch_size_num",
    "pending_throttle_usecs",
    "request_channel_capacity_num",
];

/// Where a broker is, and who the client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    scheme: &'static str,
    /// IPv6 addresses have brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encrypted: bool,
    /// Empty for one that the broker chooses.
    pub(super) client_id: String,
    pub(super) clean_session: bool,
}

impl Address {
    /// `None` if the text is no address of a broker.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?;
        let (scheme, port, encrypted) =
            SCHEMES.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(scheme))?;
        let host = uri.host().filter(|host| !host.is_empty())?.to_owned();
        let authority = uri.authority()?.as_str();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
        // `port_u16` has none for a number that is too large.
        let port = match authority.strip_prefix(host.as_str())? {
            "" => port,
            rest => rest.strip_prefix(':')?.parse().ok()?,
        };
        let mut address =
            Self { scheme, host, port, encrypted, client_id: String::new(), clean_session: true };
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            address.set(name, value)?;
        }
        // A broker can only continue the session of a client that it can recognize.
        (address.clean_session || !address.client_id.is_empty()).then_some(address)
    }

    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "client_id" => {
                self.client_id = percent_decode_str(value).decode_utf8().ok()?.into_owned();
            }
            "clean_session" => self.clean_session = value.parse().ok()?,
            name if OF_THE_LIBRARY.contains(&name) => drop(value.parse::<u64>().ok()?),
            _ => return None,
        }
        Some(())
    }

    pub(super) fn target(&self) -> Target<'_> {
        Target { scheme: self.scheme, host: &self.host, port: Some(self.port) }
    }

    /// The host without brackets.
    pub(super) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parsed(text: &str) -> (String, String, bool) {
        let address = Address::parse(text).unwrap();
        (address.target().to_string(), address.client_id, address.encrypted)
    }

    #[test]
    fn an_address_has_a_scheme_a_host_a_port_and_a_client() {
        let cases = [
            ("mqtt://broker.example?client_id=a%20b", "mqtt://broker.example:1883", "a b", false),
            ("MQTT://u:p@10.0.0.1:1/?client_id=a", "mqtt://10.0.0.1:1", "a", false),
            ("tcp://b?client_id=a&keep_alive_secs=5", "tcp://b:1883", "a", false),
            ("mqtts://[::1]", "mqtts://[::1]:8883", "", true),
            ("ssl://b:1883?client_id=a&clean_session=false", "ssl://b:1883", "a", true),
        ];
        for (text, target, client, encrypted) in cases {
            assert_eq!(parsed(text), (target.to_owned(), client.to_owned(), encrypted), "{text}");
        }
        assert_eq!(Address::parse("mqtt://[::1]").unwrap().bare_host(), "::1");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "broker.example",
            "broker.example:1883",
            "http://broker.example",
            "ws://broker.example",
            "mqtt://",
            "mqtt://b:99999",
            "mqtt://b?clientid=a",
            "mqtt://b?client_id=%FF",
            "mqtt://b?inflight_num=x",
            "mqtt://b?clean_session=false",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
