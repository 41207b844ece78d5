//! SQLite databases, by the three interfaces that guests use.
//!
//! The interfaces differ, their implementation does not: a label is looked up among the databases
//! that the manifest grants, and each statement is one span that lasts no longer than its call.

mod database;
mod hrana;
mod interface;
mod local;
mod server;
mod statement;
mod streamed;
mod turn;
mod v2;
mod v3;

pub(crate) use database::Database;
pub(super) use database::{Rows, Value};
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub use interface::SqliteConnection;
pub(super) use interface::{Fault, convert};
pub(crate) use local::Local;
pub(crate) use server::Server;
pub(super) use streamed::Streams;

use super::{Capability, State, bindings};
use wasmtime::component::{HasSelf, Linker};

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin/sqlite", "spin:sqlite"],
    governed: &[("fermyon:spin/sqlite", "sqlite_databases"), ("spin:sqlite", "sqlite_databases")],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    bindings::fermyon::spin::sqlite::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    bindings::spin::sqlite::sqlite::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}
