//! `subscribe`: the events that are delivered to a component, and how.

use crate::app::{DeliveryMode, SubscribeFrom, Subscription};
use crate::keys::Number;
use crate::keys::component::ENTRIES_MAX;
use crate::keys::subscribe::{
    ATTEMPTS_MAX, BATCH_MAX, CONCURRENCY_MAX, FROM, GROUP, MODE, PATH, TYPES, TYPES_MAX,
};
use crate::names;
use crate::parse::distinct_texts;
use crate::parse::tool::{number, path};
use crate::reader::{Code, Field, Table};

/// Maximum length of a type.
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
        field.report(
            Code::Subscription,
            &message,
            "too many",
            "merge the types of several entries",
        );
        return vec![];
    }
    let mut subscriptions: Vec<Subscription> = vec![];
    for item in &items {
        let Some(subscription) = entry(item, id) else { continue };
        if subscriptions.iter().any(|earlier| earlier.group == subscription.group) {
            let message = format!("is a second entry of the group `{}`", subscription.group);
            let hint = "give each entry a different `group`, or merge the types into one entry";
            item.report(Code::Subscription, &message, "the same group", hint);
        }
        subscriptions.push(subscription);
    }
    subscriptions
}

fn entry(field: &Field<'_>, id: &str) -> Option<Subscription> {
    let mut table = field.table()?;
    let types = table.required(TYPES.name, "add `types = [\"com.example.*\"]`");
    let types = types.and_then(|field| types_of(&field));
    let path = table.required(PATH.name, "add `path = \"/events\"`");
    let path = path.and_then(|field| self::path(&field, Code::Subscription));
    let group = table.optional(GROUP.name).and_then(|field| group(&field));
    let mode = table.optional(MODE.name).and_then(|field| field.one_of(&MODES));
    let from = table.optional(FROM.name).and_then(|field| field.one_of(&STARTS));
    let subscription = Subscription {
        group: group.unwrap_or_else(|| id.to_owned()),
        types: types.unwrap_or_default(),
        path: path.unwrap_or_default(),
        mode: mode.unwrap_or_default(),
        batch_max: number_or_default(&mut table, &BATCH_MAX),
        concurrency_max: number_or_default(&mut table, &CONCURRENCY_MAX),
        attempts_max: number_or_default(&mut table, &ATTEMPTS_MAX),
        from: from.unwrap_or_default(),
    };
    table.finish();
    Some(subscription)
}

fn number_or_default(table: &mut Table<'_>, key: &Number) -> u32 {
    let number = number(table, key).or(key.default).unwrap_or_default();
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn types_of(field: &Field<'_>) -> Option<Vec<String>> {
    let items = field.items()?;
    let hint = "add at least one type, for example `com.example.thing.happened.v1`, or `*` for all";
    if items.is_empty() {
        field.report(Code::EmptyValue, "must not be empty", "no types", hint);
    } else if items.len() > TYPES_MAX {
        let message = format!("has more than {TYPES_MAX} types");
        field.report(Code::Subscription, &message, "too many", "use a prefix with a trailing `*`");
    }
    Some(distinct_texts(&items, |item, text| {
        let Err(why) = type_pattern(text) else { return true };
        let hint = "write a type, for example `com.example.thing.happened.v1`, or a prefix and `*`";
        item.report_invalid(Code::Subscription, "an event type", &why, hint);
        false
    }))
}

/// Checks an exact type, or a prefix with a trailing `*`.
fn type_pattern(text: &str) -> Result<(), String> {
    if text.len() > TYPE_LENGTH_MAX_BYTES {
        return Err(format!("it is longer than {TYPE_LENGTH_MAX_BYTES} bytes"));
    }
    let prefix = text.strip_suffix('*');
    let name = prefix.unwrap_or(text);
    if name.contains('*') {
        return Err("`*` is only allowed as the last character".to_owned());
    }
    let allowed = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
    if let Some(c) = name.chars().find(|c| !allowed(c)) {
        return Err(format!("{c:?} is not a letter, a digit or one of `.-_`"));
    }
    let name = if prefix.is_some() { name.strip_suffix('.').unwrap_or(name) } else { name };
    if name.split('.').any(str::is_empty) && text != "*" {
        return Err("a part between two dots is empty".to_owned());
    }
    Ok(())
}

fn group(field: &Field<'_>) -> Option<String> {
    let group = field.text()?;
    if let Err(why) = names::kebab(&group) {
        let hint = "use words of lowercase letters and digits, joined by hyphens";
        field.report_invalid(Code::BadName, "a group name", &why, hint);
    }
    Some(group)
}
