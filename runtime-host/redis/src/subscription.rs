//! Subscriptions to channels.
//!
//! Messages are read when they are asked for. A subscriber that is slower than the publishers so makes
//! the server wait, and in the end close the connection, instead of filling the memory of this process.

use crate::limited::Limited;
use crate::{Address, Cmd, Error, Options, Value, cmd};
use futures::{SinkExt as _, StreamExt as _};
use redis::ValueCodec;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::codec::Framed;

/// How long a connection may be silent before it has to answer a ping. It may be silent for as long
/// again before it counts as lost.
const PING_AFTER: Duration = Duration::from_secs(15);
/// Channels of one subscription.
const CHANNELS_MAX: usize = 10_000;

/// A connection that receives messages.
pub struct Subscription {
    replies: Framed<Limited, ValueCodec>,
    exceeded: Arc<AtomicBool>,
    max_bytes: usize,
    pinged: bool,
}

/// A message of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The channel.
    pub channel: String,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Subscription {
    /// Subscribes to channels. All of them are confirmed when this returns.
    ///
    /// # Errors
    /// The server is not reached or refuses, within the timeout.
    pub async fn open(
        address: &Address,
        channels: &[String],
        options: Options,
    ) -> Result<Self, Error> {
        let opening = Self::subscribe(address, channels, options);
        let opened = tokio::time::timeout(options.connect_timeout, opening).await;
        opened.unwrap_or_else(|_| Err(address.unreachable("it did not answer in time")))
    }

    async fn subscribe(
        address: &Address,
        channels: &[String],
        options: Options,
    ) -> Result<Self, Error> {
        if channels.len() > CHANNELS_MAX {
            return Err(address.unreachable(format!("more than {CHANNELS_MAX} channels")));
        }
        let socket = Limited::new(address.connect().await?, options.reply_max_bytes);
        let (exceeded, max_bytes) = (socket.exceeded(), options.reply_max_bytes);
        let replies = Framed::new(socket, ValueCodec::default());
        let mut this = Self { replies, exceeded, max_bytes, pinged: false };
        let refused = |error: Error| address.unreachable(error.to_string());
        if let Some(command) = authentication(address) {
            this.send(&command).await?;
            this.reply().await.map_err(refused)?;
        }
        let mut command = cmd("SUBSCRIBE");
        for channel in channels {
            command.arg(channel);
        }
        this.send(&command).await?;
        // The server confirms all channels of a command before it sends a message of any of them.
        for _ in channels {
            this.reply().await.map_err(refused)?;
        }
        Ok(this)
    }

    /// Waits for the next message. If the future is dropped, no message is lost.
    ///
    /// # Errors
    /// The connection has ended, or does not answer any more.
    pub async fn next(&mut self) -> Result<Message, Error> {
        loop {
            match tokio::time::timeout(PING_AFTER, self.reply()).await {
                Ok(reply) => {
                    self.pinged = false;
                    if let Some(message) = message(reply?) {
                        return Ok(message);
                    }
                }
                Err(_) if self.pinged => {
                    return Err(Error::Lost("the server does not answer".into()));
                }
                Err(_) => {
                    self.pinged = true;
                    self.send(&cmd("PING")).await?;
                }
            }
        }
    }

    async fn send(&mut self, command: &Cmd) -> Result<(), Error> {
        Ok(self.replies.send(command.get_packed_command()).await?)
    }

    async fn reply(&mut self) -> Result<Value, Error> {
        let reply = match self.replies.next().await {
            Some(reply) => reply.and_then(Value::extract_error),
            None => return Err(Error::Lost("the server has closed it".into())),
        };
        reply.map_err(|error| match Error::from(error) {
            Error::Lost(_) if self.exceeded.load(Ordering::Acquire) => {
                Error::TooLarge { max_bytes: self.max_bytes }
            }
            other => other,
        })
    }
}

fn authentication(address: &Address) -> Option<Cmd> {
    let password = address.settings.password()?;
    let mut command = cmd("AUTH");
    if let Some(user) = address.settings.username() {
        command.arg(user);
    }
    command.arg(password);
    Some(command)
}

/// The message in a reply. Other replies are confirmations, and the answers to pings.
fn message(reply: Value) -> Option<Message> {
    let Value::Array(parts) = reply else { return None };
    match <[Value; 3]>::try_from(parts) {
        Ok([Value::BulkString(kind), Value::BulkString(channel), Value::BulkString(payload)])
            if kind == b"message" =>
        {
            let channel = String::from_utf8_lossy(&channel).into_owned();
            Some(Message { channel, payload })
        }
        _ => None,
    }
}
