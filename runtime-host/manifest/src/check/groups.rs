//! Members of one consumer group take turns, so they must ask for the same events, and on the
//! same terms: the group has one place in the log, one count of attempts, one dead-letter queue.

use std::collections::BTreeMap;

use crate::app::{Component, Subscription};
use crate::check::Check;
use crate::problem::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    let mut first: BTreeMap<&str, (&Component, &Subscription, String)> = BTreeMap::new();
    for component in check.app.components.values() {
        for (index, own) in component.settings.subscribe.iter().enumerate() {
            let place = check.path(component, &format!("tool.tessera.subscribe[{index}]"));
            let Some((member, other, there)) = first.get(own.group.as_str()) else {
                first.insert(&own.group, (component, own, place));
                continue;
            };
            // Twice in one component is reported where it is read.
            if member.id != component.id
                && let Some(difference) = difference(own, other)
            {
                let message = format!(
                    "`{}` and `{}` are in the group `{}`, but differ in `{difference}`",
                    member.id, component.id, own.group
                );
                check.problems.push(
                    Problem::new(Code::Subscription, message)
                        .label(check.places.value(&place), "here")
                        .label(check.places.value(there), "and here")
                        .hint("write the same in both, or give one a `group` of its own"),
                );
            }
        }
    }
}

/// The first key in which two members of a group differ although they may not. Where their
/// events go, and in which mode, is each member's own.
fn difference(one: &Subscription, other: &Subscription) -> Option<&'static str> {
    let sorted = |types: &[String]| {
        let mut types = types.to_vec();
        types.sort_unstable();
        types
    };
    if one.types.is_empty() || other.types.is_empty() {
        // Missing types are reported where they are read.
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
