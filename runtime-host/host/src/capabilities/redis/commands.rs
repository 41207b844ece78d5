//! Commands of guests, and which of them may be sent on a connection that instances share.

use super::reply::Parameter;
use tessera_redis::{Arg, Cmd, cmd};

/// A command that a guest sends.
pub(in crate::capabilities) struct Command {
    /// The operation of its span.
    pub(super) operation: &'static str,
    pub(super) command: Cmd,
    /// Whether its handle needs a connection of its own from here on.
    pub(super) needs_own: bool,
}

impl Command {
    fn new(operation: &'static str, command: &mut Cmd) -> Self {
        Self { operation, command: std::mem::take(command), needs_own: false }
    }

    /// The size of its arguments.
    pub(super) fn bytes(&self) -> usize {
        let size = |argument: Arg<&[u8]>| match argument {
            Arg::Simple(bytes) => bytes.len(),
            _ => 0,
        };
        self.command.args_iter().map(size).sum()
    }

    pub(in crate::capabilities) fn publish(channel: &str, payload: &[u8]) -> Self {
        Self::new("redis.publish", cmd("PUBLISH").arg(channel).arg(payload))
    }

    pub(in crate::capabilities) fn get(key: &str) -> Self {
        Self::new("redis.get", cmd("GET").arg(key))
    }

    pub(in crate::capabilities) fn set(key: &str, value: &[u8]) -> Self {
        Self::new("redis.set", cmd("SET").arg(key).arg(value))
    }

    pub(in crate::capabilities) fn incr(key: &str) -> Self {
        Self::new("redis.incr", cmd("INCRBY").arg(key).arg(1))
    }

    pub(in crate::capabilities) fn del(keys: &[String]) -> Self {
        Self::new("redis.del", cmd("DEL").arg(keys))
    }

    pub(in crate::capabilities) fn sadd(key: &str, values: &[String]) -> Self {
        Self::new("redis.sadd", cmd("SADD").arg(key).arg(values))
    }

    pub(in crate::capabilities) fn smembers(key: &str) -> Self {
        Self::new("redis.smembers", cmd("SMEMBERS").arg(key))
    }

    pub(in crate::capabilities) fn srem(key: &str, values: &[String]) -> Self {
        Self::new("redis.srem", cmd("SREM").arg(key).arg(values))
    }

    /// Any command.
    pub(in crate::capabilities) fn execute(name: &str, arguments: Vec<Parameter>) -> Self {
        let mut command = cmd(name);
        for argument in arguments {
            match argument {
                Parameter::Int64(number) => command.arg(number),
                Parameter::Binary(bytes) => command.arg(bytes),
            };
        }
        Self { operation: "redis.execute", command, needs_own: !is_shareable(name) }
    }
}

/// Commands on data that neither wait nor change the state of their connection, in alphabetical order.
/// All others, such as `AUTH`, `BLPOP`, `MULTI`, `SELECT`, `SUBSCRIBE` and those that are not known
/// here, get a connection of their own.
const SHAREABLE: [&str; 131] = [
    "APPEND",
    "BITCOUNT",
    "BITFIELD",
    "BITFIELD_RO",
    "BITOP",
    "BITPOS",
    "COPY",
    "DBSIZE",
    "DECR",
    "DECRBY",
    "DEL",
    "DUMP",
    "ECHO",
    "EXISTS",
    "EXPIRE",
    "EXPIREAT",
    "EXPIRETIME",
    "GEOADD",
    "GEODIST",
    "GEOHASH",
    "GEOPOS",
    "GEOSEARCH",
    "GEOSEARCHSTORE",
    "GET",
    "GETBIT",
    "GETDEL",
    "GETEX",
    "GETRANGE",
    "GETSET",
    "HDEL",
    "HEXISTS",
    "HGET",
    "HGETALL",
    "HINCRBY",
    "HINCRBYFLOAT",
    "HKEYS",
    "HLEN",
    "HMGET",
    "HMSET",
    "HRANDFIELD",
    "HSCAN",
    "HSET",
    "HSETNX",
    "HSTRLEN",
    "HVALS",
    "INCR",
    "INCRBY",
    "INCRBYFLOAT",
    "KEYS",
    "LINDEX",
    "LINSERT",
    "LLEN",
    "LMOVE",
    "LMPOP",
    "LPOP",
    "LPOS",
    "LPUSH",
    "LPUSHX",
    "LRANGE",
    "LREM",
    "LSET",
    "LTRIM",
    "MGET",
    "MSET",
    "MSETNX",
    "PERSIST",
    "PEXPIRE",
    "PEXPIREAT",
    "PEXPIRETIME",
    "PFADD",
    "PFCOUNT",
    "PFMERGE",
    "PING",
    "PSETEX",
    "PTTL",
    "PUBLISH",
    "RANDOMKEY",
    "RENAME",
    "RENAMENX",
    "RESTORE",
    "RPOP",
    "RPOPLPUSH",
    "RPUSH",
    "RPUSHX",
    "SADD",
    "SCAN",
    "SCARD",
    "SDIFF",
    "SDIFFSTORE",
    "SET",
    "SETBIT",
    "SETEX",
    "SETNX",
    "SETRANGE",
    "SINTER",
    "SINTERCARD",
    "SINTERSTORE",
    "SISMEMBER",
    "SMEMBERS",
    "SMISMEMBER",
    "SMOVE",
    "SPOP",
    "SRANDMEMBER",
    "SREM",
    "SSCAN",
    "STRLEN",
    "SUNION",
    "SUNIONSTORE",
    "TIME",
    "TOUCH",
    "TTL",
    "TYPE",
    "UNLINK",
    "XADD",
    "XDEL",
    "XLEN",
    "XRANGE",
    "XREVRANGE",
    "XTRIM",
    "ZADD",
    "ZCARD",
    "ZCOUNT",
    "ZINCRBY",
    "ZRANGE",
    "ZRANGEBYSCORE",
    "ZRANK",
    "ZREM",
    "ZREVRANGE",
    "ZREVRANK",
    "ZSCAN",
    "ZSCORE",
];

fn is_shareable(name: &str) -> bool {
    SHAREABLE.binary_search(&name.to_ascii_uppercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_commands_without_state_share_a_connection() {
        assert!(SHAREABLE.is_sorted());
        for name in ["GET", "hgetall", "zscore", "append"] {
            assert!(is_shareable(name), "{name}");
        }
        for name in ["SELECT", "subscribe", "BLPOP", "MULTI", "EXEC", "CLIENT", "XREAD", "", "NEW"]
        {
            assert!(!is_shareable(name), "{name}");
        }
    }
}
