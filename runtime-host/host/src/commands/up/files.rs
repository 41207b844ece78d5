//! How the files of components are offered to them.

use crate::application::FileOptions;
use clap::Args;
use std::path::PathBuf;

/// How the files of components are offered to them.
#[derive(Debug, Args)]
pub(super) struct Files {
    /// The directory in which the files of components are collected [default: `assets` in the state
    /// directory].
    #[arg(long, alias = "tmp", value_name = "DIR")]
    temp: Option<PathBuf>,
    /// Offer the directories of `files` themselves, so that components see changes at once. Patterns,
    /// single files and `exclude_files` are refused.
    #[arg(long)]
    direct_mounts: bool,
    /// Let components write to their files. With `--direct-mounts` they change the originals,
    /// otherwise copies that the next start replaces.
    #[arg(long)]
    allow_transient_write: bool,
}

impl Files {
    pub(super) fn options(&self) -> FileOptions {
        FileOptions {
            folder: self.temp.clone(),
            direct: self.direct_mounts,
            writable: self.allow_transient_write,
        }
    }
}
