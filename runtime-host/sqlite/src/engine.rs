//! What an engine implements.

use rusqlite::Connection;

use crate::Transactions;

/// The state of an engine that belongs to its writer thread, and what it does with transactions.
///
/// For each group of operations, the writer calls [`begin`](Self::begin), applies the operations,
/// and calls [`finish`](Self::finish), then [`committed`](Self::committed) after the commit, and
/// only then answers the callers. If the group fails, each operation gets its own transaction.
///
/// The engine is dropped after the last transaction, before the file is closed.
pub trait Engine: Send + Sized + 'static {
    /// A transaction that is under way.
    type Group<'a>;

    /// What takes effect in memory with the commit.
    type Commit;

    /// Starts a group. Its transaction holds the write lock of the file.
    fn begin<'a>(&'a mut self, connection: &'a Connection) -> Self::Group<'a>;

    /// Runs the statements that operations have postponed to the end of the group.
    ///
    /// # Errors
    ///
    /// Those of SQLite. They fail the transaction.
    fn finish(group: Self::Group<'_>) -> rusqlite::Result<Self::Commit>;

    /// The transaction is durable and visible to readers.
    fn committed(&mut self, commit: Self::Commit);

    /// The commit has failed, after [`finish`](Self::finish).
    fn rolled_back(&mut self, _: Self::Commit) {}

    /// Another program may have changed the file since the last transaction. What the engine has
    /// in memory may be outdated.
    fn file_changed(&mut self) {}

    /// Runs after each group and its answers, for transactions of the engine itself.
    fn after_group(_: &mut Transactions<Self>) {}
}

/// A write. It may be applied again, from the start, if the transaction that it shared with others
/// has failed.
pub trait Operation<E: Engine>: Send + 'static {
    /// The result.
    type Answer: Send + 'static;

    /// The memory that it takes while it is queued, in bytes.
    fn bytes(&self) -> usize;

    /// Applies the write.
    ///
    /// # Errors
    ///
    /// Those of SQLite. They fail the transaction; a refusal is an answer.
    fn apply(&self, group: &mut E::Group<'_>) -> rusqlite::Result<Self::Answer>;
}
