//! Secrets that the host generates if the operator sets none.

use crate::capabilities::variables::Sources;
use crate::private_file;
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::path::Path;
use tessera_manifest::App;

/// The file of generated secrets in the state directory: lines `SPIN_VARIABLE_NAME=value`, which a
/// shell and other hosts can read, too.
const FILE_NAME: &str = "generated-secrets.env";

/// The secrets that the operator has not set: values from an earlier start, and new ones.
pub(super) struct Generated {
    /// The values by the names of their variables.
    pub(super) values: BTreeMap<String, String>,
    /// The names of the new ones.
    made: Vec<String>,
    /// The complete new content of the file.
    text: String,
}

impl Generated {
    /// Reads and generates the values. Nothing is written yet, so that a failed start leaves no
    /// file. `state_dir` exists and is locked by this process.
    pub(super) fn of(app: &App, sources: &Sources, state_dir: &Path) -> anyhow::Result<Self> {
        let wanted = app.settings.generated_secrets.iter();
        let wanted: Vec<&String> = wanted.filter(|name| sources.value(name).is_none()).collect();
        let mut all = if wanted.is_empty() { BTreeMap::new() } else { kept(state_dir)? };
        let (mut values, mut made) = (BTreeMap::new(), Vec::new());
        for name in wanted {
            let key = Sources::environment_key(name);
            let value = match all.get(&key).filter(|value| !value.is_empty()) {
                Some(value) => value.clone(),
                None => {
                    made.push(name.clone());
                    private_file::random_secret()?
                }
            };
            all.insert(key, value.clone());
            values.insert(name.clone(), value);
        }
        let text = all.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        Ok(Self { values, made, text })
    }

    /// Store the new values: they are durable when this returns.
    pub(super) fn keep(&self, state_dir: &Path) -> anyhow::Result<()> {
        if self.made.is_empty() {
            return Ok(());
        }
        let (names, path) = (self.made.join("`, `"), state_dir.join(FILE_NAME));
        private_file::write(&path, &self.text)?;
        tracing::info!(
            "generated random values for `{names}`; they are stored in {}",
            path.display()
        );
        Ok(())
    }
}

/// The content of the file, by the names of environment variables.
fn kept(state_dir: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let path = state_dir.join(FILE_NAME);
    let text = private_file::read(&path)?.unwrap_or_default();
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is damaged: correct or remove it", path.display()))
}
