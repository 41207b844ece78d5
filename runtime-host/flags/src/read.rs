//! From JSON to flags. Each function reports what is wrong and goes on, so that all problems of a
//! document are reported at once.

mod conditions;
mod rules;

use crate::flag::{Flag, Kind, Value, Variant};
use crate::flags::Flags;
use crate::json::{At, Found};
use crate::limits::{
    DESCRIPTION_MAX_BYTES, FLAGS_MAX, INTEGER_MAX, NAME_MAX_BYTES, VALUE_MAX_BYTES, VARIANTS_MAX,
};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

pub(crate) const FLAGS: &str = "flags";
pub(crate) const STATE: &str = "state";
pub(crate) const ENABLED: &str = "enabled";
pub(crate) const DISABLED: &str = "disabled";
const TYPE: &str = "type";
const DESCRIPTION: &str = "description";
const VARIANTS: &str = "variants";
const DEFAULT_VARIANT: &str = "default_variant";
const RULES: &str = "rules";

/// The whole document: `{ "flags": { "<key>": { … } } }`.
pub(crate) fn document(at: &At<'_>, found: &mut Found) -> Flags {
    let mut flags = Flags::default();
    let Some(members) = at.object(&[FLAGS], found) else { return flags };
    let Some(all) = members.get(FLAGS) else {
        found.report("", "has no member `flags`: write { \"flags\": { … } }");
        return flags;
    };
    let at = at.child(FLAGS, all);
    let Some(definitions) = at.members(found) else { return flags };
    if definitions.len() > FLAGS_MAX {
        found.report(&at.pointer, format!("must have at most {FLAGS_MAX} flags"));
        return flags;
    }
    for (key, definition) in definitions {
        let at = at.child(key, definition);
        check_key(key, &at.pointer, found);
        if let Some(flag) = flag(key, &at, found) {
            flags.all.insert(flag.key.clone(), Arc::new(flag));
        }
    }
    flags
}

/// The key of a flag. It is part of URLs, and a label of metrics.
pub(crate) fn check_key(key: &str, pointer: &str, found: &mut Found) {
    if !is_name(key) {
        found.report(pointer, format!("has an invalid key: {NAME_RULE}"));
    }
}

const NAME_RULE: &str = "write 1 to 128 letters, digits, `.`, `_` or `-`, the first of them a \
                         letter or a digit";

fn is_name(text: &str) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_alphanumeric();
    let is_next = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= NAME_MAX_BYTES
        && text.as_bytes().first().is_some_and(is_first)
        && text.bytes().all(is_next)
}

/// The definition of one flag. `None` if something is wrong.
pub(crate) fn flag(key: &str, at: &At<'_>, found: &mut Found) -> Option<Flag> {
    let names = [TYPE, STATE, DESCRIPTION, VARIANTS, DEFAULT_VARIANT, RULES];
    let members = at.object(&names, found)?;
    if let Some(description) = members.get(DESCRIPTION) {
        at.child(DESCRIPTION, description).text(DESCRIPTION_MAX_BYTES, found);
    }
    let enabled = state(at, members, found);
    let kind = kind(at, members, found);
    let variants = variants(at, members, kind, found)?;
    let default = default(at, members, &variants, found);
    let rules = members.get(RULES).map(|rules| at.child(RULES, rules));
    let rules = rules.map_or(Some(Vec::new()), |at| rules::read(&at, &variants, found));
    Some(Flag {
        key: key.into(),
        kind: kind?,
        enabled: enabled?,
        default: default?,
        rules: rules?,
        variants,
        definition: members.clone(),
    })
}

/// A flag without a state is switched on.
fn state(at: &At<'_>, members: &Map<String, Json>, found: &mut Found) -> Option<bool> {
    let Some(state) = members.get(STATE) else { return Some(true) };
    match state.as_str() {
        Some(ENABLED) => Some(true),
        Some(DISABLED) => Some(false),
        _ => {
            let message = format!("must be `{ENABLED}` or `{DISABLED}`");
            found.report(&at.child(STATE, state).pointer, message);
            None
        }
    }
}

fn kind(at: &At<'_>, members: &Map<String, Json>, found: &mut Found) -> Option<Kind> {
    let written = members.get(TYPE);
    let kind =
        Kind::ALL.into_iter().find(|kind| written.and_then(Json::as_str) == Some(kind.name()));
    if kind.is_none() {
        let names = Kind::ALL.map(Kind::name).join("`, `");
        match written {
            Some(value) => {
                let pointer = at.child(TYPE, value).pointer;
                found.report(&pointer, format!("must be one of `{names}`"));
            }
            None => found.report(&at.pointer, format!("has no `{TYPE}`: write one of `{names}`")),
        }
    }
    kind
}

/// The variants. Their values are only checked if the type is known.
fn variants(
    at: &At<'_>,
    members: &Map<String, Json>,
    kind: Option<Kind>,
    found: &mut Found,
) -> Option<Vec<Variant>> {
    let Some(written) = members.get(VARIANTS) else {
        let message = format!("has no `{VARIANTS}`: write {{ \"<name>\": <value>, … }}");
        found.report(&at.pointer, message);
        return None;
    };
    let at = at.child(VARIANTS, written);
    let members = at.members(found)?;
    if members.is_empty() || members.len() > VARIANTS_MAX {
        found.report(&at.pointer, format!("must have 1 to {VARIANTS_MAX} members"));
        return None;
    }
    let mut variants = Vec::new();
    for (name, written) in members {
        let at = at.child(name, written);
        if !is_name(name) {
            found.report(&at.pointer, format!("has an invalid name: {NAME_RULE}"));
        }
        let Some(kind) = kind else { continue };
        if let Some(value) = value(&at, kind, found) {
            variants.push(Variant { name: name.as_str().into(), value });
        }
    }
    (kind.is_some() && variants.len() == members.len()).then_some(variants)
}

/// The value of a variant.
fn value(at: &At<'_>, kind: Kind, found: &mut Found) -> Option<Value> {
    let text = at.value.to_string();
    if text.len() > VALUE_MAX_BYTES {
        found.report(&at.pointer, format!("must have at most {VALUE_MAX_BYTES} bytes"));
        return None;
    }
    let value = match (kind, at.value) {
        (Kind::Boolean, Json::Bool(value)) => Some(Value::Boolean(*value)),
        (Kind::String, Json::String(text)) => Some(Value::String(text.as_str().into())),
        (Kind::Integer, Json::Number(number)) => {
            let number = number.as_i64();
            let number = number.filter(|number| number.unsigned_abs() <= INTEGER_MAX as u64);
            number.map(Value::Integer)
        }
        (Kind::Double, Json::Number(number)) => number.as_f64().map(Value::Double),
        (Kind::Object, Json::Object(_)) => Some(Value::Object(text.into())),
        _ => None,
    };
    if value.is_none() {
        let expected = match kind {
            Kind::Boolean => "`true` or `false`",
            Kind::String => "a string",
            Kind::Integer => "a whole number of at most 53 bits",
            Kind::Double => "a number",
            Kind::Object => "an object",
        };
        let message = format!("must be {expected}, as the type of the flag is `{kind}`");
        found.report(&at.pointer, message);
    }
    value
}

fn default(
    at: &At<'_>,
    members: &Map<String, Json>,
    variants: &[Variant],
    found: &mut Found,
) -> Option<usize> {
    let Some(written) = members.get(DEFAULT_VARIANT) else {
        let message = format!("has no `{DEFAULT_VARIANT}`: name the variant for all others");
        found.report(&at.pointer, message);
        return None;
    };
    number_of(&at.child(DEFAULT_VARIANT, written), variants, found)
}

/// The number of the variant that is named here.
fn number_of(at: &At<'_>, variants: &[Variant], found: &mut Found) -> Option<usize> {
    let name = at.text(NAME_MAX_BYTES, found)?;
    let number = variants.iter().position(|variant| &*variant.name == name);
    if number.is_none() {
        let names: Vec<&str> = variants.iter().map(|variant| &*variant.name).collect();
        found.report(&at.pointer, format!("is no variant: there are `{}`", names.join("`, `")));
    }
    number
}
