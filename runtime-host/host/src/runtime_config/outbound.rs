//! `[outbound_http]`, `[outbound_networking]` and the tables of drivers: the limits of connections to
//! other servers.

use super::reader::{Code, Field, Table};
use crate::capabilities::ConnectionLimits;
use crate::capabilities::outbound_http::{BlockedNetworks, OutboundPolicy};
use std::path::Path;

/// The word for all networks that are not reachable from everywhere.
const PRIVATE: &str = "private";

pub(super) fn read(
    root: &mut Table<'_>,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> OutboundPolicy {
    let mut policy = OutboundPolicy::default();
    if let Some(table) = root.optional("outbound_http").and_then(|field| field.table()) {
        http(table, &mut policy, warnings);
    }
    if let Some(table) = root.optional("outbound_networking").and_then(|field| field.table()) {
        networking(table, &mut policy);
    }
    drivers(root, &mut policy.limits);
    warnings.extend(over_the_total(&policy.limits));
    policy.client_tls = super::client_tls::read(root, folder);
    policy
}

fn http(mut table: Table<'_>, policy: &mut OutboundPolicy, warnings: &mut Vec<String>) {
    let pooling = table.boolean("connection_pooling");
    let current = table.optional("max_connections");
    let older = table.deprecated("max_concurrent_requests");
    if let (Some(_), Some(older)) = (&current, &older) {
        let message = "is the older name of `max_connections`, and the table has both";
        older.report(Code::ConflictingKeys, message, "the older name", "remove it");
    }
    // As Spin: the older name counts from 0.
    let older = older.and_then(|field| Some(count(&field)? + 1));
    if older.is_some() {
        warnings.push(
            "`outbound_http.max_concurrent_requests` is the older name of `max_connections`, and \
             allows one connection more"
                .to_owned(),
        );
    }
    policy.limits.http = current.and_then(|field| count(&field)).or(older);
    // Connections that are kept count, so a limit and a pool do not go well together.
    policy.pooling = pooling.unwrap_or(policy.limits.http.is_none());
    table.finish();
}

/// The tables of drivers.
fn drivers(root: &mut Table<'_>, limits: &mut ConnectionLimits) {
    let ConnectionLimits { mqtt, mysql, postgres, redis, mqtt_payload_max_bytes, .. } = limits;
    for (name, connections_max) in [
        ("outbound_mqtt", mqtt),
        ("outbound_mysql", mysql),
        ("outbound_pg", postgres),
        ("outbound_redis", redis),
    ] {
        let Some(mut table) = root.optional(name).and_then(|field| field.table()) else { continue };
        *connections_max = table.optional("max_connections").and_then(|field| count(&field));
        if name == "outbound_mqtt" {
            let bytes = table.optional("max_payload_size_bytes");
            *mqtt_payload_max_bytes = bytes.and_then(|field| count(&field));
        }
        table.finish();
    }
}

fn networking(mut table: Table<'_>, policy: &mut OutboundPolicy) {
    if let Some(field) = table.optional("block_networks") {
        policy.blocked = blocked(&field);
    }
    policy.limits.sockets =
        table.optional("max_socket_connections").and_then(|field| count(&field));
    policy.limits.total = table.optional("max_total_connections").and_then(|field| count(&field));
    table.finish();
}

/// Warnings about limits that the one for all connections makes useless.
fn over_the_total(limits: &ConnectionLimits) -> Vec<String> {
    let Some(total) = limits.total else { return Vec::new() };
    let each = [
        ("outbound_http.max_connections", limits.http),
        ("outbound_mqtt.max_connections", limits.mqtt),
        ("outbound_mysql.max_connections", limits.mysql),
        ("outbound_networking.max_socket_connections", limits.sockets),
        ("outbound_pg.max_connections", limits.postgres),
        ("outbound_redis.max_connections", limits.redis),
    ];
    let over = each.into_iter().filter(|(_, limit)| limit.is_some_and(|limit| limit > total));
    over.map(|(key, _)| {
        format!(
            "`{key}` has no effect: it is more than `outbound_networking.max_total_connections`, \
             which is {total}"
        )
    })
    .collect()
}

fn blocked(field: &Field<'_>) -> BlockedNetworks {
    let mut blocked = BlockedNetworks::default();
    for item in field.items().unwrap_or_default() {
        let Some(text) = item.text() else { continue };
        match text.parse() {
            _ if text == PRIVATE => blocked.private = true,
            Ok(network) => blocked.networks.push(network),
            Err(()) => {
                let hint = "write a network such as `10.0.0.0/8`, or `private`";
                item.report(Code::BadValue, "is not a network", "not a network", hint);
            }
        }
    }
    blocked
}

fn count(field: &Field<'_>) -> Option<usize> {
    let count = usize::try_from(field.integer()?).ok();
    if count.is_none() {
        field.report(Code::BadValue, "must not be negative", "negative", "write 0 or more");
    }
    count
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::capabilities::ConnectionLimits;
    use crate::runtime_config::RuntimeConfig;
    use std::path::Path;

    fn parse(text: &str) -> Result<RuntimeConfig, String> {
        let config = RuntimeConfig::parse(Path::new("/app/rc.toml"), text);
        config.map_err(|errors| format!("{errors:#}"))
    }

    #[test]
    fn connections_are_pooled_unless_they_are_limited() {
        for (text, pooling, connections_max) in [
            ("", true, None),
            ("[outbound_http]\n", true, None),
            ("[outbound_http]\nconnection_pooling = false\n", false, None),
            ("[outbound_http]\nmax_connections = 0\n", false, Some(0)),
            ("[outbound_http]\nmax_concurrent_requests = 4\n", false, Some(5)),
            (
                "[outbound_http]\nconnection_pooling = true\nmax_connections = 9\n\
                 [outbound_networking]\nmax_total_connections = 7\n",
                true,
                Some(9),
            ),
        ] {
            let outbound = parse(text).unwrap().outbound;
            assert_eq!((outbound.pooling, outbound.limits.http), (pooling, connections_max));
        }
    }

    #[test]
    fn each_driver_has_its_limits() {
        let text = "[outbound_mqtt]\nmax_connections = 1\nmax_payload_size_bytes = 2\n\
                    [outbound_mysql]\nmax_connections = 3\n[outbound_pg]\nmax_connections = 4\n\
                    [outbound_redis]\n[outbound_networking]\nmax_total_connections = 5\n\
                    max_socket_connections = 6\n";
        let limits = ConnectionLimits {
            total: Some(5),
            http: None,
            mqtt: Some(1),
            mysql: Some(3),
            postgres: Some(4),
            redis: None,
            sockets: Some(6),
            mqtt_payload_max_bytes: Some(2),
        };
        let config = parse(text).unwrap();
        assert_eq!(config.outbound.limits, limits);
        let warning = "`outbound_networking.max_socket_connections` has no effect: it is more than";
        let [only] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
        assert!(only.starts_with(warning), "{only}");
    }

    #[test]
    fn networks_are_blocked_by_their_addresses_or_because_they_are_private() {
        let text = "[outbound_networking]\nblock_networks = [\"1.1.1.1/32\", \"private\"]\n";
        let blocked = parse(text).unwrap().outbound.blocked;
        assert!(blocked.contain([1, 1, 1, 1].into()) && blocked.contain([10, 0, 0, 1].into()));
        assert!(!blocked.contain([1, 1, 1, 2].into()));
    }

    #[test]
    fn mistakes_have_a_place_and_a_hint() {
        for (text, words) in [
            (
                "[outbound_http]\nmax_connections = -1\n",
                "2:19: `outbound_http.max_connections` must",
            ),
            ("[outbound_http]\npooling = true\n", "unknown key `outbound_http.pooling`"),
            (
                "[outbound_redis]\nmax_payload_size_bytes = 1\n",
                "unknown key `outbound_redis.max_payload_size_bytes`",
            ),
            (
                "[outbound_http]\nmax_connections = 1\nmax_concurrent_requests = 1\n",
                "the older name of `max_connections`, and the table has both",
            ),
            (
                "[outbound_networking]\nblock_networks = [\"10.0.0.0/33\"]\n",
                "`outbound_networking.block_networks[0]` is not a network",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
