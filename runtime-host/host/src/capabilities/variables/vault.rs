//! Values of variables in a HashiCorp Vault: the key-value engine, version 2.
//!
//! All values are fetched when the application starts, and when its configuration is read again: a
//! value that changes later is used from then on.

use crate::capabilities::outbound_http::{Client, OutboundPolicy};
use crate::message::{Request, full_body};
use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The maximum size of a response.
const RESPONSE_MAX_BYTES: usize = 1 << 20;
/// The time for one value.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Values that are fetched at the same time.
const CONCURRENT_MAX: usize = 8;

/// One `[[variables_provider]]` of `type = "vault"`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Vault {
    /// Its address, for example `https://vault.example:8200`.
    pub(crate) url: String,
    pub(crate) token: String,
    /// The path of the engine.
    pub(crate) mount: String,
    /// The folder of the variables in the engine.
    pub(crate) prefix: Option<String>,
}

impl Vault {
    /// The values of these variables, as far as it has them.
    pub(super) async fn fetch(
        &self,
        names: Vec<String>,
    ) -> anyhow::Result<BTreeMap<String, String>> {
        // Not by the rules for components.
        let client = &Client::new(None, &OutboundPolicy::default())?;
        let fetch = |name: String| async move {
            let value = self.value(client, &name).await;
            let value = value.with_context(|| {
                format!("the variable `{name}` can't be read from the Vault at {}", self.url)
            })?;
            anyhow::Ok(value.map(|value| (name, value)))
        };
        let found = futures::stream::iter(names).map(fetch).buffer_unordered(CONCURRENT_MAX);
        let found: Vec<Option<(String, String)>> = found.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn value(&self, client: &Client, name: &str) -> anyhow::Result<Option<String>> {
        let request = self.request(name)?;
        let answer = async {
            let response = client.fetch(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), RESPONSE_MAX_BYTES).collect().await;
            let body = body.map_err(|error| anyhow!("its response ended early: {error}"))?;
            anyhow::Ok((status, body.to_bytes()))
        };
        let answer = tokio::time::timeout(TIMEOUT, answer).await;
        let (status, body) = answer
            .with_context(|| format!("there is no answer after {} s", TIMEOUT.as_secs()))??;
        match status {
            StatusCode::OK => text(&body).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::FORBIDDEN => bail!("it refuses the `token` (403)"),
            status => bail!("it answers {status}"),
        }
    }

    fn request(&self, name: &str) -> anyhow::Result<Request> {
        let (url, mount) = (self.url.trim_end_matches('/'), self.mount.trim_matches('/'));
        let path = match &self.prefix {
            Some(prefix) => format!("{}/{name}", prefix.trim_matches('/')),
            None => name.to_owned(),
        };
        let request = http::Request::get(format!("{url}/v1/{mount}/data/{path}"))
            .header("x-vault-token", &self.token)
            .header("x-vault-request", "true");
        request.body(full_body(Bytes::new())).context("its `url`, `mount` or `token` is invalid")
    }
}

/// The key `value` of a secret.
fn text(body: &[u8]) -> anyhow::Result<String> {
    // The error would quote the secret.
    let body: Value = serde_json::from_slice(body).map_err(|_| anyhow!("it sends no JSON"))?;
    let value = body["data"]["data"]["value"].as_str().map(ToOwned::to_owned);
    value.context("its secret has no text in the key `value`")
}

/// Without the token.
impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Vault");
        shown.field("url", &self.url).field("mount", &self.mount);
        shown.field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_at_its_path_and_in_the_key_value() {
        let vault = |prefix: Option<&str>| Vault {
            url: "http://127.0.0.1:8200/".to_owned(),
            token: "t0ken".to_owned(),
            mount: "secret".to_owned(),
            prefix: prefix.map(ToOwned::to_owned),
        };
        let uri = |prefix| vault(prefix).request("a").unwrap().uri().to_string();
        assert_eq!(uri(None), "http://127.0.0.1:8200/v1/secret/data/a");
        assert_eq!(uri(Some("x/y")), "http://127.0.0.1:8200/v1/secret/data/x/y/a");
        assert!(!format!("{:?}", vault(None)).contains("t0ken"));
        assert_eq!(text(br#"{"data":{"data":{"value":"1"}}}"#).unwrap(), "1");
        assert!(text(br#"{"data":{"data":{"value":1}}}"#).is_err());
    }
}
