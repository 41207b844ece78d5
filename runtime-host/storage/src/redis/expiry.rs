//! Keys that expire.
//!
//! The expiry of Redis itself ends with every `SET`, and needs an existing key. Here writes do not
//! change the time, and it can be set before the key exists. So the times are in a sorted set, which
//! exists only while some key has one. Stock Spin lists it as a key; here it is reserved.

use tessera_redis::{Cmd, cmd};

use super::Server;
use crate::{Error, Result};

/// The key of the sorted set.
const TIMES: &str = "tessera:expiry";

/// Keys that one run of the script removes.
const SWEEP_KEYS_MAX: usize = 500;

/// Removes up to `ARGV[2]` keys whose time in `KEYS[1]` is not after `ARGV[1]`, and returns them. The server
/// is not a cluster, so a script may use other keys than those that it names.
const SWEEP: &str =
    "local keys = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, key in ipairs(keys) do
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[1], key)
end
return keys";

/// Removes keys and their times.
const REMOVE: &str = "redis.call('DEL', unpack(KEYS, 2))
redis.call('ZREM', KEYS[1], unpack(KEYS, 2))
return 1";

/// Refuses the key that holds the times.
pub(super) fn check_key(key: &str) -> Result<()> {
    if key == TIMES {
        return Err(Error::invalid(format!("the key `{TIMES}` is reserved")));
    }
    Ok(())
}

/// Whether a key of the database is not one of the store.
pub(super) fn is_reserved(key: &[u8]) -> bool {
    key == TIMES.as_bytes()
}

/// Sets the time of a key. A score is exact for all dates of the next hundred thousand years.
pub(super) async fn set(server: &Server, key: &str, at_ms: u64) -> Result<()> {
    server.query(cmd("ZADD").arg(TIMES).arg(at_ms).arg(key)).await
}

/// Removes keys, with their times.
pub(super) async fn remove(server: &Server, keys: &[String]) -> Result<()> {
    let mut command = script(REMOVE, keys.len() + 1);
    command.arg(TIMES).arg(keys);
    server.query(&command).await
}

/// Removes all keys whose time has come. Returns their number.
pub(super) async fn sweep(server: &Server, now_ms: u64) -> Result<u64> {
    let mut command = script(SWEEP, 1);
    command.arg(TIMES).arg(now_ms).arg(SWEEP_KEYS_MAX);
    let mut removed = 0;
    loop {
        let keys: Vec<String> = server.query(&command).await?;
        // What was read before the removal is old. What is read from now on is not.
        keys.iter().for_each(|key| _ = server.versions.advance(key));
        removed += keys.len() as u64;
        if keys.len() < SWEEP_KEYS_MAX {
            return Ok(removed);
        }
    }
}

fn script(text: &str, keys: usize) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(keys);
    command
}
