//! The feature flags of a running host.

use crate::commands::admin_client::Connection;
use crate::feature_flags::Change;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

/// A flag, as the host shows it.
#[derive(Debug, Deserialize)]
pub(super) struct FlagView {
    pub(super) key: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) is_enabled: bool,
    pub(super) origin: String,
    pub(super) is_in_file: bool,
    pub(super) definition: Value,
}

#[derive(Deserialize)]
struct Listed {
    flags: Vec<FlagView>,
}

#[derive(Deserialize)]
struct Changes {
    changes: Vec<Change>,
}

impl Connection {
    pub(super) async fn flags(&self) -> anyhow::Result<Vec<FlagView>> {
        Ok(self.get::<Listed>("/flags").await?.flags)
    }

    pub(super) async fn flag(&self, key: &str) -> anyhow::Result<FlagView> {
        self.get(&format!("/flags/{}", encoded(key))).await
    }

    pub(super) async fn flag_changes(&self) -> anyhow::Result<Vec<Change>> {
        Ok(self.get::<Changes>("/flag-changes").await?.changes)
    }

    pub(super) async fn set_flag(
        &self,
        key: &str,
        definition: String,
        by: &str,
    ) -> anyhow::Result<FlagView> {
        let path = format!("/flags/{}?by={}", encoded(key), encoded(by));
        let answer = self.json(Method::PUT, &path, definition).await?;
        Ok(serde_json::from_slice(answer.body())?)
    }

    /// `verb` is `enable` or `disable`.
    pub(super) async fn switch_flag(
        &self,
        key: &str,
        verb: &str,
        by: &str,
    ) -> anyhow::Result<FlagView> {
        let path = format!("/flags/{}/{verb}?by={}", encoded(key), encoded(by));
        let answer = self.json(Method::POST, &path, String::new()).await?;
        Ok(serde_json::from_slice(answer.body())?)
    }

    pub(super) async fn remove_flag(&self, key: &str, by: &str) -> anyhow::Result<()> {
        let path = format!("/flags/{}?by={}", encoded(key), encoded(by));
        self.json(Method::DELETE, &path, String::new()).await.map(drop)
    }

    pub(super) async fn evaluate_flag(&self, key: &str, request: &Value) -> anyhow::Result<Value> {
        let path = format!("/ofrep/v1/evaluate/flags/{}", encoded(key));
        let answer = self.json(Method::POST, &path, request.to_string()).await?;
        Ok(serde_json::from_slice(answer.body())?)
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
