//! Members of one consumer group share its position in the log, its count of attempts and its
//! dead-letter queue, so their subscriptions must agree.

use std::collections::BTreeMap;

use crate::app::{Component, Subscription};
use crate::check::Check;
use crate::reader::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    let mut first: BTreeMap<&str, (&Component, &Subscription, String)> = BTreeMap::new();
    for component in check.app.components.values() {
        for (index, own) in component.settings.subscribe.iter().enumerate() {
            let path = check.path(component, &format!("tool.tessera.subscribe[{index}]"));
            let Some((member, other, other_path)) = first.get(own.group.as_str()) else {
                first.insert(&own.group, (component, own, path));
                continue;
            };
            // A second entry in the same component is reported when it is read.
            if member.id != component.id
                && let Some(difference) = difference(own, other)
            {
                let message = format!(
                    "`{}` and `{}` are in the group `{}`, but differ in `{difference}`",
                    member.id, component.id, own.group
                );
                check.problems.push(
                    Problem::new(Code::Subscription, message)
                        .label(check.spans.value(&path), "here")
                        .label(check.spans.value(other_path), "and here")
                        .hint("write the same in both, or give one a different `group`"),
                );
            }
        }
    }
}

/// The first key in which two members of a group must not differ, but do. Path and mode may
/// differ.
fn difference(one: &Subscription, other: &Subscription) -> Option<&'static str> {
    let sorted = |types: &[String]| {
        let mut types = types.to_vec();
        types.sort_unstable();
        types
    };
    if one.types.is_empty() || other.types.is_empty() {
        // Missing types are reported when they are read.
        return None;
    }
    let differ = [
        ("types", sorted(&one.types) != sorted(&other.types)),
        ("concurrency_max", one.concurrency_max != other.concurrency_max),
        ("attempts_max", one.attempts_max != other.attempts_max),
        ("from", one.from != other.from),
    ];
    differ.into_iter().find(|(_, differs)| *differs).map(|(key, _)| key)
}
