//! A dependency is a library: it is composed into its importer and has no stores, hosts or variables
//! of its own. Spin refuses a dependency with permissions, because they would silently be lost, and
//! so does this host. Imports of one component must not overlap, because the choice between their
//! providers would be arbitrary.

use crate::app::{Component, Provider};
use crate::check::{Check, dependency_path};
use crate::parse::ImportName;
use crate::reader::{Code, Problem, listed};

pub(super) fn check(check: &Check<'_>) {
    for component in check.app.components.values() {
        for dependency in &component.dependencies {
            let path = dependency_path(check.app, component, &dependency.import);
            inherits_in_one_way(check, component, &path);
            let part = Part { import: &dependency.import, at: format!("{path}.component") };
            if is_another_component(check, component, &part, &dependency.provider) {
                provider_is_fit(check, &part, &dependency.provider);
            }
        }
        imports_do_not_overlap(check, component);
    }
    for middleware in check.app.http.iter().flat_map(|trigger| &trigger.middleware) {
        let at = format!("{}.component", middleware.written_at);
        let part = Part { import: "middleware", at };
        provider_is_fit(check, &part, &middleware.provider);
        middleware_is_no_bridge(check, &part, &middleware.provider);
    }
}

/// What a dependency inherits is said for each of them, or for all.
fn inherits_in_one_way(check: &Check<'_>, component: &Component, dependency: &str) {
    let own = format!("{dependency}.inherit_configuration");
    let all = format!("{}.dependencies_inherit_configuration", component.written_at);
    if !check.spans.contains(&own) || !check.spans.contains(&all) {
        return;
    }
    let message = format!("`{all}` conflicts with `inherit_configuration` of a dependency");
    check.problems.push(
        Problem::new(Code::ConflictingKeys, message)
            .label(check.spans.key(&own), "of one dependency")
            .label(check.spans.key(&all), "of all")
            .hint("set `inherit_configuration` on each dependency, and remove the other key"),
    );
}

/// A component that is composed into another one.
struct Part<'a> {
    import: &'a str,
    /// The path of the key with the component's id.
    at: String,
}

fn is_another_component(
    check: &Check<'_>,
    importer: &Component,
    part: &Part<'_>,
    provider: &Provider,
) -> bool {
    let itself = matches!(provider, Provider::Component { id, .. } if *id == importer.id);
    if itself {
        let message = format!("`{}` depends on itself", importer.id);
        let hint = "name the component that exports this import";
        let at = check.spans.value(&part.at);
        check.problems.report(Code::UnfitDependency, message, at, "the component itself", hint);
    }
    !itself
}

fn provider_is_fit(check: &Check<'_>, part: &Part<'_>, provider: &Provider) {
    let Provider::Component { id, .. } = provider else { return };
    let at = check.spans.value(&part.at);
    let Some(provider) = check.app.components.get(id) else { return };
    let own = own_configuration(provider);
    if own.is_empty() {
        runs_here(check, part, provider);
        return;
    }
    check.problems.push(
        Problem::new(
            Code::UnfitDependency,
            format!("`{id}` cannot be a dependency: it has its own {}", listed(&own)),
        )
        .label(at, "composed into the importer")
        .label(check.spans.key(&check.path(provider, own[0])), "would be lost")
        .hint("remove them, and inherit those of the importer with `inherit_configuration = [\"…\"]`; link a component with a store through a bridge"),
    );
}

/// Reports a dependency that this host does not run, unless it is a bridge.
fn runs_here(check: &Check<'_>, part: &Part<'_>, provider: &Component) {
    if provider.settings.stock_only && provider.settings.bridges.is_none() {
        let flag = check.path(provider, "tool.tessera.stock_only");
        check.problems.push(
            Problem::new(
                Code::UnfitDependency,
                format!(
                    "`{}` has no provider: this host does not run `{}`",
                    part.import, provider.id
                ),
            )
            .label(check.spans.value(&part.at), "the provider")
            .label(check.spans.value(&flag), "only for other hosts")
            .hint(
                "name its replacement with `tool.tessera.bridges = \"…\"`, or remove `stock_only`",
            ),
        );
    }
}

/// The interface of HTTP handlers is called in the instance of the component, and never linked.
fn middleware_is_no_bridge(check: &Check<'_>, part: &Part<'_>, provider: &Provider) {
    let Provider::Component { id, .. } = provider else { return };
    let bridge = check.app.components.get(id).filter(|found| found.settings.bridges.is_some());
    if let Some(bridge) = bridge {
        let flag = check.path(bridge, "tool.tessera.bridges");
        check.problems.push(
            Problem::new(Code::BadBridge, format!("the bridge `{id}` is used as middleware"))
                .label(check.spans.value(&part.at), "not loaded by this host")
                .label(check.spans.value(&flag), "a bridge")
                .hint("name a component that is no bridge"),
        );
    }
}

fn own_configuration(provider: &Component) -> Vec<&'static str> {
    let present = [
        ("ai_models", !provider.ai_models.is_empty()),
        ("allowed_outbound_hosts", !provider.allowed_outbound_hosts.is_empty()),
        ("dependencies", !provider.dependencies.is_empty()),
        ("environment", !provider.environment.is_empty()),
        ("files", !provider.files.is_empty()),
        ("key_value_stores", !provider.key_value_stores.is_empty()),
        ("sqlite_databases", !provider.sqlite_databases.is_empty()),
        ("variables", !provider.variables.is_empty()),
    ];
    present.into_iter().filter(|(_, present)| *present).map(|(key, _)| key).collect()
}

fn imports_do_not_overlap(check: &Check<'_>, component: &Component) {
    let names: Vec<_> = component
        .dependencies
        .iter()
        .filter_map(|dependency| {
            Some((&dependency.import, ImportName::parse(&dependency.import).ok()?))
        })
        .collect();
    for (index, (second, second_name)) in names.iter().enumerate() {
        let first = names[..index].iter().find(|(_, first)| overlap(first, second_name));
        let Some((first, _)) = first else { continue };
        let key = |import: &str| check.spans.key(&dependency_path(check.app, component, import));
        check.problems.push(
            Problem::new(
                Code::BadDependency,
                format!("`{second}` is already satisfied by `{first}`"),
            )
            .label(key(second), "and here")
            .label(key(first), "here")
            .hint("import different interfaces or incompatible versions, or remove one"),
        );
    }
}

fn overlap(one: &ImportName, other: &ImportName) -> bool {
    let same_package = one.package.is_some() && one.package == other.package;
    let same_version = match (&one.version, &other.version) {
        (Some(one), Some(other)) => compatible(one, other),
        _ => true,
    };
    let same_interface = match (&one.interface, &other.interface) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    same_package && same_version && same_interface
}

/// Whether two versions are compatible by the rules of semantic versioning.
fn compatible(one: &semver::Version, other: &semver::Version) -> bool {
    if !one.pre.is_empty() || !other.pre.is_empty() {
        return (one.major, one.minor, one.patch, &one.pre)
            == (other.major, other.minor, other.patch, &other.pre);
    }
    match (one.major, one.minor) {
        (0, 0) => (other.major, other.minor, other.patch) == (0, 0, one.patch),
        (0, minor) => (other.major, other.minor) == (0, minor),
        (major, _) => other.major == major,
    }
}
