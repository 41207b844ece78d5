//! A dependency is a library: it is composed into its importer and has no stores, hosts or variables
//! of its own. Spin refuses a dependency with permissions, because they would silently be lost, and
//! so does this host. Imports of one component must not overlap, because the choice between their
//! providers would be arbitrary.

use crate::app::{Component, Dependency, Provider};
use crate::check::{Check, dependency_path};
use crate::parse::ImportName;
use crate::reader::{Code, Problem, listed};

pub(super) fn check(check: &Check<'_>) {
    for component in check.app.components.values() {
        for dependency in &component.dependencies {
            provider_is_fit(check, component, dependency);
        }
        imports_do_not_overlap(check, component);
    }
}

fn provider_is_fit(check: &Check<'_>, importer: &Component, dependency: &Dependency) {
    let Provider::Component { id, .. } = &dependency.provider else { return };
    let at =
        check.spans.value(&format!("{}.component", dependency_path(importer, &dependency.import)));
    if *id == importer.id {
        let message = format!("`{id}` depends on itself");
        let hint = "name the component that exports this import";
        check.problems.report(Code::UnfitDependency, message, at, "the component itself", hint);
        return;
    }
    let Some(provider) = check.app.components.get(id) else { return };
    let own = own_configuration(provider);
    if own.is_empty() {
        runs_here(check, dependency, provider, at);
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
fn runs_here(
    check: &Check<'_>,
    dependency: &Dependency,
    provider: &Component,
    at: std::ops::Range<usize>,
) {
    if provider.settings.stock_only && provider.settings.bridges.is_none() {
        let flag = check.path(provider, "tool.tessera.stock_only");
        check.problems.push(
            Problem::new(
                Code::UnfitDependency,
                format!(
                    "`{}` has no provider: this host does not run `{}`",
                    dependency.import, provider.id
                ),
            )
            .label(at, "the provider")
            .label(check.spans.value(&flag), "only for other hosts")
            .hint(
                "name its replacement with `tool.tessera.bridges = \"…\"`, or remove `stock_only`",
            ),
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
        let key = |import: &str| check.spans.key(&dependency_path(component, import));
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
