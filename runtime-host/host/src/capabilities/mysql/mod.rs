//! MySQL servers, by all interfaces that guests use.
//!
//! The types of the newest interface are those of the driver. The older interfaces have the same
//! ones.

mod address;
mod column;
mod driver;
mod fault;
mod rdbms_types;
mod v2;
mod v3;
mod value;

pub(super) use driver::Mysql;
pub(super) use rdbms_types::convert;

use super::bindings::{self, spin::mysql::mysql as types};
use super::sql::{Opening, SqlConnection};
use super::{Capability, State};
use address::Address;
use wasmtime::component::{HasSelf, Linker, Resource};

/// A connection that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub type MysqlConnection = SqlConnection<Mysql>;

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin/mysql", "spin:mysql"],
    governed: &[("spin:mysql", "allowed_outbound_hosts")],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    bindings::fermyon::spin::mysql::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    types::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl State {
    fn opening_mysql(&self, address: &str) -> Result<Opening<Mysql>, types::Error> {
        self.opening_sql(address.to_owned(), &Address::parse(address)?)
    }

    /// Opens a connection to the server at this address.
    pub(super) async fn open_mysql(
        &mut self,
        address: &str,
    ) -> wasmtime::Result<Result<Resource<MysqlConnection>, types::Error>> {
        let opening = self.opening_mysql(address);
        self.open_sql(opening).await
    }
}
