//! The operations of a store.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use tessera_redis::{FromRedisValue, cmd};

use super::{Server, expiry, listing};
use crate::{
    Error, ErrorKind, KeyPage, KeyValue, Limits, Result, SwapError, Value, Version, Versioned,
};

/// Reads a value and the beginning of its SHA-1.
const READ: &str = "local value = redis.call('GET', KEYS[1])
if not value then return {} end
return {value, string.sub(redis.sha1hex(value), 1, 16)}";

/// Sets a key to `ARGV[2]` if its value has the digest `ARGV[1]`. Returns the new digest, or what `READ`
/// returns.
const SWAP: &str = "local value = redis.call('GET', KEYS[1])
local digest = 'absent'
if value then digest = string.sub(redis.sha1hex(value), 1, 16) end
if digest == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2])
    return string.sub(redis.sha1hex(ARGV[2]), 1, 16)
end
if not value then return {} end
return {value, digest}";

/// Reads values unless they are larger than `ARGV[1]` together.
const READ_MANY: &str = "local bytes = 0
for _, key in ipairs(KEYS) do bytes = bytes + redis.call('STRLEN', key) end
if bytes > tonumber(ARGV[1]) then return bytes end
return redis.call('MGET', unpack(KEYS))";

/// A store.
pub(super) struct Store {
    server: Arc<Server>,
}

impl Store {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self { server }
    }

    fn limits(&self) -> &Limits {
        &self.server.limits
    }

    fn check_key(&self, key: &str) -> Result<()> {
        expiry::check_key(key)?;
        self.limits().check_key(key)
    }

    /// Runs a command that writes these keys.
    async fn write<T: FromRedisValue>(
        &self,
        keys: &[String],
        command: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let versions = &self.server.versions;
        keys.iter().for_each(|key| _ = versions.advance(key));
        let result = command.await;
        // Also after an error: whether the server did the work may not be known.
        keys.iter().for_each(|key| _ = versions.advance(key));
        result
    }

    async fn get_value(&self, key: String) -> Result<Option<Value>> {
        self.check_key(&key)?;
        self.server.query(cmd("GET").arg(key)).await
    }

    async fn set_all(&self, entries: Vec<(String, Value)>) -> Result<()> {
        entries.iter().try_for_each(|(key, _)| expiry::check_key(key))?;
        if entries.is_empty() {
            return Ok(());
        }
        let mut command = cmd("MSET");
        let mut keys = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            command.arg(&key).arg(value);
            keys.push(key);
        }
        self.write(&keys, self.server.query(&command)).await
    }

    async fn remove_all(&self, keys: Vec<String>) -> Result<()> {
        keys.iter().try_for_each(|key| expiry::check_key(key))?;
        if keys.is_empty() {
            return Ok(());
        }
        self.write(&keys, expiry::remove(&self.server, &keys)).await
    }

    async fn get_all(&self, keys: Vec<String>) -> Result<Vec<Option<Value>>> {
        self.limits().check_keys(&keys)?;
        keys.iter().try_for_each(|key| expiry::check_key(key))?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = cmd("EVAL");
        command.arg(READ_MANY).arg(keys.len()).arg(&keys).arg(self.limits().batch_bytes_max);
        match self.server.query(&command).await? {
            tessera_redis::Value::Int(bytes) => {
                self.limits().check_batch_bytes(usize::try_from(bytes).unwrap_or(usize::MAX))?;
                Err(unexpected())
            }
            values => FromRedisValue::from_redis_value(values).map_err(|_| unexpected()),
        }
    }

    async fn add(&self, key: String, delta: i64) -> Result<i64> {
        self.check_key(&key)?;
        let keys = [key];
        self.write(&keys, self.server.query(cmd("INCRBY").arg(&keys[0]).arg(delta))).await
    }

    async fn read(&self, key: String) -> Result<Versioned> {
        self.check_key(&key)?;
        // Before the value: a write in between makes the version an old one.
        let count = self.server.versions.count(&key);
        let found = self.server.query(cmd("EVAL").arg(READ).arg(1).arg(&key)).await?;
        self.versioned(found, count)
    }

    fn versioned(&self, found: tessera_redis::Value, count: u64) -> Result<Versioned> {
        let found: Vec<Value> =
            FromRedisValue::from_redis_value(found).map_err(|_| unexpected())?;
        let (value, digest) = match <[Value; 2]>::try_from(found) {
            Ok([value, digest]) => (Some(value), Some(parse(&digest)?)),
            Err(_) => (None, None),
        };
        Ok(Versioned { value, version: self.server.versions.version(digest, count) })
    }

    async fn swap(&self, key: String, version: Version, new: Value) -> Result<Version, SwapError> {
        self.limits().check_entry(&key, &new)?;
        expiry::check_key(&key)?;
        let versions = &self.server.versions;
        let count = versions.advance(&key);
        let expected = versions.expected(version, count);
        let mut command = cmd("EVAL");
        command.arg(SWAP).arg(1).arg(&key).arg(expected.argument()).arg(new);
        let reply = self.server.query(&command).await;
        match reply {
            Ok(tessera_redis::Value::BulkString(digest)) => {
                versions.advance(&key);
                // If there was another write meanwhile, this version is already an old one.
                Ok(versions.version(Some(parse(&digest)?), count + 2))
            }
            Ok(found) => Err(SwapError::Conflict(self.versioned(found, count + 1)?)),
            Err(error) => {
                versions.advance(&key);
                Err(error.into())
            }
        }
    }
}

fn parse(digest: &[u8]) -> Result<u64> {
    let text = std::str::from_utf8(digest).ok();
    text.and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or_else(unexpected)
}

fn unexpected() -> Error {
    Error::new(ErrorKind::Unavailable, "the server has sent an unexpected reply")
}

impl KeyValue for Store {
    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Value>>> {
        self.get_value(key).boxed()
    }

    fn set(&self, key: String, value: Value) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_entry(&key, &value)?;
            self.set_all(vec![(key, value)]).await
        }
        .boxed()
    }

    fn delete(&self, key: String) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_key(&key)?;
            self.remove_all(vec![key]).await
        }
        .boxed()
    }

    fn exists(&self, key: String) -> BoxFuture<'_, Result<bool>> {
        async move {
            self.check_key(&key)?;
            self.server.query(cmd("EXISTS").arg(key)).await
        }
        .boxed()
    }

    fn keys(&self, after: Option<String>, limit: usize) -> BoxFuture<'_, Result<KeyPage>> {
        listing::page(&self.server, after, self.limits().page_keys(limit)).boxed()
    }

    fn get_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Option<Value>>>> {
        self.get_all(keys).boxed()
    }

    fn set_many(&self, entries: Vec<(String, Value)>) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_entries(&entries)?;
            self.set_all(entries).await
        }
        .boxed()
    }

    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>> {
        async move {
            self.limits().check_keys(&keys)?;
            self.remove_all(keys).await
        }
        .boxed()
    }

    fn increment(&self, key: String, delta: i64) -> BoxFuture<'_, Result<i64>> {
        self.add(key, delta).boxed()
    }

    fn expire_at(&self, key: String, at_ms: u64) -> BoxFuture<'_, Result<()>> {
        async move {
            self.check_key(&key)?;
            expiry::set(&self.server, &key, at_ms).await
        }
        .boxed()
    }

    fn read_versioned(&self, key: String) -> BoxFuture<'_, Result<Versioned>> {
        self.read(key).boxed()
    }

    fn compare_and_swap(
        &self,
        key: String,
        version: Version,
        new: Value,
    ) -> BoxFuture<'_, Result<Version, SwapError>> {
        self.swap(key, version, new).boxed()
    }
}
