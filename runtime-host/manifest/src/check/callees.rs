//! Callees that a component names in `calls` are callees that it can call: otherwise a policy is
//! written for nothing, and most likely the name is wrong.

use crate::app::{Bridged, CallPolicy, CallTarget, Component, Provider};
use crate::check::Check;
use crate::check::hosts::INTERNAL_SUFFIX;
use crate::hosts::HostPattern;
use crate::reader::{Code, Problem, Span};
use crate::template::Template;

pub(super) fn check(check: &Check<'_>, component: &Component, call: &CallPolicy, at: Span) {
    let (message, hint) = match &call.to {
        CallTarget::Host(_) if component.allowed_outbound_hosts.is_empty() => (
            format!("`{}` sends no requests to other hosts", component.id),
            "add the host to `allowed_outbound_hosts`, or remove this entry".to_owned(),
        ),
        CallTarget::Host(_) => return,
        CallTarget::Component(id) if !check.app.components.contains_key(id) => return,
        CallTarget::Component(id) if is_linked(check, component, id) => {
            return cached_functions_are_named(check, component, call, at);
        }
        CallTarget::Component(id) if !call.functions.is_empty() => (
            format!("`{}` calls no functions of `{id}`", component.id),
            format!("add a dependency whose bridge leads to `{id}`, or remove this entry"),
        ),
        CallTarget::Component(id) if may_request(component, id) => return,
        CallTarget::Component(id) => (
            format!("`{}` never calls `{id}`", component.id),
            format!(
                "add a dependency whose bridge leads to `{id}`, or `http://{id}{INTERNAL_SUFFIX}` \
                 to `allowed_outbound_hosts`, or remove this entry"
            ),
        ),
    };
    let problem = Problem::new(Code::Policy, message);
    check.problems.push(problem.label(at, "has no effect").hint(hint).warning());
}

/// Whether the answers of a function depend on its arguments alone is not in its contract.
fn cached_functions_are_named(
    check: &Check<'_>,
    component: &Component,
    call: &CallPolicy,
    at: Span,
) {
    let CallTarget::Component(id) = &call.to else { return };
    let policy = check.app.settings.policies.get(&call.policy);
    let is_cached = policy.is_some_and(|policy| policy.cache.is_some());
    if !is_cached || !call.functions.is_empty() || may_request(component, id) {
        return;
    }
    let message = format!("no answers of `{id}` are kept, although the policy has `cache`");
    let hint = "add `functions`: those whose answers depend on nothing but their arguments";
    let problem = Problem::new(Code::Policy, message);
    check.problems.push(problem.label(at, "no functions are named").hint(hint).warning());
}

/// Whether a component has a link to another one.
fn is_linked(check: &Check<'_>, component: &Component, callee: &str) -> bool {
    component.dependencies.iter().any(|dependency| {
        let Provider::Component { id, .. } = &dependency.provider else { return false };
        let bridge = check.app.components.get(id);
        let bridged = bridge.and_then(|bridge| bridge.settings.bridges.as_ref());
        matches!(bridged, Some(Bridged::Component(to)) if to == callee)
    })
}

/// Whether requests to another component are allowed. The value of a template is not known here.
fn may_request(component: &Component, callee: &str) -> bool {
    let host = format!("{callee}{INTERNAL_SUFFIX}");
    component.allowed_outbound_hosts.iter().any(|text| {
        let is_literal = Template::parse(text).is_ok_and(|text| text.is_literal());
        let pattern = HostPattern::parse(text);
        !is_literal || pattern.is_ok_and(|pattern| pattern.matches("http", &host, None))
    })
}
