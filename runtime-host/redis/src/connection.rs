//! One connection, for any number of commands at the same time.

use crate::limited::Limited;
use crate::{Address, Cmd, Error, FromRedisValue, Options, Value};
use parking_lot::Mutex;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio_util::task::AbortOnDropHandle;

/// If commands are given up and no reply has come for this long, their connection is suspect: the
/// server may be gone without a word.
const SUSPECT_AFTER: Duration = Duration::from_secs(5);

/// An open connection. Clones share it; it is closed with the last of them.
#[derive(Clone)]
pub struct Connection {
    commands: MultiplexedConnection,
    options: Options,
    state: Arc<State>,
}

struct State {
    /// The task that writes commands and reads replies.
    driver: AbortOnDropHandle<()>,
    /// Whether a reply was too large.
    exceeded: Arc<AtomicBool>,
    /// Since when commands wait, if no reply has come since then.
    silent_since: Mutex<Option<Instant>>,
    /// Whether new commands should use another connection.
    suspect: AtomicBool,
}

impl Connection {
    /// Opens a connection. Requires a runtime, which it needs as long as it lives.
    ///
    /// # Errors
    /// The server is not reached or does not accept the user, within the timeout.
    pub async fn open(address: &Address, options: Options) -> Result<Self, Error> {
        let opened = tokio::time::timeout(options.connect_timeout, connect(address, options)).await;
        opened.unwrap_or_else(|_| Err(address.unreachable("it did not answer in time")))
    }

    /// Sends a command and waits for its reply. Commands of clones may wait at the same time.
    ///
    /// # Errors
    /// See [`Error`]. An error of the connection concerns all commands that wait.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        let reply = self.reply(command).await?;
        redis::from_redis_value(reply).map_err(|error| Error::UnexpectedReply(error.to_string()))
    }

    /// Whether new commands can be sent on it.
    pub fn is_usable(&self) -> bool {
        !self.state.driver.is_finished() && !self.state.suspect.load(Ordering::Acquire)
    }

    async fn reply(&self, command: &Cmd) -> Result<Value, Error> {
        let mut commands = self.commands.clone();
        let mut wait = Wait::begin(&self.state);
        let reply = command.query_async::<Value>(&mut commands);
        let reply = match self.options.response_timeout {
            None => reply.await,
            Some(timeout) => {
                tokio::time::timeout(timeout, reply).await.map_err(|_| Error::Timeout)?
            }
        };
        wait.end();
        reply.map_err(|error| match Error::from(error) {
            Error::Lost(_) if self.state.exceeded.load(Ordering::Acquire) => {
                Error::TooLarge { max_bytes: self.options.reply_max_bytes }
            }
            other => other,
        })
    }
}

async fn connect(address: &Address, options: Options) -> Result<Connection, Error> {
    let socket = Limited::new(address.connect().await?, options.reply_max_bytes);
    let exceeded = socket.exceeded();
    let config =
        AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    let made = MultiplexedConnection::new_with_config(&address.settings, socket, config).await;
    let (commands, driver) = made.map_err(|error| address.unreachable(error.to_string()))?;
    let driver = AbortOnDropHandle::new(tokio::spawn(driver));
    let (silent_since, suspect) = Default::default();
    let state = Arc::new(State { driver, exceeded, silent_since, suspect });
    Ok(Connection { commands, options, state })
}

/// The wait for a reply. Dropped before its end, the command is given up.
struct Wait<'a> {
    state: &'a State,
    ended: bool,
}

impl<'a> Wait<'a> {
    fn begin(state: &'a State) -> Self {
        state.silent_since.lock().get_or_insert_with(Instant::now);
        Self { state, ended: false }
    }

    fn end(&mut self) {
        self.ended = true;
        *self.state.silent_since.lock() = None;
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let silent =
            || self.state.silent_since.lock().is_some_and(|at| at.elapsed() >= SUSPECT_AFTER);
        if !self.ended && silent() {
            self.state.suspect.store(true, Ordering::Release);
        }
    }
}
