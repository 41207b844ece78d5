//! The values of the application's variables: what the operator has set, what the host adds, and
//! whether they may be used on this address.

use super::Options;
use crate::capabilities::variables::{Provider, Sources, Values, ways_to_set};
use crate::runtime_config::RuntimeConfig;
use crate::{commands, private_file};
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use tessera_manifest::{App, SecretDefaults};

/// The secrets that this host has made, in the state directory: lines `SPIN_VARIABLE_NAME=value`,
/// which a shell and other hosts can read, too.
const GENERATED_FILE: &str = "generated-secrets.env";

/// Decide all variables. `state_dir` exists and belongs to this process.
pub(super) fn decide(
    app: &App,
    options: &Options,
    config: &RuntimeConfig,
    state_dir: &Path,
    front_door: SocketAddr,
) -> anyhow::Result<Values> {
    let flags = options.variables.iter().cloned().collect();
    let environment = |name: &str| std::env::var(name).ok();
    let mut sources = Sources::new(flags, environment, config.providers.clone());
    refuse_unknown_flags(app, options)?;
    warn_of_unknown_environment(app);
    let mut added = generated(app, &sources, state_dir)?;
    added.extend(base_url(app, options, &sources, front_door)?);
    sources.add(Provider::Static(added));
    let values = Values::resolve(&app.variables, &sources)?;
    check_published(app, options, &values, front_door)?;
    Ok(values)
}

/// An unknown name is most likely misspelt, and would silently leave a default in force.
fn refuse_unknown_flags(app: &App, options: &Options) -> anyhow::Result<()> {
    let unknown: Vec<String> = options
        .variables
        .iter()
        .filter(|(name, _)| !app.variables.contains_key(name))
        .map(|(name, _)| match commands::nearest(name, app.variables.keys()) {
            Some(near) => format!("`{name}` (did you mean `{near}`?)"),
            None => format!("`{name}`"),
        })
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = app.variables.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    bail!(
        "--variable: the application declares no variable {}; it declares {known}",
        unknown.join(", no ")
    )
}

/// The environment may be shared with other applications, so this is no error.
fn warn_of_unknown_environment(app: &App) {
    for (key, _) in std::env::vars_os() {
        let name = key.to_str().and_then(|key| key.strip_prefix("SPIN_VARIABLE_"));
        let Some(name) = name.map(str::to_ascii_lowercase) else { continue };
        if !app.variables.contains_key(&name) {
            let near = commands::nearest(&name, app.variables.keys());
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            tracing::warn!(
                "{} is set, and the application declares no variable `{name}`{hint}",
                key.display()
            );
        }
    }
}

/// The secrets that the host makes, those that the operator has set left out: the ones of an
/// earlier start, and new ones, which are durable when this returns.
fn generated(
    app: &App,
    sources: &Sources,
    state_dir: &Path,
) -> anyhow::Result<BTreeMap<String, String>> {
    let wanted = app.settings.generated_secrets.iter();
    let wanted: Vec<&String> = wanted.filter(|name| sources.value(name).is_none()).collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let path = state_dir.join(GENERATED_FILE);
    let text = private_file::read(&path)?.unwrap_or_default();
    let mut kept: BTreeMap<String, String> = dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} is damaged: correct or remove it", path.display()))?;
    let mut made = Vec::new();
    for name in &wanted {
        let key = Sources::environment_key(name);
        if kept.get(&key).is_none_or(String::is_empty) {
            kept.insert(key, private_file::random_secret()?);
            made.push(name.as_str());
        }
    }
    if !made.is_empty() {
        let lines: String = kept.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
        private_file::write(state_dir, GENERATED_FILE, &lines)?;
        let path = path.display();
        tracing::info!("made random values for `{}`; they are in {path}", made.join("`, `"));
    }
    let value = |name: &String| Some((name.clone(), kept.remove(&Sources::environment_key(name))?));
    Ok(wanted.into_iter().filter_map(value).collect())
}

/// The URL at which clients reach the application, where the manifest asks for it.
fn base_url(
    app: &App,
    options: &Options,
    sources: &Sources,
    front_door: SocketAddr,
) -> anyhow::Result<Option<(String, String)>> {
    let Some(name) = &app.settings.base_url else { return Ok(None) };
    if let Some(set) = sources.value(name) {
        if !is_loopback(front_door) && leads_to_loopback(&set) {
            tracing::warn!(
                "`{name}` is {set}, which clients of {front_door} on other machines can't reach"
            );
        }
        return Ok(None);
    }
    if !front_door.ip().is_unspecified() {
        let scheme = if options.tls { "https" } else { "http" };
        return Ok(Some((name.clone(), format!("{scheme}://{front_door}"))));
    }
    if options.insecure_defaults {
        tracing::warn!("`{name}` is not set, so clients are told an address that may lead nowhere");
        return Ok(None);
    }
    bail!(
        "`{name}` is the URL at which clients reach the application, and {front_door} does not \
         say which that is. Set it, as to https://shop.example:{}",
        ways_to_set([name.as_str()])
    )
}

/// A secret that is published in the manifest protects nothing.
fn check_published(
    app: &App,
    options: &Options,
    values: &Values,
    front_door: SocketAddr,
) -> anyhow::Result<()> {
    if is_loopback(front_door) {
        return Ok(());
    }
    let published = app.variables.iter().filter(|(name, variable)| {
        variable.secret
            && variable.default.is_some()
            && variable.default.as_deref() == values.get(name)
    });
    let published: Vec<&str> = published.map(|(name, _)| name.as_str()).collect();
    if published.is_empty() {
        return Ok(());
    }
    let names = published.join("`, `");
    let risk = format!(
        "others can reach {front_door}, and the manifest publishes the values of `{names}`"
    );
    let refuse = app.settings.secret_defaults == SecretDefaults::LoopbackOnly;
    if refuse && !options.insecure_defaults {
        bail!(
            "{risk}. Set each of them:{}\n`--insecure-defaults` starts all the same.",
            ways_to_set(published)
        );
    }
    tracing::warn!("{risk}");
    Ok(())
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Whether a URL names this machine and nothing else.
fn leads_to_loopback(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = bare.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_this_machine_are_told_from_others() {
        for url in ["http://127.0.0.1:3000", "https://localhost", "http://[::1]:1/x"] {
            assert!(leads_to_loopback(url), "{url}");
        }
        for url in
            ["https://shop.example", "http://192.0.2.1", "no url", "http://localhost.example"]
        {
            assert!(!leads_to_loopback(url), "{url}");
        }
    }

    #[test]
    fn an_address_that_is_mapped_to_ipv6_is_loopback_too() {
        for (address, expected) in [
            ("127.0.0.1:1", true),
            ("127.8.8.8:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("192.0.2.1:1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), expected, "{address}");
        }
    }
}
