//! `--component-id`: only some of an application's components.

use anyhow::ensure;
use std::collections::BTreeSet;
use tessera_manifest::hosts::HostPattern;
use tessera_manifest::template::Template;
use tessera_manifest::{App, Bridged, Component, ComponentId, Handler, Provider, Route};

/// The domain of all components of the application.
const INTERNAL: &str = ".spin.internal";

/// Removes all components except these and those that they need: their dependencies, what they are
/// linked to, and the components that they may send requests to. Those keep no public route.
pub(super) fn keep(app: &mut App, ids: &[String]) -> anyhow::Result<()> {
    let known = || app.components.keys().cloned().collect::<Vec<_>>().join(", ");
    for id in ids {
        let exists = app.components.contains_key(id);
        ensure!(exists, "--component-id: no component `{id}`; there are {}", known());
    }
    let needed = needed(app, ids)?;
    app.components.retain(|id, _| needed.contains(id));
    app.redis.retain(|trigger| ids.contains(&trigger.component));
    app.cron.retain(|trigger| ids.contains(&trigger.component));
    app.command = app.command.take().filter(|trigger| ids.contains(&trigger.component));
    app.http.retain_mut(|trigger| {
        let Handler::Component(id) = &trigger.handler else { return false };
        if !ids.contains(id) {
            trigger.route = Route::Private;
        }
        needed.contains(id)
    });
    let triggers = app.http.len() + app.redis.len() + app.cron.len();
    let is_started = triggers > 0 || app.command.is_some();
    ensure!(is_started, "--component-id: no trigger starts one of these components");
    Ok(())
}

/// These components and all that they need, directly or indirectly.
fn needed(app: &App, ids: &[String]) -> anyhow::Result<BTreeSet<ComponentId>> {
    let mut needed: BTreeSet<ComponentId> = ids.iter().cloned().collect();
    let mut open: Vec<ComponentId> = ids.to_vec();
    while let Some(id) = open.pop() {
        let Some(component) = app.components.get(&id) else { continue };
        for other in provided(app, component).into_iter().chain(requested(component)?) {
            if needed.insert(other.clone()) {
                open.push(other);
            }
        }
    }
    Ok(needed)
}

/// The components that provide its imports, and the middleware of its triggers; for a bridge, also
/// the component that it leads to.
fn provided(app: &App, component: &Component) -> Vec<ComponentId> {
    let triggers = app.http.iter().filter(
        |trigger| matches!(&trigger.handler, Handler::Component(id) if *id == component.id),
    );
    let middleware = triggers.flat_map(|trigger| &trigger.middleware).map(|one| &one.provider);
    let providers = component.dependencies.iter().map(|one| &one.provider).chain(middleware);
    let dependencies = providers.filter_map(|provider| match provider {
        Provider::Component { id, .. } => Some(id.clone()),
        Provider::Source { .. } => None,
    });
    let bridged = match &component.settings.bridges {
        Some(Bridged::Component(id)) => Some(id.clone()),
        Some(Bridged::Host) | None => None,
    };
    dependencies.chain(bridged).collect()
}

/// The components that it may send requests to. As in Spin, hosts with variables do not count, and
/// those of all components are refused.
fn requested(component: &Component) -> anyhow::Result<Vec<ComponentId>> {
    let mut requested = Vec::new();
    for host in &component.allowed_outbound_hosts {
        if !Template::parse(host).is_ok_and(|template| template.is_literal()) {
            continue;
        }
        let Ok(pattern) = HostPattern::parse(host) else { continue };
        let name = pattern.authority().split(':').next().unwrap_or_default();
        let Some(id) = name.strip_suffix(INTERNAL) else { continue };
        ensure!(
            id != "*",
            "--component-id: `{}` may send requests to all components (`{host}` in its \
             `allowed_outbound_hosts`): name those that it needs, or start all components",
            component.id
        );
        requested.push(id.to_owned());
    }
    Ok(requested)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const MANIFEST: &str = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/a"
component = "a"
[[trigger.http]]
route = "/b"
component = "b"
[[trigger.http]]
route = "/c"
component = "c"
[[trigger.http]]
route = "/static"
static_response = { status_code = 204 }
[component.a]
source = "a.wasm"
dependencies."x:y/z" = { component = "library" }
allowed_outbound_hosts = ["http://b.spin.internal", "https://example.com"]
[component.b]
source = "b.wasm"
[component.c]
source = "c.wasm"
allowed_outbound_hosts = ["http://*.spin.internal"]
[component.library]
source = "library.wasm"
"#;

    fn kept(ids: &[&str]) -> anyhow::Result<(Vec<String>, Vec<Route>)> {
        let mut app = tessera_manifest::parse(Path::new("/app/spin.toml"), MANIFEST).unwrap();
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        keep(&mut app, &ids)?;
        let routes = app.http.into_iter().map(|trigger| trigger.route).collect();
        Ok((app.components.into_keys().collect(), routes))
    }

    #[test]
    fn a_component_is_kept_with_what_it_needs() {
        let (components, routes) = kept(&["a"]).unwrap();
        assert_eq!(components, ["a", "b", "library"]);
        assert_eq!(routes, [Route::Path("/a".into()), Route::Private]);
        let (components, routes) = kept(&["b"]).unwrap();
        assert_eq!(components, ["b"]);
        assert_eq!(routes, [Route::Path("/b".into())]);
    }

    #[test]
    fn unknown_unstarted_and_unlimited_components_are_refused() {
        for (id, words) in [
            ("d", "no component `d`; there are a, b, c, library"),
            ("library", "no trigger starts"),
            ("c", "`http://*.spin.internal`"),
        ] {
            let error = kept(&[id]).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
