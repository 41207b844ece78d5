//! `fermyon:spin/redis@2.0.0`.

use super::commands::Command;
use super::interface::{Fault, RedisConnection, convert, errors};
use super::reply::{Elements, Parameter, Reply};
use crate::capabilities::State;
use tessera_redis::FromRedisValue;
use wasmtime::component::Resource;

convert!(crate::capabilities::bindings::fermyon::spin::redis);
errors!();

type Connection = Resource<RedisConnection>;
type Result<T> = wasmtime::Result<std::result::Result<T, version::Error>>;

impl State {
    async fn ask_redis<T: FromRedisValue>(
        &mut self,
        connection: &Connection,
        command: Command,
    ) -> Result<T> {
        match self.send_redis(connection, command) {
            Ok(sending) => Ok(sending.run().await.map_err(Into::into)),
            Err(fault) => Ok(Err(fault.into())),
        }
    }
}

impl version::Host for State {}

impl version::HostConnection for State {
    async fn open(&mut self, address: String) -> Result<Connection> {
        Ok(self.open_redis(&address).await?.map_err(Into::into))
    }

    async fn publish(
        &mut self,
        connection: Connection,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<()> {
        self.ask_redis(&connection, Command::publish(&channel, &payload)).await
    }

    async fn get(&mut self, connection: Connection, key: String) -> Result<Option<Vec<u8>>> {
        self.ask_redis(&connection, Command::get(&key)).await
    }

    async fn set(&mut self, connection: Connection, key: String, value: Vec<u8>) -> Result<()> {
        self.ask_redis(&connection, Command::set(&key, &value)).await
    }

    async fn incr(&mut self, connection: Connection, key: String) -> Result<i64> {
        self.ask_redis(&connection, Command::incr(&key)).await
    }

    async fn del(&mut self, connection: Connection, keys: Vec<String>) -> Result<u32> {
        self.ask_redis(&connection, Command::del(&keys)).await
    }

    async fn sadd(
        &mut self,
        connection: Connection,
        key: String,
        values: Vec<String>,
    ) -> Result<u32> {
        self.ask_redis(&connection, Command::sadd(&key, &values)).await
    }

    async fn smembers(&mut self, connection: Connection, key: String) -> Result<Vec<String>> {
        self.ask_redis(&connection, Command::smembers(&key)).await
    }

    async fn srem(
        &mut self,
        connection: Connection,
        key: String,
        values: Vec<String>,
    ) -> Result<u32> {
        self.ask_redis(&connection, Command::srem(&key, &values)).await
    }

    async fn execute(
        &mut self,
        connection: Connection,
        command: String,
        arguments: Vec<version::RedisParameter>,
    ) -> Result<Vec<version::RedisResult>> {
        let arguments = arguments.into_iter().map(Parameter::from).collect();
        let command = Command::execute(&command, arguments);
        let elements: Result<Elements> = self.ask_redis(&connection, command).await;
        Ok(elements?.map(Elements::converted))
    }

    async fn drop(&mut self, connection: Connection) -> wasmtime::Result<()> {
        self.close_redis(connection);
        Ok(())
    }
}
