//! What new code is compared with.

use crate::application::{Pull, pull_component};
use crate::oci::Reference;
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// What new code is compared with.
pub(super) enum Against<'a> {
    File(PathBuf),
    Registry(Pull<'a>),
}

impl<'a> Against<'a> {
    /// A file, code that a host has kept, or a name in a registry.
    pub(super) fn of(
        text: &'a str,
        insecure: bool,
        state_dir: &Path,
        cache_dir: &'a Path,
    ) -> anyhow::Result<Self> {
        let path = Path::new(text);
        if path.is_file() {
            return Ok(Self::File(path.to_owned()));
        }
        if Reference::is_likely(text) {
            let pull = Pull { reference: text, insecure, cache_dir, key: None };
            return Ok(Self::Registry(pull));
        }
        kept(text, &state_dir.join("revisions/code")).map(Self::File)
    }

    /// Whether it may have the code of several components.
    pub(super) fn is_of_several(&self) -> bool {
        matches!(self, Self::Registry(_))
    }

    /// The code of a component.
    pub(super) async fn code(&self, id: &str) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::File(path) => {
                fs::read(path).with_context(|| format!("{} can't be read", path.display()))
            }
            Self::Registry(pull) => Ok(pull_component(id, pull).await?.code),
        }
    }
}

/// The file of kept code whose digest begins with these digits.
fn kept(digits: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names_it = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str());
        !digits.is_empty() && name.is_some_and(|name| name.starts_with(digits))
    };
    let mut found = entries.map(|entry| entry.path()).filter(names_it);
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(path),
        (Some(_), Some(_)) => bail!("the digests of several revisions begin with `{digits}`"),
        (None, _) => bail!(
            "there is no file `{digits}`, it is not a name in a registry, and no code whose digest \
             begins with it is in {}",
            folder.display()
        ),
    }
}
