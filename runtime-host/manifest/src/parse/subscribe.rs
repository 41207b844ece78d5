//! `subscribe`: which events a component gets, and how.

use crate::app::{DeliveryMode, SubscribeFrom, Subscription};
use crate::document::{Field, Table, listed};
use crate::names::{self, nearest};
use crate::parse::tool::{limit, path};
use crate::problem::Code;
use std::ops::RangeInclusive;

/// Most entries of one component.
const ENTRIES_MAX: usize = 64;
/// Most types of one entry.
const TYPES_MAX: usize = 64;
/// Longest name of a type.
const TYPE_LENGTH_MAX_BYTES: usize = 256;

const MODES: [(&str, DeliveryMode); 3] = [
    ("binary", DeliveryMode::Binary),
    ("structured", DeliveryMode::Structured),
    ("batch", DeliveryMode::Batch),
];

const STARTS: [(&str, SubscribeFrom); 2] =
    [("start", SubscribeFrom::Start), ("now", SubscribeFrom::Now)];

/// The entries of the component `id`.
pub(super) fn read(field: &Field<'_>, id: &str) -> Vec<Subscription> {
    let items = field.items().unwrap_or_default();
    if items.len() > ENTRIES_MAX {
        let message = format!("has more than {ENTRIES_MAX} entries");
        field.fault(Code::Subscription, &message, "too many", "put types together in one entry");
        return vec![];
    }
    let mut subscriptions: Vec<Subscription> = vec![];
    for item in &items {
        let Some(subscription) = entry(item, id) else { continue };
        if subscriptions.iter().any(|earlier| earlier.group == subscription.group) {
            let message = format!("is a second entry of the group `{}`", subscription.group);
            let hint = "give each entry a `group` of its own, or put the types together in one";
            item.fault(Code::Subscription, &message, "the same group", hint);
        }
        subscriptions.push(subscription);
    }
    subscriptions
}

fn entry(field: &Field<'_>, id: &str) -> Option<Subscription> {
    let mut table = field.table()?;
    let types = table.required("types", "add `types = [\"com.example.*\"]`");
    let types = types.and_then(|field| types_of(&field));
    let path = table.required("path", "add `path = \"/events\"`");
    let path = path.and_then(|field| self::path(&field, Code::Subscription));
    let group = table.optional("group").and_then(|field| group(&field));
    let mode = table.optional("mode").and_then(|field| choice(&field, &MODES));
    let from = table.optional("from").and_then(|field| choice(&field, &STARTS));
    let subscription = Subscription {
        group: group.unwrap_or_else(|| id.to_owned()),
        types: types.unwrap_or_default(),
        path: path.unwrap_or_default(),
        mode: mode.unwrap_or_default(),
        batch_max: number(&mut table, "batch_max", 1..=100, 32),
        concurrency_max: number(&mut table, "concurrency_max", 1..=1_024, 16),
        attempts_max: number(&mut table, "attempts_max", 1..=1_000, 16),
        from: from.unwrap_or_default(),
    };
    table.finish();
    Some(subscription)
}

fn number(
    table: &mut Table<'_>,
    name: &'static str,
    range: RangeInclusive<u64>,
    default: u32,
) -> u32 {
    limit(table, name, range).and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
}

fn types_of(field: &Field<'_>) -> Option<Vec<String>> {
    let items = field.items()?;
    let hint = "name at least one type, as `com.example.thing.happened.v1`; `*` stands for all";
    if items.is_empty() {
        field.fault(Code::EmptyValue, "names no type", "nothing to subscribe to", hint);
    } else if items.len() > TYPES_MAX {
        let message = format!("names more than {TYPES_MAX} types");
        field.fault(Code::Subscription, &message, "too many", "put a `*` at the end of one");
    }
    let mut types = vec![];
    for item in &items {
        let Some(text) = item.filled_text() else { continue };
        if let Err(why) = type_pattern(&text.value) {
            let hint = "write a type as `com.example.thing.happened.v1`, or its beginning and `*`";
            item.fault(Code::Subscription, &format!("is not a type: {why}"), "not a type", hint);
        } else if types.contains(&text.value) {
            let message = format!("names `{}` a second time", text.value);
            item.fault(Code::DuplicateEntry, &message, "again", "remove it");
        }
        types.push(text.value);
    }
    Some(types)
}

/// Checks an exact type, or the beginning of types with a `*` after it.
fn type_pattern(text: &str) -> Result<(), String> {
    if text.len() > TYPE_LENGTH_MAX_BYTES {
        return Err(format!("it is longer than {TYPE_LENGTH_MAX_BYTES} bytes"));
    }
    let prefix = text.strip_suffix('*');
    let name = prefix.unwrap_or(text);
    if name.contains('*') {
        return Err("`*` may only be its last character".to_owned());
    }
    let allowed = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
    if let Some(c) = name.chars().find(|c| !allowed(c)) {
        return Err(format!("{c:?} is neither a letter, a digit nor one of `.-_`"));
    }
    let name = if prefix.is_some() { name.strip_suffix('.').unwrap_or(name) } else { name };
    if name.split('.').any(str::is_empty) && text != "*" {
        return Err("there is nothing between two dots".to_owned());
    }
    Ok(())
}

fn group(field: &Field<'_>) -> Option<String> {
    let group = field.filled_text()?.value;
    if let Err(why) = names::kebab(&group) {
        let hint = "use words of lower-case letters and digits, joined by hyphens";
        field.fault(Code::BadName, &format!("cannot be a group: {why}"), "not a name", hint);
    }
    Some(group)
}

/// One of several words.
fn choice<T: Copy>(field: &Field<'_>, known: &[(&'static str, T)]) -> Option<T> {
    let word = field.filled_text()?.value;
    let found = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    if found.is_none() {
        let names = known.iter().map(|(name, _)| *name);
        let hint = match nearest(&word, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", listed(names)),
        };
        field.fault(Code::BadValue, &format!("cannot be `{word}`"), "not one of them", &hint);
    }
    found
}
