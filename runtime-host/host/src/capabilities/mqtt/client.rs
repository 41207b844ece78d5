//! A client of one broker.
//!
//! It connects with its first message, as stock Spin's does, and again after the broker has closed
//! the connection.

use super::address::Address;
use super::packet::{self, Quality};
use super::session::Session;
use crate::capabilities::outbound_http::Outbound;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What a client needs to connect.
pub(super) struct ClientOptions {
    pub(super) address: Address,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) keep_alive_secs: u16,
    pub(super) outbound: Arc<Outbound>,
}

/// Why a message was not published.
#[derive(Debug)]
pub(super) enum ClientError {
    /// It can't be published at all.
    Invalid(String),
    /// The broker did not acknowledge it.
    Connection(String),
}

/// A client. Its messages are published one after the other.
pub(super) struct Client {
    options: ClientOptions,
    session: Mutex<Option<Session>>,
}

impl Client {
    pub(super) fn new(options: ClientOptions) -> Self {
        Self { options, session: Mutex::default() }
    }

    /// Publishes a message, and waits until it is acknowledged.
    pub(super) async fn publish(
        &self,
        topic: &str,
        payload: &[u8],
        quality: Quality,
    ) -> Result<(), ClientError> {
        if !packet::is_topic(topic) {
            let text = "the topic is empty, too long or has a wildcard";
            return Err(ClientError::Invalid(text.to_owned()));
        }
        let max = self.options.outbound.connections().mqtt_payload_max_bytes;
        if let Some(max) = max.filter(|max| payload.len() > *max) {
            let text = format!(
                "payload size {} exceeds the maximum allowed size of {max} bytes",
                payload.len()
            );
            return Err(ClientError::Invalid(text));
        }
        let mut slot = self.session.lock().await;
        // Taken out: after a failure, or when the call has ended, the next message needs another one.
        let open = slot.take().and_then(|mut open| open.is_open().then_some(open));
        let mut session = match open {
            Some(session) => session,
            None => Session::begin(&self.options).await.map_err(ClientError::Connection)?,
        };
        session.publish(topic, payload, quality).await.map_err(ClientError::Connection)?;
        *slot = Some(session);
        Ok(())
    }
}
