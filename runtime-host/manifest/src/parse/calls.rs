//! `calls`: the policies of the calls that a component makes; `idempotent`: which of its functions
//! may be called again.

use crate::app::{CallPolicy, CallTarget};
use crate::keys::calls::{FUNCTIONS, FUNCTIONS_MAX, POLICY, TO};
use crate::keys::component::{ENTRIES_MAX, IDEMPOTENT_MAX};
use crate::names;
use crate::parse::distinct_texts;
use crate::reader::{Code, Field};

pub(super) fn read(field: &Field<'_>) -> Vec<CallPolicy> {
    let items = field.items().unwrap_or_default();
    if items.len() > ENTRIES_MAX {
        let message = format!("has more than {ENTRIES_MAX} entries");
        let hint = "leave out `functions` where all functions of a callee have one policy";
        field.report(Code::Policy, &message, "too many", hint);
        return vec![];
    }
    let mut calls: Vec<CallPolicy> = vec![];
    for item in &items {
        let Some(entry) = entry(item) else { continue };
        if calls.iter().any(|earlier| covers(earlier, &entry)) {
            let hint = "the first entry that fits a call counts: move this one up, or remove it";
            item.report(Code::Policy, "has no effect", "an earlier entry has these calls", hint);
        }
        calls.push(entry);
    }
    calls
}

/// Whether all calls of an entry have an earlier one.
fn covers(earlier: &CallPolicy, entry: &CallPolicy) -> bool {
    let is_all = earlier.functions.is_empty();
    let has = |function| earlier.functions.contains(function);
    earlier.to == entry.to
        && (is_all || (!entry.functions.is_empty() && entry.functions.iter().all(has)))
}

fn entry(field: &Field<'_>) -> Option<CallPolicy> {
    let mut table = field.table()?;
    let to = table.required(TO.name, "add `to = \"…\"`: a component, or a host");
    let to = to.and_then(|field| target(&field));
    let functions = table.optional(FUNCTIONS.name);
    let is_host = matches!(to, Some(CallTarget::Host(_)));
    if let Some(functions) = functions.as_ref().filter(|_| is_host) {
        let hint = "remove it: requests to a host have no functions";
        functions.report(Code::Policy, "is for components", "not for a host", hint);
    }
    let functions = functions.map(|field| self::functions(&field, FUNCTIONS_MAX));
    let policy = table.required_text(POLICY.name, "add `policy = \"…\"`");
    table.finish();
    Some(CallPolicy { to: to?, functions: functions.unwrap_or_default(), policy: policy? })
}

/// A component, or hosts. A template is for hosts.
fn target(field: &Field<'_>) -> Option<CallTarget> {
    let text = field.text()?;
    let is_host = text.contains("://") || text.contains("{{");
    Some(if is_host { CallTarget::Host(text) } else { CallTarget::Component(text) })
}

pub(super) fn idempotent(field: &Field<'_>) -> Vec<String> {
    functions(field, IDEMPOTENT_MAX)
}

/// Names of functions, as `interface.function`.
fn functions(field: &Field<'_>, most: usize) -> Vec<String> {
    let Some(items) = field.items() else { return vec![] };
    if items.is_empty() {
        let hint = "name functions, for example `stock.find`, or remove the key";
        field.report(Code::EmptyValue, "must not be empty", "no functions", hint);
    } else if items.len() > most {
        field.report(
            Code::Policy,
            &format!("has more than {most} functions"),
            "too many",
            "remove some",
        );
    }
    distinct_texts(&items, |item, text| {
        let parts = text.split_once('.').map(|(interface, function)| {
            names::kebab(interface).and_then(|()| names::kebab(function))
        });
        let why = match parts {
            Some(Ok(())) => return true,
            Some(Err(why)) => why,
            None => "there is no dot in it".to_owned(),
        };
        let hint = "write the names of an interface and of its function: `stock.find`";
        item.report_invalid(Code::BadName, "a function", &why, hint);
        false
    })
}
