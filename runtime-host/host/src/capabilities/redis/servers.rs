//! The connections of one component.

use parking_lot::Mutex;
use std::sync::Arc;
use tessera_redis::{Address, Connection, Error, Options, Shared};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The servers to which the instances of one component keep a connection that they share. Beyond it,
/// the one that was used least recently is closed.
const SHARED_CONNECTIONS_MAX: usize = 16;
/// The connections that the handles of one component have for themselves.
const OWN_CONNECTIONS_MAX: usize = 256;

/// Connections of the instances of one component.
pub(crate) struct Servers {
    /// With the addresses as guests write them. The last one was used most recently.
    shared: Mutex<Vec<(String, Arc<Shared>)>>,
    own: Arc<Semaphore>,
}

impl Default for Servers {
    fn default() -> Self {
        Self { shared: Mutex::default(), own: Arc::new(Semaphore::new(OWN_CONNECTIONS_MAX)) }
    }
}

/// A connection that belongs to one handle.
pub(super) struct Own {
    pub(super) connection: Connection,
    _permit: OwnedSemaphorePermit,
}

impl Servers {
    /// The shared connection to this address.
    pub(super) fn shared(&self, text: &str, address: Address) -> Arc<Shared> {
        let mut all = self.shared.lock();
        let known = all.iter().position(|(known, _)| known == text);
        let entry = match known {
            Some(index) => all.remove(index),
            None => (text.to_owned(), Arc::new(Shared::new(address, Options::default()))),
        };
        let shared = entry.1.clone();
        all.push(entry);
        if all.len() > SHARED_CONNECTIONS_MAX {
            all.remove(0);
        }
        shared
    }

    /// A permit for one more connection that is not shared; `None` if there are too many.
    pub(super) fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.own.clone().try_acquire_owned().ok()
    }
}

impl Own {
    /// Opens one. Commands that block have the time that their call has.
    pub(super) async fn open(
        address: &Address,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, Error> {
        let options = Options { response_timeout: None, ..Options::default() };
        Ok(Self { connection: Connection::open(address, options).await?, _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(servers: &Servers, text: &str) -> Arc<Shared> {
        servers.shared(text, Address::parse(text).unwrap())
    }

    #[test]
    fn the_least_recently_used_connection_is_given_up() {
        let servers = Servers::default();
        let first = shared(&servers, "redis://localhost/0");
        let second = shared(&servers, "redis://localhost/1");
        for database in 2..SHARED_CONNECTIONS_MAX {
            shared(&servers, &format!("redis://localhost/{database}"));
        }
        assert!(Arc::ptr_eq(&first, &shared(&servers, "redis://localhost/0")));
        shared(&servers, "redis://elsewhere");
        assert!(Arc::ptr_eq(&first, &shared(&servers, "redis://localhost/0")));
        assert!(!Arc::ptr_eq(&second, &shared(&servers, "redis://localhost/1")));
    }
}
