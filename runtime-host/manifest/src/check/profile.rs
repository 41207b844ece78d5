//! The chosen build profile exists: a misspelled one would silently mean the default.

use crate::check::{Check, did_you_mean};
use crate::reader::{Code, Problem};

pub(super) fn check(check: &Check<'_>) {
    let Some(chosen) = check.app.origin.profile() else { return };
    let profiles = || check.app.components.values().flat_map(|component| &component.profiles);
    if profiles().any(|profile| profile == chosen) {
        return;
    }
    let hint = did_you_mean(chosen, profiles().map(String::as_str), || {
        format!("add `[component.<id>.profile.{chosen}]`, or choose no profile")
    });
    let message = format!("no component has the build profile `{chosen}`");
    check.problems.push(Problem::new(Code::UnknownProfile, message).hint(hint));
}
