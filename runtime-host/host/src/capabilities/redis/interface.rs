//! What all versions of the interface have in common.

use super::commands::Command;
use super::servers::Own;
use crate::capabilities::State;
use crate::capabilities::connection_limits::Counted;
use crate::capabilities::handles::OpenHandle;
use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::remote::{RemoteError, RemoteOperation, Target};
use crate::engine::Arguments;
use std::sync::Arc;
use tessera_redis::{Address, Error, FromRedisValue, Shared};
use tokio::sync::{OnceCell, OwnedSemaphorePermit};
use wasmtime::component::Resource;

/// A connection that a guest has opened.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct RedisConnection {
    link: Link,
    _open: OpenHandle,
    _counted: Counted,
}

/// Where the commands of a handle go.
#[derive(Clone)]
struct Link {
    shared: Arc<Shared>,
    /// The connection that only this handle has, once it needs one.
    own: Arc<OnceCell<Own>>,
}

/// Why a function failed, in the words that all versions share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::capabilities) enum Fault {
    InvalidAddress,
    TooManyConnections,
    TypeError,
    Other(String),
}

/// A connection that is about to be opened.
pub(super) struct Opening {
    shared: Arc<Shared>,
    outbound: Arc<Outbound>,
    operation: RemoteOperation,
}

/// A command that is about to be sent: what it needs of the instance, without holding it.
pub(in crate::capabilities) struct Sending {
    link: Link,
    command: Command,
    /// For the connection of its own, if the handle is to get one now.
    permit: Option<OwnedSemaphorePermit>,
    operation: RemoteOperation,
    /// The command, counted until it is done.
    _arguments: Arguments,
}

impl State {
    /// Begins to connect to this address, if the manifest allows it.
    pub(super) fn begin_redis(&self, text: &str) -> Result<Opening, Fault> {
        let address = Address::parse(text).map_err(|error| {
            tracing::warn!(component = %self.component.id, "an address of Redis is invalid: {error}");
            Fault::InvalidAddress
        })?;
        let (scheme, host, port) = (address.scheme(), address.host(), Some(address.port()));
        if !self.may_connect(Target { scheme, host, port }) {
            return Err(Fault::InvalidAddress);
        }
        let grants = &self.guest.grants;
        let address = match grants.outbound.blocked() {
            None => address,
            Some(blocked) => address.resolved_by(move |host, port| {
                let blocked = blocked.clone();
                Box::pin(async move { blocked.resolve(&host, port).await })
            }),
        };
        let shared = grants.redis.shared(text, address);
        Ok(Opening {
            shared,
            outbound: grants.outbound.clone(),
            operation: self.remote_operation("redis.open"),
        })
    }

    /// A handle for an open connection.
    pub(super) fn hold_redis(
        &mut self,
        (shared, counted): (Arc<Shared>, Counted),
    ) -> wasmtime::Result<Result<Resource<RedisConnection>, Fault>> {
        let Some(handle) = self.guest.open_remotes.take() else {
            return Ok(Err(Fault::TooManyConnections));
        };
        let link = Link { shared, own: Arc::default() };
        Ok(Ok(self.table.push(RedisConnection { link, _open: handle, _counted: counted })?))
    }

    /// Connects to this address.
    pub(in crate::capabilities) async fn open_redis(
        &mut self,
        address: &str,
    ) -> wasmtime::Result<Result<Resource<RedisConnection>, Fault>> {
        let opening = match self.begin_redis(address) {
            Ok(opening) => opening,
            Err(fault) => return Ok(Err(fault)),
        };
        match opening.run().await {
            Ok(opened) => self.hold_redis(opened),
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// Begins a command on a connection.
    pub(in crate::capabilities) fn send_redis(
        &self,
        handle: &Resource<RedisConnection>,
        command: Command,
    ) -> Result<Sending, Fault> {
        let connection = self.table.get(handle);
        let connection = connection
            .map_err(|_| Fault::Other("could not find connection for resource".into()))?;
        let link = connection.link.clone();
        let permit = if command.needs_own && !link.own.initialized() {
            Some(self.guest.grants.redis.permit().ok_or(Fault::TooManyConnections)?)
        } else {
            None
        };
        let operation = self.remote_operation(command.operation);
        let arguments = self.in_flight.count(command.bytes());
        Ok(Sending { link, command, permit, operation, _arguments: arguments })
    }

    /// Closes a connection. One that is not open is ignored.
    pub(in crate::capabilities) fn close_redis(&mut self, handle: Resource<RedisConnection>) {
        let _ = self.table.delete(handle);
    }
}

impl Opening {
    pub(super) async fn run(self) -> Result<(Arc<Shared>, Counted), Fault> {
        let Self { shared, outbound, operation } = self;
        let counted = operation.run(async {
            let counted = outbound.connections().redis.count().await;
            shared.connection().await?;
            Ok::<_, Error>(counted)
        });
        let counted = counted.await?;
        Ok((shared, counted))
    }
}

impl Sending {
    /// Sends it and waits for the reply.
    pub(in crate::capabilities) async fn run<T: FromRedisValue>(self) -> Result<T, Fault> {
        let Self { link, command, permit, operation, _arguments } = self;
        let command = &command.command;
        Ok(operation.run(link.query(command, permit)).await?)
    }
}

impl Link {
    async fn query<T: FromRedisValue>(
        &self,
        command: &tessera_redis::Cmd,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<T, Error> {
        if let Some(permit) = permit {
            let own = || Own::open(self.shared.address(), permit);
            return self.own.get_or_try_init(own).await?.connection.query(command).await;
        }
        match self.own.get() {
            Some(own) => own.connection.query(command).await,
            None => self.shared.query(command).await,
        }
    }
}

impl From<RemoteError<Error>> for Fault {
    fn from(error: RemoteError<Error>) -> Self {
        match error {
            RemoteError::Failed(Error::UnexpectedReply(_)) => Self::TypeError,
            other => Self::Other(other.to_string()),
        }
    }
}

/// Conversions between the values and errors of one version of the interface and the host's.
macro_rules! convert {
    ($version:path) => {
        use $version as version;

        impl From<version::RedisParameter> for Parameter {
            fn from(parameter: version::RedisParameter) -> Self {
                match parameter {
                    version::RedisParameter::Int64(number) => Self::Int64(number),
                    version::RedisParameter::Binary(bytes) => Self::Binary(bytes),
                }
            }
        }

        impl From<Reply> for version::RedisResult {
            fn from(reply: Reply) -> Self {
                match reply {
                    Reply::Nil => Self::Nil,
                    Reply::Status(text) => Self::Status(text),
                    Reply::Int64(number) => Self::Int64(number),
                    Reply::Binary(bytes) => Self::Binary(bytes),
                }
            }
        }
    };
}
pub(in crate::capabilities) use convert;

/// The errors of the versions that have resources.
macro_rules! errors {
    () => {
        impl From<Fault> for version::Error {
            fn from(fault: Fault) -> Self {
                match fault {
                    Fault::InvalidAddress => Self::InvalidAddress,
                    Fault::TooManyConnections => Self::TooManyConnections,
                    Fault::TypeError => Self::TypeError,
                    Fault::Other(text) => Self::Other(text),
                }
            }
        }
    };
}
pub(super) use errors;
