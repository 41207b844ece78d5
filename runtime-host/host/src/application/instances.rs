//! How many instances an application needs at least.
//!
//! While a component waits for the response of another one, both have an instance. With fewer
//! instances than the longest chain of such calls, a call would wait for itself until its deadline.

use crate::capabilities::variables::Values;
use crate::links;
use std::collections::BTreeSet;
use tessera_manifest::hosts::HostPattern;
use tessera_manifest::{App, Component, ComponentId};

/// Fail if a single call could need more instances than `instances_max`.
pub(super) fn check(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    variables: &Values,
    instances_max: u32,
) -> anyhow::Result<()> {
    let chains = ids.iter().map(|id| (reached(app, ids, variables, id).len(), id));
    let Some((least, id)) = chains.max_by_key(|(length, _)| *length) else { return Ok(()) };
    anyhow::ensure!(
        least <= instances_max as usize,
        "--instances-max {instances_max} is too small: a call of `{id}` can lead through {least} \
         components, and each of them needs an instance until the call ends. Allow at least \
         {least}, and as many more for each further call at the same time."
    );
    Ok(())
}

/// The component, and all that calls of it can lead to.
fn reached(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    variables: &Values,
    from: &str,
) -> BTreeSet<ComponentId> {
    let mut found = BTreeSet::from([from.to_owned()]);
    let mut open = vec![from.to_owned()];
    while let Some(id) = open.pop() {
        let component = &app.components[&id];
        for callee in links::callees(app, component).chain(requested(ids, variables, component)) {
            if found.insert(callee.clone()) {
                open.push(callee);
            }
        }
    }
    found
}

/// The components to which it may send requests. A pattern that can't be read is refused
/// elsewhere.
fn requested(
    ids: &BTreeSet<ComponentId>,
    variables: &Values,
    component: &Component,
) -> Vec<ComponentId> {
    let rendered = component.allowed_outbound_hosts.iter();
    let rendered = rendered.filter_map(|text| variables.render(text).ok());
    let patterns: Vec<_> = rendered.filter_map(|text| HostPattern::parse(&text).ok()).collect();
    let allowed = |id: &&ComponentId| {
        let host = format!("{id}.spin.internal");
        patterns.iter().any(|pattern| pattern.matches("http", &host, None))
    };
    ids.iter().filter(allowed).cloned().collect()
}
