//! Targeting rules.

use super::{conditions, number_of};
use crate::flag::Variant;
use crate::json::{At, Found};
use crate::limits::{CONDITIONS_MAX, RULES_MAX, VARIANTS_MAX, WEIGHT_MAX};
use crate::rule::{Choice, Rule};
use serde_json::{Map, Value as Json};

const WHEN: &str = "when";
const VARIANT: &str = "variant";
const SPLIT: &str = "split";
const WEIGHT: &str = "weight";

/// The rules of a flag. `None` if something is wrong.
pub(super) fn read(at: &At<'_>, variants: &[Variant], found: &mut Found) -> Option<Vec<Rule>> {
    let items = at.items(RULES_MAX, found)?;
    let mut rules: Vec<Rule> = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let at = at.child(&number.to_string(), item);
        let Some(rule) = rule(&at, variants, found) else { continue };
        if rules.last().is_some_and(|last| last.when.is_empty()) {
            let message = "is never reached: the rule before it has no conditions";
            found.report(&at.pointer, message);
        }
        rules.push(rule);
    }
    (rules.len() == items.len()).then_some(rules)
}

fn rule(at: &At<'_>, variants: &[Variant], found: &mut Found) -> Option<Rule> {
    let members = at.object(&[WHEN, VARIANT, SPLIT], found)?;
    let when = when(at, members, found);
    let choice = match (members.get(VARIANT), members.get(SPLIT)) {
        (Some(name), None) => {
            number_of(&at.child(VARIANT, name), variants, found).map(Choice::Variant)
        }
        (None, Some(entries)) => split(&at.child(SPLIT, entries), variants, found),
        _ => {
            found.report(&at.pointer, format!("must have either `{VARIANT}` or `{SPLIT}`"));
            None
        }
    };
    Some(Rule { when: when?, choice: choice? })
}

/// A rule without conditions applies to all.
fn when(
    at: &At<'_>,
    members: &Map<String, Json>,
    found: &mut Found,
) -> Option<Vec<crate::rule::Condition>> {
    let Some(written) = members.get(WHEN) else { return Some(Vec::new()) };
    let at = at.child(WHEN, written);
    let items = at.items(CONDITIONS_MAX, found)?;
    let mut conditions = Vec::new();
    for (number, item) in items.iter().enumerate() {
        conditions.extend(conditions::read(&at.child(&number.to_string(), item), found));
    }
    (conditions.len() == items.len()).then_some(conditions)
}

fn split(at: &At<'_>, variants: &[Variant], found: &mut Found) -> Option<Choice> {
    let items = at.items(VARIANTS_MAX, found)?;
    let (mut chosen, mut weights) = (Vec::new(), Vec::new());
    for (number, item) in items.iter().enumerate() {
        let at = at.child(&number.to_string(), item);
        let Some((variant, weight)) = share(&at, variants, found) else { continue };
        if chosen.contains(&variant) {
            found.report(&at.pointer, "names a variant that is in the split already");
        }
        chosen.push(variant);
        weights.push(weight);
    }
    if chosen.len() == items.len() && weights.iter().all(|weight| *weight == 0) {
        found.report(&at.pointer, "needs an entry with a weight above 0");
        return None;
    }
    (chosen.len() == items.len()).then_some(Choice::Split { variants: chosen, weights })
}

/// One entry of a split.
fn share(at: &At<'_>, variants: &[Variant], found: &mut Found) -> Option<(usize, u32)> {
    let members = at.object(&[VARIANT, WEIGHT], found)?;
    let Some(name) = members.get(VARIANT) else {
        found.report(&at.pointer, format!("has no `{VARIANT}`"));
        return None;
    };
    let variant = number_of(&at.child(VARIANT, name), variants, found);
    let Some(written) = members.get(WEIGHT) else {
        found.report(&at.pointer, format!("has no `{WEIGHT}`"));
        return None;
    };
    let weight = written.as_u64().and_then(|weight| u32::try_from(weight).ok());
    let weight = weight.filter(|weight| *weight <= WEIGHT_MAX);
    if weight.is_none() {
        let message = format!("must be a whole number from 0 to {WEIGHT_MAX}");
        found.report(&at.child(WEIGHT, written).pointer, message);
    }
    Some((variant?, weight?))
}
