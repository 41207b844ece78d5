//! The interfaces that Spin 4.1 itself provides.

/// Interfaces with their supported versions; `0.2.` stands for all versions of WASI 0.2.
const INTERFACES: [(&str, &[&str], &[&str]); 22] = [
    ("wasi:cli", &["0.2.", "0.3.0"], &["environment", "exit", "stdin", "stdout", "stderr"]),
    (
        "wasi:cli",
        &["0.2.", "0.3.0"],
        &["terminal-input", "terminal-output", "terminal-stdin", "terminal-stdout"],
    ),
    ("wasi:cli", &["0.2.", "0.3.0"], &["terminal-stderr"]),
    ("wasi:cli", &["0.3.0"], &["types"]),
    ("wasi:clocks", &["0.2."], &["monotonic-clock", "wall-clock"]),
    ("wasi:clocks", &["0.3.0"], &["monotonic-clock", "system-clock", "types"]),
    ("wasi:filesystem", &["0.2.", "0.3.0"], &["types", "preopens"]),
    ("wasi:http", &["0.2."], &["types", "outgoing-handler"]),
    ("wasi:http", &["0.3.0"], &["types", "client"]),
    ("wasi:io", &["0.2."], &["error", "poll", "streams"]),
    ("wasi:random", &["0.2.", "0.3.0"], &["random", "insecure", "insecure-seed"]),
    ("wasi:sockets", &["0.2."], &["network", "instance-network", "ip-name-lookup"]),
    ("wasi:sockets", &["0.2."], &["tcp", "tcp-create-socket", "udp", "udp-create-socket"]),
    ("wasi:sockets", &["0.3.0"], &["types", "ip-name-lookup"]),
    ("wasi:keyvalue", &["0.2.0-draft2"], &["store", "batch", "atomics"]),
    ("wasi:config", &["0.2.0-draft-2024-09-27"], &["store"]),
    ("spin:key-value", &["3.0.0"], &["key-value"]),
    ("spin:variables", &["3.0.0"], &["variables"]),
    ("spin:sqlite", &["3.1.0"], &["sqlite"]),
    ("spin:postgres", &["3.0.0", "4.2.0"], &["postgres"]),
    ("spin:redis", &["3.0.0"], &["redis"]),
    ("fermyon:spin", &["2.0.0"], &["key-value", "variables", "sqlite", "llm"]),
];

/// Capabilities that a dependency has only if it inherits them, with the interfaces that use them.
/// `environment` and `files` are not listed: without them a dependency finds an empty environment,
/// which is fine for libraries that only check it.
const CAPABILITIES: [(&str, &[&str]); 7] = [
    ("ai_models", &["fermyon:spin/llm"]),
    (
        "allowed_outbound_hosts",
        &[
            "wasi:http/client",
            "wasi:http/outgoing-handler",
            "wasi:sockets/",
            "spin:postgres/",
            "spin:redis/",
        ],
    ),
    ("environment", &[]),
    ("files", &[]),
    ("key_value_stores", &["spin:key-value/", "fermyon:spin/key-value", "wasi:keyvalue/"]),
    ("sqlite_databases", &["spin:sqlite/", "fermyon:spin/sqlite"]),
    ("variables", &["spin:variables/", "fermyon:spin/variables", "wasi:config/"]),
];

/// Whether Spin provides an import.
pub(crate) fn offers(import: &str) -> bool {
    let Some((interface, version)) = import.split_once('@') else { return false };
    let Some((package, interface)) = interface.split_once('/') else { return false };
    INTERFACES.iter().any(|(known, versions, interfaces)| {
        *known == package
            && interfaces.contains(&interface)
            && versions.iter().any(|known| {
                *known == version || (known.ends_with('.') && version.starts_with(known))
            })
    })
}

/// The capability that an import uses, if it needs one.
pub(super) fn capability(import: &str) -> Option<&'static str> {
    let uses = |(_, users): &&(&str, &[&str])| users.iter().any(|user| import.starts_with(user));
    CAPABILITIES.iter().find(uses).map(|(name, _)| *name)
}

/// The names of all capabilities.
pub(super) fn capabilities() -> impl Iterator<Item = &'static str> {
    CAPABILITIES.iter().map(|(name, _)| *name)
}

/// Whether `inherit_configuration` may name it.
pub(super) fn is_capability(name: &str) -> bool {
    capabilities().any(|known| known == name)
}
