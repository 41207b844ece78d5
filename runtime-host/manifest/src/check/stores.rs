//! In an application that was made for this host, a store belongs to one component, and other
//! components call it: a shared store is an untyped contract between them. Others may share labels,
//! as on stock Spin.

use std::collections::BTreeMap;

use crate::app::Component;
use crate::check::Check;
use crate::reader::{Code, Problem, Span};

pub(super) fn check(check: &Check<'_>) {
    if !check.app.settings.declared {
        return;
    }
    exclusive(check, "key_value_stores", "key-value store", |component| {
        &component.key_value_stores
    });
    exclusive(check, "sqlite_databases", "SQLite database", |component| {
        &component.sqlite_databases
    });
}

fn exclusive(check: &Check<'_>, key: &str, thing: &str, labels: fn(&Component) -> &Vec<String>) {
    let mut owners: BTreeMap<&String, Vec<(&Component, Span)>> = BTreeMap::new();
    for component in check.app.components.values() {
        for (index, label) in labels(component).iter().enumerate() {
            let span = check.spans.value(&check.path(component, &format!("{key}[{index}]")));
            let owners = owners.entry(label).or_default();
            if owners.iter().all(|(owner, _)| owner.id != component.id) {
                owners.push((component, span));
            }
        }
    }
    for (label, mut owners) in owners.into_iter().filter(|(_, owners)| owners.len() > 1) {
        // Components are sorted by name, and labels by their position.
        owners.sort_by_key(|(_, span)| span.start);
        let mut problem = Problem::new(
            Code::SharedStore,
            format!("the {thing} `{label}` is used by {} components", owners.len()),
        );
        for (owner, span) in owners {
            problem = problem.label(span, format!("of `{}`", owner.id));
        }
        check.problems.push(problem.hint(
            "give each component its own label, and let one call the other through a contract",
        ));
    }
}
