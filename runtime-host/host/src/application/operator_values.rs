//! Values of variables that an operator has set while the application ran. They are kept in the state
//! directory, until an operator unsets them.

use crate::private_file;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The file in the state directory.
const FILE_NAME: &str = "operator-variables.json";
/// Its format.
const FORMAT: u32 = 1;

/// The values, by the names of variables.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OperatorValues {
    format: u32,
    pub(super) values: BTreeMap<String, OperatorValue>,
}

/// A value, when it was set, and by whom.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OperatorValue {
    pub(super) value: String,
    pub(super) at_ms: u64,
    pub(super) by: String,
}

impl OperatorValues {
    /// Those of earlier runs of the host.
    pub(super) fn read(state_dir: &Path) -> anyhow::Result<Self> {
        let path = state_dir.join(FILE_NAME);
        let Some(text) = private_file::read(&path)? else {
            return Ok(Self { format: FORMAT, values: BTreeMap::new() });
        };
        // The error would quote the file, and with it a secret.
        let values: Option<Self> = serde_json::from_str(&text).ok();
        let values = values.with_context(|| {
            let path = path.display();
            format!("{path} is damaged. To start without the values in it, remove the file")
        })?;
        let path = path.display();
        ensure!(values.format == FORMAT, "{path} was written by another version of the host");
        Ok(values)
    }

    /// Makes them durable.
    pub(super) fn write(&self, state_dir: &Path) -> anyhow::Result<()> {
        private_file::write(&state_dir.join(FILE_NAME), serde_json::to_vec(self)?)
    }

    /// With other values for some variables, and none for others.
    pub(super) fn changed(
        &self,
        set: BTreeMap<String, String>,
        unset: &[String],
        (at_ms, by): (u64, &str),
    ) -> Self {
        let mut changed = self.clone();
        changed.values.retain(|name, _| !unset.contains(name));
        let set = set.into_iter();
        let set =
            set.map(|(name, value)| (name, OperatorValue { value, at_ms, by: by.to_owned() }));
        changed.values.extend(set);
        changed
    }

    pub(super) fn by_name(&self) -> BTreeMap<String, String> {
        let values = self.values.iter();
        values.map(|(name, value)| (name.clone(), value.value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_until_they_are_unset() {
        let folder = tempfile::tempdir().unwrap();
        let none = OperatorValues::read(folder.path()).unwrap();
        assert!(none.values.is_empty());
        let set = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".into(), "2".into())]);
        let values = none.changed(set.clone(), &[], (5, "ann"));
        values.write(folder.path()).unwrap();
        let read = OperatorValues::read(folder.path()).unwrap();
        assert_eq!(read.by_name(), set);
        assert_eq!((read.values["a"].at_ms, read.values["a"].by.as_str()), (5, "ann"));
        let names: Vec<_> =
            read.changed(BTreeMap::new(), &["a".to_owned()], (6, "")).values.into_keys().collect();
        assert_eq!(names, ["b"]);
        std::fs::write(folder.path().join(FILE_NAME), "{ secret").unwrap();
        let error = OperatorValues::read(folder.path()).err().unwrap().to_string();
        assert!(error.contains("damaged") && !error.contains("secret"), "{error}");
    }
}
