//! Descriptions of APIs and of events.

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::Value;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use tessera_compatibility::Break;

/// Maximum size of a document.
const DOCUMENT_MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Documents that are compared instead of code.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Documents {
    /// Compare this description of an API: a document of OpenAPI 3.1, or a part of one with
    /// `operations` by id, such as the `api.json` of a function.
    #[arg(long, value_name = "FILE")]
    api: Option<PathBuf>,
    /// Compare these JSON schemas of events, by their types.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
}

impl Documents {
    /// What breaks; none if code is to be compared.
    pub(super) fn compare(&self, against: &str) -> anyhow::Result<Option<Vec<Break>>> {
        let against = || read(Path::new(against));
        Ok(match (&self.api, &self.events) {
            (Some(api), _) => Some(tessera_compatibility::api(&against()?, &read(api)?)),
            (_, Some(events)) => Some(tessera_compatibility::events(&against()?, &read(events)?)),
            (None, None) => None,
        })
    }
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("{shown} can't be read"))?;
    let mut text = Vec::new();
    file.take(DOCUMENT_MAX_BYTES + 1).read_to_end(&mut text)?;
    ensure!(
        text.len() as u64 <= DOCUMENT_MAX_BYTES,
        "{shown} has more than {DOCUMENT_MAX_BYTES} bytes"
    );
    serde_json::from_slice(&text).with_context(|| format!("{shown} is not JSON"))
}
