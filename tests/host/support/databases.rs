//! Database servers, each shared by all tests.

use servers::{MARIADB, PASSWORD, POSTGRES, Program, Server, Shared};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// How to connect to a server.
#[derive(Debug)]
pub(crate) struct Database {
    scheme: &'static str,
    name: &'static str,
    address: SocketAddr,
    folder: PathBuf,
}

/// The PostgreSQL server of all tests. `None`, with a note, if it is not installed.
pub(crate) fn postgres() -> Option<Database> {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let shared = Shared::start(&SHARED, &POSTGRES)?;
    Some(Database::of(&POSTGRES, shared.address, &shared.folder))
}

/// The MariaDB server of all tests. `None`, with a note, if it is not installed.
pub(crate) fn mariadb() -> Option<Database> {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let shared = Shared::start(&SHARED, &MARIADB)?;
    Some(Database::of(&MARIADB, shared.address, &shared.folder))
}

/// A server of one test. `None`, with a note, if it is not installed.
pub(crate) async fn own(program: &'static Program) -> Option<(Server, Database)> {
    let server = Server::start(program).await?;
    let database = Database::of(program, server.address(), server.folder());
    Some((server, database))
}

impl Database {
    fn of(program: &Program, address: SocketAddr, folder: &Path) -> Self {
        let is_postgres = program.package == POSTGRES.package;
        let (scheme, name) = if is_postgres { ("postgres", "postgres") } else { ("mysql", "app") };
        Self { scheme, name, address, folder: folder.to_owned() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Its address, with this query.
    pub(crate) fn address(&self, query: &str) -> String {
        self.address_with(&PASSWORD.replace(' ', "%20"), query)
    }

    /// Its address with another password.
    pub(crate) fn address_with(&self, password: &str, query: &str) -> String {
        let Self { scheme, name, address, .. } = self;
        format!("{scheme}://app:{password}@{address}/{name}{query}")
    }

    /// The certificate of the server, which is its own authority.
    pub(crate) fn certificate(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.crt")).expect("the certificate")
    }
}
