//! Checks before an application is reachable from other machines: its public URL, and secrets that
//! are published in the manifest.

use super::Options;
use crate::capabilities::variables::{Sources, UnsetVariablesError, ways_to_set};
use anyhow::bail;
use std::net::SocketAddr;
use tessera_manifest::{App, SecretDefaults};

/// Problems with the values of variables for the listen address.
#[derive(Debug, Default)]
pub(super) struct Exposure {
    /// The URL that the host derives for `base_url` if the operator sets none.
    pub(super) base_url: Option<(String, String)>,
    /// Why the application must not start.
    reasons: Vec<String>,
    /// The variables to set.
    names: Vec<String>,
    /// Problems that do not prevent the start.
    warnings: Vec<String>,
}

impl Exposure {
    /// `sources` include the generated values.
    pub(super) fn of(
        app: &App,
        options: &Options,
        sources: &Sources,
        own_address: SocketAddr,
    ) -> Self {
        let mut exposure = Self::default();
        exposure.check_base_url(app, options, sources, own_address);
        if !is_loopback(own_address) {
            exposure.check_published(app, options, sources, own_address);
        }
        exposure
    }

    /// Fails with all reasons at once, or else logs the warnings. `unset` are variables without any
    /// value.
    pub(super) fn into_result(self, unset: Option<UnsetVariablesError>) -> anyhow::Result<()> {
        let reasons = self.reasons.join("; ");
        let ways = ways_to_set(self.names.iter().map(String::as_str));
        match unset {
            Some(unset) if reasons.is_empty() => return Err(unset.into()),
            Some(unset) => bail!("{reasons}. Set each of them:{ways}\n{unset}"),
            None if reasons.is_empty() => {}
            None => {
                bail!("{reasons}. Set each of them:{ways}\n`--insecure-defaults` starts anyway.")
            }
        }
        self.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(())
    }

    /// Checks the public URL of the application, if the manifest has `base_url`.
    fn check_base_url(
        &mut self,
        app: &App,
        options: &Options,
        sources: &Sources,
        own_address: SocketAddr,
    ) {
        let Some(name) = &app.settings.base_url else { return };
        if let Some(set) = sources.value(name) {
            if !is_loopback(own_address) && leads_to_loopback(&set) {
                self.warnings.push(format!(
                    "`{name}` is {set}, which clients of {own_address} on other machines can't reach"
                ));
            }
        } else if !own_address.ip().is_unspecified() {
            let scheme = if options.own_certificate.is_some() { "https" } else { "http" };
            self.base_url = Some((name.clone(), format!("{scheme}://{own_address}")));
        } else if options.insecure_defaults {
            self.warnings.push(format!(
                "`{name}` is not set, so clients may get a URL that they can't reach"
            ));
        } else {
            self.names.push(name.clone());
            self.reasons.push(format!(
                "`{name}` is the URL at which clients reach the application, for example \
                 https://shop.example; it can't be derived from {own_address}"
            ));
        }
    }

    /// Checks for secrets that still have their published default.
    fn check_published(
        &mut self,
        app: &App,
        options: &Options,
        sources: &Sources,
        own_address: SocketAddr,
    ) {
        let published = app.variables.iter().filter(|(name, variable)| {
            let value = sources.value(name).or_else(|| variable.default.clone());
            variable.secret && variable.default.is_some() && variable.default == value
        });
        let published: Vec<String> = published.map(|(name, _)| name.clone()).collect();
        if published.is_empty() {
            return;
        }
        let risk = format!(
            "others can reach {own_address}, and the manifest publishes the values of `{}`",
            published.join("`, `")
        );
        let refuse = app.settings.secret_defaults == SecretDefaults::LoopbackOnly;
        if refuse && !options.insecure_defaults {
            self.reasons.push(risk);
            self.names.extend(published);
        } else {
            self.warnings.push(risk);
        }
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Whether the host of a URL is a loopback address.
fn leads_to_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = bare.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_urls_are_recognized() {
        for url in ["http://127.0.0.1:3000", "https://localhost", "http://[::1]:1/x"] {
            assert!(leads_to_loopback(url), "{url}");
        }
        for url in
            ["https://shop.example", "http://192.0.2.1", "no url", "http://localhost.example"]
        {
            assert!(!leads_to_loopback(url), "{url}");
        }
    }

    #[test]
    fn an_ipv4_mapped_loopback_address_is_loopback() {
        for (address, expected) in [
            ("127.0.0.1:1", true),
            ("127.8.8.8:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("192.0.2.1:1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), expected, "{address}");
        }
    }
}
