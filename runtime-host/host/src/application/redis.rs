//! The servers and channels of Redis triggers, with the values of variables in them.

use crate::capabilities::variables::Values;
use crate::triggers::redis::Server;
use anyhow::{Context as _, anyhow};
use std::collections::{BTreeMap, BTreeSet};
use tessera_manifest::{App, ComponentId, RedisTrigger};
use tessera_redis::Address;

/// The servers of the triggers of components that run.
///
/// # Errors
/// An address is not one of a Redis server.
pub(super) fn servers(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    variables: &Values,
) -> anyhow::Result<Vec<Server>> {
    let mut servers = BTreeMap::new();
    for trigger in app.redis.iter().filter(|trigger| ids.contains(&trigger.component)) {
        let server = server(app, trigger, variables);
        let (text, address) = server.with_context(|| format!("`{}`", trigger.written_at))?;
        let channel = variables.render(&trigger.channel)?;
        let channels = BTreeMap::new();
        let server = servers.entry(text).or_insert(Server { address, channels });
        server.channels.entry(channel).or_default().push(trigger.component.clone());
    }
    Ok(servers.into_values().collect())
}

/// The servers, which may have passwords, and the channels of the triggers.
pub(super) fn rendered(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    variables: &Values,
) -> anyhow::Result<Vec<(String, String)>> {
    let triggers = app.redis.iter().filter(|trigger| ids.contains(&trigger.component));
    let rendered = triggers.map(|trigger| {
        Ok((server(app, trigger, variables)?.0, variables.render(&trigger.channel)?))
    });
    rendered.collect()
}

/// The address as a text, which may have a password, and parsed.
fn server(
    app: &App,
    trigger: &RedisTrigger,
    variables: &Values,
) -> anyhow::Result<(String, Address)> {
    let text = trigger.address.as_ref().or(app.redis_address.as_ref());
    let text = variables.render(text.context("it has no address")?)?;
    let address = Address::parse(&text).map_err(|error| {
        anyhow!("its address can't be used: {error}. Write `redis://host:port`")
    })?;
    Ok((text, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(redis: &str) -> App {
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"test\"\n\
             trigger.redis.address = \"redis://one\"\n[variables]\n\
             server = {{ default = \"redis://me:secret@two\" }}\n\
             [component.a]\nsource = \"a.wasm\"\n[component.b]\nsource = \"b.wasm\"\n{redis}"
        );
        tessera_manifest::parse(std::path::Path::new("/app/spin.toml"), &text).unwrap()
    }

    fn values() -> Values {
        let sources = crate::capabilities::variables::Sources::new(
            [("server".to_owned(), "redis://me:secret@two".to_owned())].into(),
            |_| None,
            Vec::new(),
        );
        Values::resolve(
            &app("[[trigger.redis]]\nchannel = \"x\"\ncomponent = \"a\"\n").variables,
            &sources,
        )
        .unwrap()
    }

    #[test]
    fn channels_of_one_server_share_a_connection() {
        let app = app("[[trigger.redis]]\nchannel = \"x\"\ncomponent = \"a\"\n\
             [[trigger.redis]]\nchannel = \"x\"\ncomponent = \"b\"\n\
             [[trigger.redis]]\naddress = \"{{ server }}\"\nchannel = \"y\"\ncomponent = \"a\"\n");
        let ids = ["a".to_owned(), "b".to_owned()].into();
        let servers = servers(&app, &ids, &values()).unwrap();
        let shown: Vec<_> = servers.iter().map(|server| server.address.to_string()).collect();
        assert_eq!(shown, ["redis://two:6379", "redis://one:6379"]);
        assert_eq!(servers[1].channels["x"], ["a", "b"]);
        assert_eq!(servers[0].channels["y"], ["a"]);
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_being_shown() {
        let app = app("[[trigger.redis]]\naddress = \"http://u:secret@x\"\nchannel = \"x\"\n\
             component = \"a\"\n");
        let error = servers(&app, &["a".to_owned()].into(), &values()).err().unwrap();
        let error = format!("{error:#}");
        assert!(error.contains("trigger.redis[0]") && !error.contains("secret"), "{error}");
    }
}
