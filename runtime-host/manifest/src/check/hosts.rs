//! Host patterns are valid, and those for components of the application name existing ones.
//!
//! A pattern with templates is checked with the variables' defaults, because an error in it would
//! otherwise only appear at the first call.

use crate::check::Check;
use crate::hosts::HostPattern;
use crate::reader::{Code, Span};
use crate::template::Template;

/// The suffix of the host names of components.
pub(super) const INTERNAL_SUFFIX: &str = ".spin.internal";

pub(super) fn check(check: &Check<'_>) {
    for component in check.app.components.values() {
        for (index, host) in component.allowed_outbound_hosts.iter().enumerate() {
            let path = check.path(component, &format!("allowed_outbound_hosts[{index}]"));
            pattern(check, host, &path);
        }
    }
}

/// Checks a pattern at this path.
pub(super) fn pattern(check: &Check<'_>, written: &str, path: &str) {
    let Ok(template) = Template::parse(written) else { return };
    let default = |name: &str| {
        let variable = check.app.variables.get(name);
        variable.and_then(|variable| variable.default.as_deref()).ok_or(())
    };
    let Ok(text) = template.render(default) else { return };
    let at = check.spans.value(path);
    let pattern = match template.is_literal() {
        true => HostPattern::parse(&text).map(Some),
        false => HostPattern::parse_rendered(&text),
    };
    match pattern {
        Ok(_) => component_exists(check, &text, at),
        Err(error) => {
            let message = match template.is_literal() {
                true => format!("`{path}` is not a host pattern: {}", error.message),
                false => format!(
                    "`{path}`, with the variables' defaults `{text}`, is not a host pattern: {}",
                    error.message
                ),
            };
            check.problems.report(Code::BadHost, message, at, "not a host pattern", error.hint);
        }
    }
}

fn component_exists(check: &Check<'_>, pattern: &str, at: Span) {
    let host = pattern.split_once("://").map_or(pattern, |(_, rest)| rest);
    let host = host.split([':', '/']).next().unwrap_or(host);
    let Some(id) = host.strip_suffix(INTERNAL_SUFFIX) else { return };
    if id != "*" && !check.app.components.contains_key(id) {
        check.doubt(check.unknown_component(id, at));
    }
}
