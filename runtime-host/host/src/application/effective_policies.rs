//! The policies in effect, as a table for `tessera doctor`.

use crate::links;
use std::collections::BTreeSet;
use tessera_manifest::{App, CallTarget, Component, DEFAULT_POLICY, Policy};

/// One line of the table.
struct Row {
    caller: String,
    callee: String,
    policy: String,
}

/// The lines of the table; none if the application has no policies.
pub(crate) fn effective_policies(app: &App) -> Vec<String> {
    let rows: Vec<Row> = app
        .components
        .values()
        .filter(|component| component.runs_here())
        .flat_map(|component| rows(app, component))
        .collect();
    let width = |cell: fn(&Row) -> &str| {
        rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or_default()
    };
    let (callers, callees) = (width(|row| &row.caller), width(|row| &row.callee));
    let line =
        |row: &Row| format!("{:callers$} → {:callees$}  {}", row.caller, row.callee, row.policy);
    rows.iter().map(line).collect()
}

fn rows(app: &App, component: &Component) -> Vec<Row> {
    let row = |caller: &str, callee: String, policy: &str| Row {
        caller: caller.to_owned(),
        callee,
        policy: described(app, policy),
    };
    let id = &component.id;
    let inbound = component.settings.inbound.as_ref();
    let mut rows: Vec<Row> =
        inbound.map(|policy| row("outside", id.clone(), policy)).into_iter().collect();
    for call in &component.settings.calls {
        let (CallTarget::Component(to) | CallTarget::Host(to)) = &call.to;
        let callee = match call.functions.as_slice() {
            [] => to.clone(),
            functions => format!("{to} ({})", functions.join(", ")),
        };
        rows.push(row(id, callee, &call.policy));
    }
    if app.settings.policies.contains_key(DEFAULT_POLICY) {
        let others = others(app, component);
        rows.extend(others.into_iter().map(|callee| row(id, callee, DEFAULT_POLICY)));
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

/// The name of a policy, and what it does.
fn described(app: &App, name: &str) -> String {
    let Some(policy) = app.settings.policies.get(name) else { return name.to_owned() };
    let parts = parts(policy);
    if parts.is_empty() { name.to_owned() } else { format!("{name}: {}", parts.join(", ")) }
}

fn parts(policy: &Policy) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(policy.timeout_ms.map(|time| format!("{time} ms per attempt")));
    parts.extend(policy.retry.map(|retry| format!("up to {} attempts", retry.attempts_max)));
    parts.extend(policy.hedge.map(|hedge| format!("reads twice after {} ms", hedge.delay_ms)));
    parts.extend(policy.breaker.map(|breaker| breaker_part(&breaker)));
    parts.extend(policy.cache.map(|cache| format!("answers for {} ms", cache.age_max_ms)));
    parts
        .extend(policy.bulkhead.map(|limit| format!("{} concurrent calls", limit.concurrency_max)));
    parts
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
