//! What all versions of the interface have in common.

use super::address::Address;
use super::client::{Client, ClientError, ClientOptions};
use super::packet::Quality;
use crate::capabilities::State;
use crate::capabilities::connection_limits::Counted;
use crate::capabilities::handles::OpenHandle;
use crate::capabilities::remote::{RemoteError, RemoteOperation};
use std::sync::Arc;
use wasmtime::component::Resource;

/// A connection that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct MqttConnection {
    client: Arc<Client>,
    _open: OpenHandle,
    _counted: Counted,
}

/// A connection that is about to be opened.
pub(super) struct Opening {
    options: ClientOptions,
    open: OpenHandle,
    operation: RemoteOperation,
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
    /// Begins to open a connection to a broker.
    pub(super) fn opening_mqtt(
        &self,
        address: &str,
        username: String,
        password: String,
        keep_alive_secs: u64,
    ) -> Result<Opening, Fault> {
        let address = Address::parse(address).ok_or(Fault::InvalidAddress)?;
        if !self.may_connect(address.target()) {
            let fault = format!("address {} is not permitted", address.target());
            return Err(Fault::ConnectionFailed(fault));
        }
        let open = self.guest.open_remotes.take().ok_or(Fault::TooManyConnections)?;
        let keep_alive_secs = keep_alive_secs.try_into().unwrap_or(u16::MAX);
        let outbound = self.guest.grants.outbound.clone();
        let options = ClientOptions { address, username, password, keep_alive_secs, outbound };
        Ok(Opening { options, open, operation: self.remote_operation("mqtt.open") })
    }

    /// A handle for an open connection.
    pub(super) fn hold_mqtt(
        &mut self,
        opened: Result<MqttConnection, Fault>,
    ) -> wasmtime::Result<Result<Resource<MqttConnection>, Fault>> {
        Ok(match opened {
            Ok(connection) => Ok(self.table.push(connection)?),
            Err(fault) => Err(fault),
        })
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

impl Opening {
    /// Waits until there may be one more connection. It is made with the first message.
    pub(super) async fn run(self) -> Result<MqttConnection, Fault> {
        let Self { options, open, operation } = self;
        let connections = options.outbound.connections();
        let counted = operation.run(async { Ok::<_, Fault>(connections.mqtt.count().await) });
        let counted = counted.await.map_err(|_| Fault::TooManyConnections)?;
        let client = Arc::new(Client::new(options));
        Ok(MqttConnection { client, _open: open, _counted: counted })
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
            RemoteError::Failed(ClientError::Invalid(text)) => Fault::Other(text),
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
