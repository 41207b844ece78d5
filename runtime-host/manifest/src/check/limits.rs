//! Limits that depend on each other fit.

use crate::check::Check;
use crate::reader::Code;

pub(super) fn check(check: &Check<'_>) {
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
