//! The faults of a running host.

use crate::chaos::Fault;
use crate::commands::admin_client::Connection;
use http::Method;
use serde::Deserialize;

#[derive(Deserialize)]
struct Added {
    id: u64,
}

#[derive(Deserialize)]
struct Listed {
    faults: Vec<serde_json::Value>,
}

impl Connection {
    /// Injects a fault. Returns its number.
    pub(super) async fn add(&self, fault: &Fault) -> anyhow::Result<u64> {
        let answer = self.json(Method::POST, "/faults", serde_json::to_string(fault)?).await?;
        let Added { id } = serde_json::from_slice(answer.body())?;
        Ok(id)
    }

    /// Ends a fault, or all.
    pub(super) async fn remove(&self, id: Option<u64>) -> anyhow::Result<()> {
        let path = id.map_or("/faults".to_owned(), |id| format!("/faults/{id}"));
        self.json(Method::DELETE, &path, String::new()).await.map(drop)
    }

    /// The active faults, as JSON.
    pub(super) async fn faults(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        Ok(self.get::<Listed>("/faults").await?.faults)
    }
}
