//! A connection that many share, and that is opened again when it has ended.

use crate::{Address, Cmd, Connection, Error, FromRedisValue, Options};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// After a failed attempt, commands fail at once for this long. Otherwise each of them would wait for
/// a server that is gone.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// A connection to a server, when it is needed.
pub struct Shared {
    address: Address,
    options: Options,
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    Open(Connection),
    Failed(Instant, Error),
}

impl Shared {
    /// Connects to nothing yet.
    pub fn new(address: Address, options: Options) -> Self {
        Self { address, options, state: Mutex::default() }
    }

    /// The server.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The connection, which is opened if it is not open.
    ///
    /// # Errors
    /// It can't be opened.
    pub async fn connection(&self) -> Result<Connection, Error> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Open(connection) if connection.is_usable() => return Ok(connection.clone()),
            State::Failed(at, error) if at.elapsed() < RETRY_PAUSE => return Err(error.clone()),
            _ => {}
        }
        let opened = Connection::open(&self.address, self.options).await;
        *state = match &opened {
            Ok(connection) => State::Open(connection.clone()),
            Err(error) => State::Failed(Instant::now(), error.clone()),
        };
        opened
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// See [`Error`]. The command is not sent again: it may have had its effect.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        self.connection().await?.query(command).await
    }
}
