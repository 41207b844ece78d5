//! `policies`: named policies for calls.

use std::collections::BTreeMap;

use crate::app::Policy;
use crate::keys::Number;
use crate::keys::policy::{
    BREAKER, BULKHEAD, Breaker, CACHE, Cache, Concurrency, HEDGE, Hedge, POLICIES_MAX, RETRY,
    Retry, TIMEOUT_MS,
};
use crate::names;
use crate::parse::tool::number;
use crate::reader::{Code, Field};

pub(super) fn read(field: &Field<'_>) -> BTreeMap<String, Policy> {
    let entries = field.entries();
    if let Some((_, first_over)) = entries.get(POLICIES_MAX) {
        let message = format!("is one policy too many: there may be {POLICIES_MAX}");
        first_over.report(Code::Policy, &message, "one too many", "let calls share policies");
    }
    let mut policies = BTreeMap::new();
    for (key, field) in entries {
        if let Err(why) = names::kebab(&key.name) {
            let hint = "rename it, for example to `quick` or `payment-provider`";
            field.report_invalid(Code::BadName, "the name of a policy", &why, hint);
        }
        policies.insert(key.name.clone(), policy(&field).unwrap_or_default());
    }
    policies
}

fn policy(field: &Field<'_>) -> Option<Policy> {
    let mut table = field.table()?;
    let timeout_ms = number(&mut table, &TIMEOUT_MS);
    let retry =
        table.optional(RETRY.name).and_then(|field| numbers(&field, |read| Retry::read(read)));
    let hedge =
        table.optional(HEDGE.name).and_then(|field| numbers(&field, |read| Hedge::read(read)));
    let breaker =
        table.optional(BREAKER.name).and_then(|field| numbers(&field, |read| Breaker::read(read)));
    let bulkhead = table
        .optional(BULKHEAD.name)
        .and_then(|field| numbers(&field, |read| Concurrency::read(read)));
    let cache =
        table.optional(CACHE.name).and_then(|field| numbers(&field, |read| Cache::read(read)));
    table.finish();
    Some(Policy { timeout_ms, retry, hedge, breaker, bulkhead, cache })
}

/// Reads a table of numbers.
fn numbers<T>(
    field: &Field<'_>,
    read: impl FnOnce(&mut dyn FnMut(&Number) -> Option<u64>) -> T,
) -> Option<T> {
    let mut table = field.table()?;
    let values = read(&mut |key| number(&mut table, key));
    table.finish();
    Some(values)
}
