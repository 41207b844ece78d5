//! The policies in effect, for the admin listener and as a table for `tessera doctor`.

use crate::admin::EffectivePolicy;
use crate::links;
use std::collections::BTreeSet;
use tessera_manifest::{App, CallTarget, Component, DEFAULT_POLICY, Policy};

/// The policies in effect, by caller and callee.
pub(crate) fn effective_policies(app: &App) -> Vec<EffectivePolicy> {
    let components = app.components.values().filter(|component| component.runs_here());
    components.flat_map(|component| of_component(app, component)).collect()
}

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

fn of_component(app: &App, component: &Component) -> Vec<EffectivePolicy> {
    let row = |caller: &str, callee: String, functions: &[String], policy: &str| EffectivePolicy {
        caller: caller.to_owned(),
        callee,
        functions: functions.to_vec(),
        policy: policy.to_owned(),
        rules: app.settings.policies.get(policy).map(rules).unwrap_or_default(),
    };
    let id = &component.id;
    let inbound = component.settings.inbound.as_ref();
    let mut rows: Vec<_> =
        inbound.map(|policy| row("outside", id.clone(), &[], policy)).into_iter().collect();
    for call in &component.settings.calls {
        let (CallTarget::Component(to) | CallTarget::Host(to)) = &call.to;
        rows.push(row(id, to.clone(), &call.functions, &call.policy));
    }
    if app.settings.policies.contains_key(DEFAULT_POLICY) {
        let others = others(app, component);
        rows.extend(others.into_iter().map(|callee| row(id, callee, &[], DEFAULT_POLICY)));
    }
    rows
}

/// The callees to which the policy for all other calls applies.
fn others(app: &App, component: &Component) -> Vec<String> {
    let has_policy = |callee: &String| {
        let to = CallTarget::Component(callee.clone());
        component.settings.calls.iter().any(|call| call.to == to && call.functions.is_empty())
    };
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
