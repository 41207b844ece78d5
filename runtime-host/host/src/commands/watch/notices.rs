//! Notices of the operating system that something may have changed in a folder.

use super::snapshot::Folder;
use anyhow::Context as _;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often files are compared if the operating system does not give notice of all folders.
const POLL: Duration = Duration::from_secs(2);
/// How long changes may go on, as a multiple of the debounce time, before they are looked at.
const RESTLESS_MAX: u32 = 20;

/// The notices. At most one is waiting: it says only that something has changed.
pub(super) struct Notices {
    watcher: RecommendedWatcher,
    given: watch::Receiver<()>,
    debounce: Duration,
    folders: BTreeSet<Folder>,
    /// Whether one is waiting.
    is_waiting: bool,
    /// Whether a folder can't be watched.
    is_incomplete: bool,
}

impl Notices {
    /// Notices that come once there was none for the time `debounce`.
    pub(super) fn new(debounce: Duration) -> anyhow::Result<Self> {
        let (sender, given) = watch::channel(());
        let give = move |event: notify::Result<notify::Event>| {
            // An error may stand for any number of lost notices.
            let is_access = event.is_ok_and(|event| event.kind.is_access());
            if !is_access {
                // If no receiver is left, everything is ending.
                let _ = sender.send(());
            }
        };
        let watcher = notify::recommended_watcher(give).context("files can't be watched")?;
        let folders = BTreeSet::new();
        Ok(Self { watcher, given, debounce, folders, is_waiting: false, is_incomplete: false })
    }

    /// Watches these folders, and no others. Returns whether there are new ones: their files may have
    /// changed before.
    pub(super) fn watch(&mut self, folders: &BTreeSet<Folder>) -> bool {
        for folder in self.folders.difference(folders) {
            // A folder that is gone is not watched anymore.
            let _ = self.watcher.unwatch(&folder.path);
        }
        let new: Vec<_> = folders.difference(&self.folders).collect();
        for folder in &new {
            if let Err(error) = self.watcher.watch(&folder.path, RecursiveMode::NonRecursive) {
                if !self.is_incomplete {
                    let (folder, seconds) = (folder.path.display(), POLL.as_secs());
                    tracing::warn!(
                        "{folder} can't be watched ({error}): files are compared every {seconds} s. \
                         On Linux, `fs.inotify.max_user_watches` is the limit"
                    );
                }
                self.is_incomplete = true;
            }
        }
        let has_new = !new.is_empty();
        self.folders.clone_from(folders);
        has_new
    }

    /// Returns when something may have changed, and it is quiet again. Can be canceled and called again.
    pub(super) async fn next(&mut self) {
        if !self.is_waiting {
            let given = self.given.changed();
            // The watcher has the sender, so it is there.
            if self.is_incomplete {
                let _ = tokio::time::timeout(POLL, given).await;
            } else {
                let _ = given.await;
            }
            self.is_waiting = true;
        }
        let begun = Instant::now();
        while begun.elapsed() < self.debounce * RESTLESS_MAX {
            if tokio::time::timeout(self.debounce, self.given.changed()).await.is_err() {
                break;
            }
        }
        self.is_waiting = false;
    }
}
