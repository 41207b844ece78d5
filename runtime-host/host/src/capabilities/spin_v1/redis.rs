//! `fermyon:spin/redis` without a version: each call names the server, and errors have no text.

use crate::capabilities::State;
use crate::capabilities::redis::{Command, Elements, Fault, Parameter, Reply, convert};
use tessera_redis::FromRedisValue;

convert!(super::bindings::fermyon::spin::redis_types);

use super::bindings::fermyon::spin::redis::Host;
use version::{Error, RedisParameter, RedisResult};

type Result<T> = wasmtime::Result<std::result::Result<T, Error>>;

impl State {
    /// Sends one command, on a handle for it alone.
    async fn redis_once<T: FromRedisValue>(
        &mut self,
        address: &str,
        command: Command,
    ) -> Result<T> {
        let connection = match self.open_redis(address).await? {
            Ok(connection) => connection,
            Err(fault) => return Ok(Err(self.lost(&fault))),
        };
        let result = match self.send_redis(&connection, command) {
            Ok(sending) => sending.run().await,
            Err(fault) => Err(fault),
        };
        self.close_redis(connection);
        Ok(result.map_err(|fault| self.lost(&fault)))
    }

    /// The interface can't say what has failed, so the log does.
    fn lost(&self, fault: &Fault) -> Error {
        if let Fault::Other(text) = fault {
            tracing::warn!(component = %self.component.id, "redis: {text}");
        }
        Error::Error
    }
}

impl super::bindings::fermyon::spin::redis_types::Host for State {}

impl Host for State {
    async fn publish(&mut self, address: String, channel: String, payload: Vec<u8>) -> Result<()> {
        self.redis_once(&address, Command::publish(&channel, &payload)).await
    }

    async fn get(&mut self, address: String, key: String) -> Result<Vec<u8>> {
        let value: Result<Option<Vec<u8>>> = self.redis_once(&address, Command::get(&key)).await;
        // An absent key is empty, as in stock Spin.
        Ok(value?.map(Option::unwrap_or_default))
    }

    async fn set(&mut self, address: String, key: String, value: Vec<u8>) -> Result<()> {
        self.redis_once(&address, Command::set(&key, &value)).await
    }

    async fn incr(&mut self, address: String, key: String) -> Result<i64> {
        self.redis_once(&address, Command::incr(&key)).await
    }

    async fn del(&mut self, address: String, keys: Vec<String>) -> Result<i64> {
        self.redis_once(&address, Command::del(&keys)).await
    }

    async fn sadd(&mut self, address: String, key: String, values: Vec<String>) -> Result<i64> {
        self.redis_once(&address, Command::sadd(&key, &values)).await
    }

    async fn smembers(&mut self, address: String, key: String) -> Result<Vec<String>> {
        self.redis_once(&address, Command::smembers(&key)).await
    }

    async fn srem(&mut self, address: String, key: String, values: Vec<String>) -> Result<i64> {
        self.redis_once(&address, Command::srem(&key, &values)).await
    }

    async fn execute(
        &mut self,
        address: String,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Result<Vec<RedisResult>> {
        let arguments = arguments.into_iter().map(Parameter::from).collect();
        let command = Command::execute(&command, arguments);
        let elements: Result<Elements> = self.redis_once(&address, command).await;
        Ok(elements?.map(Elements::converted))
    }
}
