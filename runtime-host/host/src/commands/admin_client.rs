//! A running host, by its admin listener.

use crate::capabilities::outbound_http::{Answer, Client, OutboundPolicy};
use crate::message::full_body;
use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// The largest answer that is read.
const ANSWER_MAX_BYTES: usize = 8 << 20;

/// Where a host is.
#[derive(Debug, Args)]
pub(super) struct AdminUrl {
    /// The URL of its admin listener.
    #[arg(
        long,
        env = "TESSERA_ADMIN_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:3001"
    )]
    admin_url: String,
}

/// Which host.
#[derive(Debug, Args)]
pub(super) struct RunningHost {
    #[command(flatten)]
    url: AdminUrl,
    /// The file with the token of its admin listener, `admin-token` in its state directory.
    #[arg(
        long,
        env = "TESSERA_ADMIN_TOKEN_FILE",
        value_name = "FILE",
        default_value = ".tessera/admin-token"
    )]
    admin_token_file: PathBuf,
}

/// A host with its token.
pub(super) struct Connection {
    client: Client,
    url: String,
    token: String,
}

#[derive(Deserialize)]
struct Problem {
    /// OFREP has its own form of errors.
    #[serde(alias = "errorDetails")]
    detail: String,
}

impl AdminUrl {
    fn base(&self) -> &str {
        self.admin_url.trim_end_matches('/')
    }

    /// Whether it is ready, which everyone may ask.
    pub(super) async fn readiness(&self) -> anyhow::Result<Answer> {
        let client = Client::new(None, &OutboundPolicy::default())?;
        let request = Request::get(format!("{}/readyz", self.base())).body(full_body(""));
        let request =
            request.with_context(|| format!("{} is no URL of an admin listener", self.base()))?;
        let answer = client.exchange(request, ANSWER_MAX_BYTES).await;
        answer.with_context(|| format!("the host at {} does not answer", self.base()))
    }
}

impl RunningHost {
    pub(super) fn connect(&self) -> anyhow::Result<Connection> {
        let path = &self.admin_token_file;
        let token = std::fs::read_to_string(path).with_context(|| {
            format!(
                "can't read {}: --admin-token-file names the file `admin-token` in the state \
                 directory of the host",
                path.display()
            )
        })?;
        let client = Client::new(None, &OutboundPolicy::default())?;
        let url = self.url.base().to_owned();
        Ok(Connection { client, url, token: token.trim().to_owned() })
    }
}

impl Connection {
    /// Sends a request. An answer that is no success is an error with its detail.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, content_type)
            .body(full_body(body))
            .with_context(|| format!("{} is no URL of an admin listener", self.url))?;
        let answer = self.client.exchange(request, ANSWER_MAX_BYTES).await;
        let answer = answer.with_context(|| format!("the host at {} does not answer", self.url))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        match serde_json::from_slice(answer.body()) {
            Ok(Problem { detail }) => bail!("{detail}"),
            Err(_) => bail!("the host answered {}", answer.status()),
        }
    }

    /// Sends a request with a body of JSON, or an empty one.
    pub(super) async fn json(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<Answer> {
        self.send(method, path, "application/json", body).await
    }

    /// Reads something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.json(Method::GET, path, String::new()).await?;
        serde_json::from_slice(answer.body())
            .with_context(|| format!("the host has another version: {path} is not understood"))
    }
}
