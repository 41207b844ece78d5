//! Limits that depend on each other fit.

use crate::check::Check;
use crate::keys::limits::Limits;
use crate::reader::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    concurrency(check);
    bursts(check);
}

fn concurrency(check: &Check<'_>) {
    let settings = &check.app.settings;
    for component in check.app.components.values() {
        let own = &component.settings.limits;
        let limits = own.resolve(settings);
        if limits.concurrency_min <= limits.concurrency_max {
            continue;
        }
        let key = if own.concurrency_min.is_some() { "concurrency_min" } else { "concurrency_max" };
        let is_own = own.concurrency_min.is_some() || own.concurrency_max.is_some();
        let path = match is_own {
            true => check.path(component, &format!("tool.tessera.limits.{key}")),
            false => "application.tool.tessera.limits.concurrency_min".to_owned(),
        };
        let message = format!(
            "`concurrency_min` of `{}` is {}, and `concurrency_max` is {}",
            component.id, limits.concurrency_min, limits.concurrency_max
        );
        let hint = "the limit moves between the two: raise `concurrency_max`, or lower \
                    `concurrency_min`";
        let at = check.spans.value(&path);
        check.problems.report(Code::LimitRange, message, at, "not in this range", hint);
        if !is_own {
            // The same for all components.
            return;
        }
    }
}

/// Without a wait that is acceptable, there is none that is too long.
fn bursts(check: &Check<'_>) {
    let settings = &check.app.settings;
    let waits = |limits: &Limits| limits.resolve(settings).queue_wait_ms > 0;
    let mut components = check.app.components.values();
    for component in components.clone() {
        let limits = &component.settings.limits;
        if limits.queue_burst_ms.is_some() && !waits(limits) {
            let path = check.path(component, "tool.tessera.limits.queue_burst_ms");
            warn_of_burst(check, &path, &format!("`{}`", component.id));
        }
    }
    let is_used = components.any(|component| waits(&component.settings.limits));
    if settings.limits.queue_burst_ms.is_some() && !is_used {
        let path = "application.tool.tessera.limits.queue_burst_ms";
        warn_of_burst(check, path, "the application");
    }
}

fn warn_of_burst(check: &Check<'_>, path: &str, owner: &str) {
    let message = format!("`queue_burst_ms` of {owner} has no effect without `queue_wait_ms`");
    let problem = Problem::new(Code::LimitRange, message);
    let at = check.spans.value(path);
    let hint = "set `queue_wait_ms`, or remove it";
    check.problems.push(problem.label(at, "has no effect").hint(hint).warning());
}
