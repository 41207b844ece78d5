//! Which component has which middleware.
//!
//! Middleware belongs to a trigger and is composed into the trigger's component. If other triggers
//! lead to the same component, the trigger gets a copy of it, as in stock Spin: requests by the
//! others must not pass through the middleware.

use std::collections::BTreeMap;
use tessera_manifest::{App, ComponentId, ComponentSettings, Handler, Middleware};

/// The middleware of components, the outermost first.
pub(super) type ByComponent = BTreeMap<ComponentId, Vec<Middleware>>;

/// Gives each trigger with middleware a component that no other trigger has.
pub(super) fn separate(app: &mut App) -> ByComponent {
    let mut all = ByComponent::new();
    for index in 0..app.http.len() {
        let trigger = &app.http[index];
        let Handler::Component(id) = trigger.handler.clone() else { continue };
        if trigger.middleware.is_empty() {
            continue;
        }
        let shares = |other: &tessera_manifest::HttpTrigger| other.handler == trigger.handler;
        let own = match app.http.iter().filter(|other| shares(other)).count() {
            1 => id,
            _ => copy(app, &id, index),
        };
        all.insert(own, app.http[index].middleware.clone());
    }
    all
}

/// Copies a component for a trigger. Only the original is called by the host itself.
fn copy(app: &mut App, id: &ComponentId, trigger: usize) -> ComponentId {
    let natural = format!("{id}-for-{}", app.http[trigger].id);
    let numbered = (1..).map(|number: u32| format!("{natural}-{number}"));
    let mut names = std::iter::once(natural.clone()).chain(numbered);
    let free = names.find(|name| !app.components.contains_key(name)).unwrap_or(natural.clone());
    if let Some(mut component) = app.components.get(id).cloned() {
        component.id.clone_from(&free);
        component.settings = ComponentSettings {
            on_start: None,
            subscribe: Vec::new(),
            schedule: Vec::new(),
            ..component.settings
        };
        app.components.insert(free.clone(), component);
    }
    app.http[trigger].handler = Handler::Component(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_of_several_triggers_is_copied_for_those_with_middleware() {
        let trigger = |route: &str, component: &str, more: &str| {
            format!("[[trigger.http]]\nroute = \"{route}\"\ncomponent = \"{component}\"\n{more}\n")
        };
        let middleware = "dependencies = { middleware = [{ path = \"m.wasm\" }] }";
        let manifest = "spin_manifest_version = 2\n[application]\nname = \"test\"\n".to_owned()
            + &trigger("/a", "shared", "id = \"a\"")
            + &trigger("/b", "shared", &format!("id = \"b\"\n{middleware}"))
            + &trigger("/c", "alone", middleware)
            + "[component]\nshared.source = \"s.wasm\"\nalone.source = \"a.wasm\"\n";
        let mut app =
            tessera_manifest::parse(std::path::Path::new("/app/spin.toml"), &manifest).unwrap();
        let with: Vec<_> = separate(&mut app).into_keys().collect();
        assert_eq!(with, ["alone", "shared-for-b"]);
        let handlers = app.http.iter().map(|trigger| match &trigger.handler {
            Handler::Component(id) => id.as_str(),
            Handler::Static(_) => "",
        });
        assert_eq!(handlers.collect::<Vec<_>>(), ["shared", "shared-for-b", "alone"]);
        assert_eq!(app.components["shared-for-b"].source, app.components["shared"].source);
    }
}
