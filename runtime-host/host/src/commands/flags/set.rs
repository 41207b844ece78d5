//! `tessera flags set`.

use super::{By, print, shown};
use crate::commands::admin_client::RunningHost;
use anyhow::Context as _;
use clap::Args;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use tessera_flags::Flag;
use tessera_flags::limits::DOCUMENT_MAX_BYTES;

/// Define a flag, or replace its definition.
#[derive(Debug, Args)]
pub(super) struct Set {
    key: String,
    /// The file with the definition, as JSON; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    host: RunningHost,
}

impl Set {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let text = read(&self.from)?;
        // Before a host is asked: the problems are about the file.
        Flag::parse(&self.key, text.as_bytes())
            .with_context(|| format!("the definition in {} is invalid", self.from.display()))?;
        let flag = self.host.connect()?.set_flag(&self.key, text, &self.by.by).await?;
        print(&shown::line(&flag));
        Ok(())
    }
}

/// At most one byte more than a definition may have.
fn read(path: &Path) -> anyhow::Result<String> {
    let limit = DOCUMENT_MAX_BYTES as u64 + 1;
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    read.with_context(|| format!("can't read {}", path.display()))?;
    Ok(text)
}
