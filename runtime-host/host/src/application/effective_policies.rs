//! The policies in effect, for the admin listener and as a table for `tessera doctor`.

use super::configuration::{self, Named, Target, Text};
use crate::admin::EffectivePolicy;
use crate::links;
use std::collections::BTreeSet;
use tessera_manifest::{App, CallTarget, Component, DEFAULT_POLICY, Policy};

/// The policies in effect, by caller and callee.
pub(crate) fn effective_policies(app: &App) -> Vec<EffectivePolicy> {
    let components = app.components.values().filter(|component| component.runs_here());
    let rows = components.flat_map(|component| {
        let settings = &component.settings;
        let policies = &app.settings.policies;
        let named = |name: &String| (name.clone(), policies.get(name).cloned());
        let calls = settings.calls.iter().map(|call| {
            let (CallTarget::Component(to) | CallTarget::Host(to)) = &call.to;
            (to.clone(), call.functions.clone(), named(&call.policy))
        });
        let default = policies.get(DEFAULT_POLICY).cloned();
        of_component(app, component, settings.inbound.as_ref().map(named), calls.collect(), default)
    });
    rows.collect()
}

/// Those of a component with a configuration.
pub(super) fn of_configuration(
    app: &App,
    component: &Component,
    policies: &configuration::Policies,
) -> Vec<EffectivePolicy> {
    let named = |named: &Named| (named.name.clone(), Some(named.policy.clone()));
    let calls = policies.calls.iter().map(|call| {
        let to = match &call.to {
            Target::Component(id) => id.clone(),
            Target::Host(Text::Open(host)) => host.clone(),
            Target::Host(Text::Secret { .. }) => "a host with a secret".to_owned(),
        };
        (to, call.functions.clone(), named(&call.policy))
    });
    let default = policies.default.as_ref().map(|named| named.policy.clone());
    of_component(app, component, policies.inbound.as_ref().map(named), calls.collect(), default)
}

/// A policy with its name; none if there is no such policy.
type NamedPolicy = (String, Option<Policy>);

/// The lines of the table; none if the application has no policies.
pub(crate) fn policies_table(app: &App) -> Vec<String> {
    let cells = |row: EffectivePolicy| {
        let callee = match row.functions.as_slice() {
            [] => row.callee,
            functions => format!("{} ({})", row.callee, functions.join(", ")),
        };
        let policy = match row.rules.as_slice() {
            [] => row.policy,
            rules => format!("{}: {}", row.policy, rules.join(", ")),
        };
        [row.caller, callee, policy]
    };
    let rows: Vec<_> = effective_policies(app).into_iter().map(cells).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let (callers, callees) = (width(0).unwrap_or_default(), width(1).unwrap_or_default());
    let line = |[caller, callee, policy]: &[String; 3]| {
        format!("{caller:callers$} → {callee:callees$}  {policy}")
    };
    rows.iter().map(line).collect()
}

fn of_component(
    app: &App,
    component: &Component,
    inbound: Option<NamedPolicy>,
    calls: Vec<(String, Vec<String>, NamedPolicy)>,
    default: Option<Policy>,
) -> Vec<EffectivePolicy> {
    let row = |caller: &str, callee: String, functions: &[String], named: &NamedPolicy| {
        let (policy, rules) = (named.0.clone(), named.1.as_ref().map(rules).unwrap_or_default());
        let (caller, functions) = (caller.to_owned(), functions.to_vec());
        EffectivePolicy { caller, callee, functions, policy, rules }
    };
    let id = &component.id;
    let inbound = inbound.iter().map(|policy| row("outside", id.clone(), &[], policy));
    let mut rows: Vec<_> = inbound.collect();
    for (to, functions, policy) in &calls {
        rows.push(row(id, to.clone(), functions, policy));
    }
    if default.is_some() {
        let default = (DEFAULT_POLICY.to_owned(), default);
        let whole = calls.iter().filter(|(_, functions, _)| functions.is_empty());
        let others = others(app, component, whole.map(|(to, ..)| to).collect());
        rows.extend(others.into_iter().map(|callee| row(id, callee, &[], &default)));
    }
    rows
}

/// The callees to which the policy for all other calls applies. Some have a policy for all calls.
fn others(app: &App, component: &Component, with_policy: BTreeSet<&String>) -> Vec<String> {
    let has_policy = |callee: &String| with_policy.contains(callee);
    let linked: BTreeSet<String> = links::callees(app, component).collect();
    let mut others: Vec<String> = linked.into_iter().filter(|callee| !has_policy(callee)).collect();
    if !component.allowed_outbound_hosts.is_empty() {
        others.push("other requests".to_owned());
    }
    others
}

/// What a policy does.
fn rules(policy: &Policy) -> Vec<String> {
    let mut rules = Vec::new();
    rules.extend(policy.timeout_ms.map(|time| format!("{time} ms per attempt")));
    rules.extend(policy.retry.map(|retry| format!("up to {} attempts", retry.attempts_max)));
    rules.extend(policy.hedge.map(|hedge| format!("reads twice after {} ms", hedge.delay_ms)));
    rules.extend(policy.breaker.map(|breaker| breaker_part(&breaker)));
    rules.extend(policy.cache.map(|cache| format!("answers for {} ms", cache.age_max_ms)));
    rules
        .extend(policy.bulkhead.map(|limit| format!("{} concurrent calls", limit.concurrency_max)));
    rules
}

fn breaker_part(breaker: &tessera_manifest::Breaker) -> String {
    let mut rules = Vec::new();
    if breaker.consecutive_failures > 0 {
        rules.push(format!("{} failures", breaker.consecutive_failures));
    }
    if breaker.failure_percent > 0 {
        rules.push(format!("{} % of {} calls", breaker.failure_percent, breaker.calls_min));
    }
    match rules.as_slice() {
        [] => "a breaker that never opens by itself".to_owned(),
        rules => format!("breaker after {}", rules.join(" or ")),
    }
}
