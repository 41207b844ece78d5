//! `spin:redis/redis@3.0.0`: what components built with spin-sdk 7 import.
//!
//! Its functions are asynchronous: while one waits for the server, the guest continues, so none of
//! them holds the instance's state across a wait.

use super::commands::Command;
use super::interface::{Fault, RedisConnection, convert, errors};
use super::reply::{Elements, Parameter, Reply};
use crate::capabilities::State;
use tessera_redis::FromRedisValue;
use wasmtime::component::{Accessor, HasSelf, Resource};

convert!(crate::capabilities::bindings::spin::redis::redis);
errors!();

type Own = HasSelf<State>;
type Connection = Resource<RedisConnection>;
type Result<T> = wasmtime::Result<std::result::Result<T, version::Error>>;

async fn ask<T, R: FromRedisValue>(
    accessor: &Accessor<T, Own>,
    connection: &Connection,
    command: Command,
) -> Result<R> {
    let begun = accessor.with(|mut access| access.get().send_redis(connection, command));
    match begun {
        Ok(sending) => Ok(sending.run().await.map_err(Into::into)),
        Err(fault) => Ok(Err(fault.into())),
    }
}

impl version::Host for State {}

impl version::HostConnection for State {
    async fn drop(&mut self, connection: Connection) -> wasmtime::Result<()> {
        self.close_redis(connection);
        Ok(())
    }
}

impl<T: Send> version::HostConnectionWithStore<T> for Own {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Result<Connection> {
        let opening = match accessor.with(|mut access| access.get().begin_redis(&address)) {
            Ok(opening) => opening,
            Err(fault) => return Ok(Err(fault.into())),
        };
        match opening.run().await {
            Ok(shared) => {
                let held = accessor.with(|mut access| access.get().hold_redis(shared))?;
                Ok(held.map_err(Into::into))
            }
            Err(fault) => Ok(Err(fault.into())),
        }
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<()> {
        ask(accessor, &connection, Command::publish(&channel, &payload)).await
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        key: String,
    ) -> Result<Option<Vec<u8>>> {
        ask(accessor, &connection, Command::get(&key)).await
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        key: String,
        value: Vec<u8>,
    ) -> Result<()> {
        ask(accessor, &connection, Command::set(&key, &value)).await
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        key: String,
    ) -> Result<i64> {
        ask(accessor, &connection, Command::incr(&key)).await
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        keys: Vec<String>,
    ) -> Result<u32> {
        ask(accessor, &connection, Command::del(&keys)).await
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        key: String,
        values: Vec<String>,
    ) -> Result<u32> {
        ask(accessor, &connection, Command::sadd(&key, &values)).await
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        key: String,
    ) -> Result<Vec<String>> {
        ask(accessor, &connection, Command::smembers(&key)).await
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        key: String,
        values: Vec<String>,
    ) -> Result<u32> {
        ask(accessor, &connection, Command::srem(&key, &values)).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Connection,
        command: String,
        arguments: Vec<version::RedisParameter>,
    ) -> Result<Vec<version::RedisResult>> {
        let arguments = arguments.into_iter().map(Parameter::from).collect();
        let command = Command::execute(&command, arguments);
        let elements: Result<Elements> = ask(accessor, &connection, command).await;
        Ok(elements?.map(Elements::converted))
    }
}
