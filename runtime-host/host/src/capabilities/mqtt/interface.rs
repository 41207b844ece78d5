//! What all versions of the interface have in common.

use super::address::Address;
use super::client::{Client, ClientError, ClientOptions};
use super::packet::Quality;
use crate::capabilities::State;
use crate::capabilities::handles::OpenHandle;
use crate::capabilities::remote::{RemoteError, RemoteOperation};
use std::sync::Arc;
use wasmtime::component::Resource;

/// A connection that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct MqttConnection {
    client: Arc<Client>,
    _open: OpenHandle,
}

/// Why a function failed, in the words that all versions share.
#[derive(Debug)]
pub(super) enum Fault {
    InvalidAddress,
    TooManyConnections,
    ConnectionFailed(String),
    Other(String),
}

/// A message that is about to be published: what it needs of the instance, without holding it.
pub(super) struct Message {
    client: Arc<Client>,
    operation: RemoteOperation,
}

impl State {
    /// A connection to a broker. It is made with the first message.
    pub(super) fn open_mqtt(
        &mut self,
        address: &str,
        username: String,
        password: String,
        keep_alive_secs: u64,
    ) -> wasmtime::Result<Result<Resource<MqttConnection>, Fault>> {
        let Some(address) = Address::parse(address) else { return Ok(Err(Fault::InvalidAddress)) };
        if !self.may_connect(address.target()) {
            let fault = format!("address {} is not permitted", address.target());
            return Ok(Err(Fault::ConnectionFailed(fault)));
        }
        let Some(open) = self.guest.open_remotes.take() else {
            return Ok(Err(Fault::TooManyConnections));
        };
        let keep_alive_secs = keep_alive_secs.try_into().unwrap_or(u16::MAX);
        let options = ClientOptions { address, username, password, keep_alive_secs };
        let client = Arc::new(Client::new(options));
        Ok(Ok(self.table.push(MqttConnection { client, _open: open })?))
    }

    /// Begins a message on a connection.
    pub(super) fn mqtt_message(
        &self,
        connection: &Resource<MqttConnection>,
    ) -> Result<Message, Fault> {
        let connection = self.table.get(connection);
        let connection =
            connection.map_err(|_| Fault::Other("the connection is not open".into()))?;
        let client = connection.client.clone();
        Ok(Message { client, operation: self.remote_operation("mqtt.publish") })
    }

    /// Closes a connection. One that is not open is ignored.
    pub(super) fn close_mqtt(&mut self, connection: Resource<MqttConnection>) {
        let _ = self.table.delete(connection);
    }
}

impl Message {
    pub(super) async fn publish(
        self,
        topic: &str,
        payload: &[u8],
        quality: Quality,
    ) -> Result<(), Fault> {
        let Self { client, operation } = self;
        let published = operation.run(client.publish(topic, payload, quality)).await;
        published.map_err(|error| match error {
            RemoteError::Failed(ClientError::Invalid(text)) => Fault::Other(text.into()),
            RemoteError::Failed(ClientError::Connection(text)) => Fault::ConnectionFailed(text),
            RemoteError::DeadlineExceeded => {
                Fault::Other("the deadline of the call has passed".into())
            }
        })
    }
}

/// Conversions between the types of one version of the interface and the host's.
macro_rules! convert {
    ($version:path) => {
        use $version as version;

        impl From<version::Qos> for Quality {
            fn from(quality: version::Qos) -> Self {
                match quality {
                    version::Qos::AtMostOnce => Self::AtMost,
                    version::Qos::AtLeastOnce => Self::AtLeast,
                    version::Qos::ExactlyOnce => Self::Exactly,
                }
            }
        }

        impl From<Fault> for version::Error {
            fn from(fault: Fault) -> Self {
                match fault {
                    Fault::InvalidAddress => Self::InvalidAddress,
                    Fault::TooManyConnections => Self::TooManyConnections,
                    Fault::ConnectionFailed(text) => Self::ConnectionFailed(text),
                    Fault::Other(text) => Self::Other(text),
                }
            }
        }
    };
}
pub(super) use convert;
