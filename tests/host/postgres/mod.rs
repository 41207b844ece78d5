//! PostgreSQL: types, versions of the interface, errors, permissions, limits, and what happens to
//! statements and connections whose call has ended.

mod connections;
mod statements;
mod types;

use crate::support::sql::sql_guest;
use harness::Host;

/// The guest, which may connect to every server of this machine, with more lines of its component.
async fn host_with(more: &str) -> Host {
    sql_guest("\"postgres://127.0.0.1:*\"", more).host().start().await
}

async fn host() -> Host {
    host_with("").await
}
