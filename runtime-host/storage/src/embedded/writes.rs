//! What the writer thread keeps between transactions.

use std::sync::Arc;

use rusqlite::Connection;
use tessera_sqlite::Engine;

use super::{
    coherence::Coherence,
    group::{Applied, Group},
};
use crate::versions::Deletions;

/// The state of the writer of one database.
pub(super) struct Writes {
    pub(super) coherence: Arc<Coherence>,
    pub(super) deletions: Arc<Deletions>,
    /// The last version number that was assigned.
    pub(super) version: u64,
    /// Whether any key has an expiry time.
    pub(super) uses_expiry: bool,
}

impl Engine for Writes {
    type Group<'a> = Group<'a>;
    type Commit = Applied;

    fn begin<'a>(&'a mut self, connection: &'a Connection) -> Group<'a> {
        let Self { coherence, deletions, version, uses_expiry } = self;
        Group::new(connection, deletions, coherence, version, *uses_expiry)
    }

    fn finish(group: Group<'_>) -> rusqlite::Result<Applied> {
        group.finish()
    }

    fn committed(&mut self, applied: Applied) {
        self.uses_expiry = applied.uses_expiry;
        applied.publish(&self.deletions, &self.coherence);
    }

    fn rolled_back(&mut self, applied: Applied) {
        applied.discard(&self.coherence);
    }

    fn file_changed(&mut self) {
        self.coherence.discard();
        // The other program may have written expiry times.
        self.uses_expiry = true;
    }
}

impl Drop for Writes {
    fn drop(&mut self) {
        self.coherence.close();
    }
}
