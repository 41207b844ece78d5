//! PostgreSQL servers, by all interfaces that guests use.
//!
//! The types of the newest interface are those of the driver. The older interfaces have fewer
//! types, and what has none there is `unsupported`.

mod address;
mod ca_root;
mod driver;
mod fault;
mod numeric;
mod parameter;
mod range;
mod rdbms_types;
mod times;
mod tls;
mod v2;
mod v3;
mod v4;
mod value;

#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub use ca_root::ConnectionBuilder;
pub(super) use driver::Postgres;
pub(super) use fault::{Fault, query_text};
pub(super) use rdbms_types::convert;

use super::bindings::{self, spin::postgres4_2_0::postgres as types};
use super::sql::{Opening, SqlConnection};
use super::{Capability, State};
use address::Address;
use ca_root::CaRoot;
use wasmtime::component::{HasSelf, Linker, Resource};

/// A connection that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub type PostgresConnection = SqlConnection<Postgres>;

pub(super) const CAPABILITY: Capability = Capability {
    offered: &["fermyon:spin/postgres", "fermyon:spin/rdbms-types", "spin:postgres"],
    governed: &[("spin:postgres", "allowed_outbound_hosts")],
    add_to_linker,
};

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    bindings::fermyon::spin::postgres::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    bindings::spin::postgres3_0_0::postgres::add_to_linker::<_, HasSelf<State>>(linker, |state| {
        state
    })?;
    // It also defines the imports of 4.0.0 and 4.1.0.
    types::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl State {
    fn opening_postgres(
        &self,
        address: &str,
        ca_root: Option<CaRoot>,
    ) -> Result<Opening<Postgres>, Fault> {
        let (key, address) = Address::parse(address, ca_root)?;
        self.opening_sql(key, &address)
    }

    async fn open_postgres(
        &mut self,
        address: &str,
        ca_root: Option<CaRoot>,
    ) -> wasmtime::Result<Result<Resource<PostgresConnection>, Fault>> {
        let opening = self.opening_postgres(address, ca_root);
        self.open_sql(opening).await
    }

    /// Opens a connection to the server at this address.
    pub(super) async fn open_postgres_at(
        &mut self,
        address: &str,
    ) -> wasmtime::Result<Result<Resource<PostgresConnection>, Fault>> {
        self.open_postgres(address, None).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::component::Component;
    use wasmtime::{Config, Engine};
    use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
    use wit_parser::{ManglingAndAbi, Resolve};

    /// A component that imports an earlier version of the newest interface.
    fn importing(version: &str) -> Vec<u8> {
        let newest = include_str!("../../../wit/deps/spin-postgres@4.2.0/postgres.wit");
        let later = |line: &&str| line.contains("async func") || line.contains("@since");
        let mut text: String =
            newest.lines().filter(|line| !later(line)).collect::<Vec<_>>().join("\n");
        if version == "4.0.0" {
            let begin = text.find("resource connection-builder").unwrap();
            let end = begin + text[begin..].find('}').unwrap() + 1;
            text.replace_range(begin..end, "");
        }
        let text = text.replace("4.2.0", version) + "\nworld component { import postgres; }";
        let mut resolve = Resolve::default();
        let package = resolve.push_str("old.wit", &text).unwrap();
        let world = resolve.select_world(&[package], Some("component")).unwrap();
        let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }

    #[test]
    fn the_newest_interface_is_also_that_of_its_earlier_versions() {
        let engine = Engine::new(Config::new().wasm_component_model_async(true)).unwrap();
        let mut linker = Linker::<State>::new(&engine);
        add_to_linker(&mut linker).unwrap();
        for version in ["4.0.0", "4.1.0"] {
            let component = Component::new(&engine, importing(version)).unwrap();
            let imports: Vec<_> = component
                .component_type()
                .imports(&engine)
                .map(|(name, _)| name.to_owned())
                .collect();
            assert_eq!(imports, [format!("spin:postgres/postgres@{version}")]);
            linker.instantiate_pre(&component).map(drop).unwrap();
        }
    }
}
