//! Policies that calls name exist and fit, and so do the callees.

use std::collections::BTreeSet;

use crate::app::{CallTarget, Component};
use crate::check::{Check, callees, did_you_mean, hosts};
use crate::keys::policy::DEFAULT_POLICY;
use crate::reader::{Code, Problem, Span};

pub(super) fn check(check: &Check<'_>) {
    let mut used = BTreeSet::from([DEFAULT_POLICY]);
    for component in check.app.components.values() {
        for (index, call) in component.settings.calls.iter().enumerate() {
            let path = |key| check.path(component, &format!("tool.tessera.calls[{index}].{key}"));
            match &call.to {
                CallTarget::Component(id) => callee(check, id, check.spans.value(&path("to"))),
                CallTarget::Host(pattern) => hosts::pattern(check, pattern, &path("to")),
            }
            callees::check(check, component, call, check.spans.value(&path("to")));
            policy_exists(check, &call.policy, check.spans.value(&path("policy")));
            used.insert(&call.policy);
        }
        if let Some(policy) = &component.settings.inbound {
            inbound(check, component, policy);
            used.insert(policy);
        }
    }
    for name in check.app.settings.policies.keys().filter(|name| !used.contains(name.as_str())) {
        let at = check.spans.key(&format!("application.tool.tessera.policies.{name}"));
        let hint = format!(
            "name it in `calls` of a component, call it `{DEFAULT_POLICY}` if it is for all calls, or \
             remove it"
        );
        let problem = Problem::new(Code::Policy, format!("no call has the policy `{name}`"));
        check.problems.push(problem.label(at, "not used").hint(hint).warning());
    }
}

fn callee(check: &Check<'_>, id: &str, at: Span) {
    match check.app.components.get(id) {
        None => check.report_unknown_component(id, at),
        Some(component) if component.runs_here() => {}
        Some(_) => {
            let message = format!("`{id}` is not called: it does not run on this host");
            let hint = "name the component that its bridge leads to";
            check.problems.report(Code::Policy, message, at, "does not run here", hint);
        }
    }
}

fn inbound(check: &Check<'_>, component: &Component, policy: &str) {
    let at = check.spans.value(&check.path(component, "tool.tessera.inbound"));
    policy_exists(check, policy, at.clone());
    let Some(named) = check.app.settings.policies.get(policy) else { return };
    let keys = [
        ("retry", named.retry.is_some()),
        ("hedge", named.hedge.is_some()),
        ("cache", named.cache.is_some()),
    ];
    for (key, _) in keys.into_iter().filter(|(_, is_set)| *is_set) {
        let message =
            format!("the policy `{policy}` has `{key}`, which calls from outside can't have");
        let hint = format!(
            "name a policy without `{key}`: clients, event deliveries and schedules repeat their \
             calls themselves, and responses to clients are not kept"
        );
        check.problems.report(Code::Policy, message, at.clone(), "not from outside", hint);
    }
}

fn policy_exists(check: &Check<'_>, name: &str, at: Span) {
    let policies = &check.app.settings.policies;
    if policies.contains_key(name) {
        return;
    }
    let add = || format!("add `[application.tool.tessera.policies.{name}]`");
    let hint = did_you_mean(name, policies.keys().map(String::as_str), add);
    let message = format!("unknown policy `{name}`");
    check.problems.report(Code::Policy, message, at, "unknown policy", hint);
}
