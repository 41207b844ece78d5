//! `login` and `logout`: credentials are checked with the registry, and kept where Spin keeps them.

use super::authorization::Scope;
use super::repository::registry_url;
use super::session::{Asked, Session};
use super::{Credentials, Error, Protocol};
use crate::capabilities::outbound_http::Client;
use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{HeaderMap, Method};

/// Maximum size of an answer, which is not used.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// What Docker Hub is in the file of Spin.
const DOCKER_HUB: &str = "index.docker.io";

/// The registry that a user names: its host, also if it is written as a URL.
pub(crate) fn registry_of(text: &str) -> anyhow::Result<String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = host.unwrap_or(text).trim_end_matches('/');
    let host = if host == "docker.io" { DOCKER_HUB } else { host };
    registry_url(Protocol::Https, host).with_context(|| {
        format!("`{text}` is not a registry: write its host, for example `ghcr.io`")
    })?;
    Ok(host.to_owned())
}

/// Asks the registry whether it accepts the credentials.
pub(crate) async fn check_login(
    client: &Client,
    protocol: Protocol,
    registry: &str,
    credentials: Credentials,
) -> anyhow::Result<()> {
    let url = registry_url(protocol, registry).context("it is not a registry")?;
    let session = Session::new(client, url.clone(), Scope::Login, Some(credentials));
    let (fields, body) = (HeaderMap::new(), Bytes::new());
    let asked = Asked { method: Method::GET, url: &url, fields, body, bytes_max: ANSWER_MAX_BYTES };
    match session.send(asked).await {
        Ok(_) => Ok(()),
        Err(error @ Error::Denied(_)) => Err(anyhow!("{error}: check the name and the password")),
        Err(error @ Error::Unavailable(_)) => Err(anyhow!(
            "{error}: check the name of the registry and the network connection. A registry \
             without TLS needs `--insecure`"
        )),
        Err(error) => Err(anyhow!("{error}: check that it is a registry")),
    }
}
