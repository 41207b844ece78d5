//! What differs between two revisions of a component.

use super::controller::{Component, Rollouts, blocking, one};
use super::digest::{CodeId, RevisionId};
use super::operations::Refused;
use super::record::Record;
use super::settings::{Difference, SecretKey, Settings};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// What differs between two revisions.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Diff {
    pub(crate) from: Side,
    pub(crate) to: Side,
    /// Interfaces that one of them imports or exports.
    pub(crate) imports: Names,
    pub(crate) exports: Names,
    /// Members of the configuration.
    pub(crate) configuration: Vec<Difference>,
}

/// One of two revisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) revision: RevisionId,
    pub(crate) code: CodeId,
    pub(crate) size_bytes: u64,
    pub(crate) at_ms: u64,
    pub(crate) by: String,
}

/// The names in one of two lists.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Names {
    pub(crate) removed: Vec<String>,
    pub(crate) added: Vec<String>,
}

/// The interfaces of a component.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interfaces {
    pub(crate) imports: BTreeSet<String>,
    pub(crate) exports: BTreeSet<String>,
}

/// A revision, with all that is compared.
pub(super) struct Loaded {
    pub(super) side: Side,
    pub(super) interfaces: Interfaces,
    pub(super) settings: Settings,
}

/// Compares two revisions.
pub(super) fn compare(from: &Loaded, to: &Loaded, key: &SecretKey) -> Diff {
    Diff {
        from: from.side.clone(),
        to: to.side.clone(),
        imports: names(&from.interfaces.imports, &to.interfaces.imports),
        exports: names(&from.interfaces.exports, &to.interfaces.exports),
        configuration: from.settings.differences(&to.settings, key),
    }
}

fn names(from: &BTreeSet<String>, to: &BTreeSet<String>) -> Names {
    let only = |one: &BTreeSet<String>, other| one.difference(other).cloned().collect();
    Names { removed: only(from, to), added: only(to, from) }
}

impl Diff {
    /// For people: what is only in the first one begins with `-`, what is only in the second one
    /// with `+`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (mark, side) in [('-', &self.from), ('+', &self.to)] {
            let by = if side.by.is_empty() { "the host" } else { &side.by };
            lines.push(format!("{mark} revision {}, made by {by}", side.revision));
        }
        if self.from.code != self.to.code {
            lines.push("code".to_owned());
            for (mark, side) in [('-', &self.from), ('+', &self.to)] {
                lines.push(format!("  {mark} {}  {} bytes", side.code, side.size_bytes));
            }
        }
        for (title, names) in [("imports", &self.imports), ("exports", &self.exports)] {
            let changed = names.removed.iter().map(|name| ('-', name));
            let changed = changed.chain(names.added.iter().map(|name| ('+', name)));
            section(&mut lines, title, changed.map(|(mark, name)| format!("  {mark} {name}")));
        }
        let changed = self.configuration.iter().flat_map(|one| {
            let of = |mark, value: &Option<Value>| {
                value.as_ref().map(|value| format!("  {mark} {} = {}", one.key, text(value)))
            };
            [of('-', &one.before), of('+', &one.after)].into_iter().flatten()
        });
        section(&mut lines, "configuration", changed);
        if self.from.revision == self.to.revision {
            lines.push("They are the same revision.".to_owned());
        }
        lines
    }
}

fn section(lines: &mut Vec<String>, title: &str, changed: impl Iterator<Item = String>) {
    let mut changed = changed.peekable();
    if changed.peek().is_some() {
        lines.push(title.to_owned());
        lines.extend(changed);
    }
}

/// A member of a configuration, as it is shown. A secret is shown by its digest.
pub(crate) fn text(value: &Value) -> String {
    match value.get("secret").and_then(Value::as_str) {
        Some(digest) => format!("secret, {digest}"),
        None => value.to_string(),
    }
}

impl Rollouts {
    /// Compares two revisions of a component, by the first digits of their names. Without names, they
    /// are the stable revision and the candidate or, if there is none, the previous revision and the
    /// stable one; with one, the other one is the stable revision.
    pub(crate) async fn diff(
        &self,
        id: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Diff, Refused> {
        let component = self.component(id)?;
        let record = component.state.lock().await.record.clone();
        let (from, to) = sides(&record, from, to)?;
        let from = self.loaded(component, &record, from).await?;
        let to = self.loaded(component, &record, to).await?;
        Ok(compare(&from, &to, &self.records.key))
    }

    async fn loaded(
        &self,
        component: &Component,
        record: &Record,
        revision: RevisionId,
    ) -> Result<Loaded, Refused> {
        let made = record.made(&revision)?.clone();
        let (records, slot) = (self.records.clone(), component.slot.clone());
        blocking(move || {
            let code = records.code(&made.parts.code)?;
            let settings = records.settings(&made.parts.settings)?;
            let side = Side {
                revision,
                code: made.parts.code,
                size_bytes: code.len() as u64,
                at_ms: made.at_ms,
                by: made.by,
            };
            Ok(Loaded { side, interfaces: slot.interfaces(&code)?, settings })
        })
        .await
    }
}

/// Which revisions are compared.
fn sides(
    record: &Record,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(RevisionId, RevisionId), Refused> {
    let find = |digits: &str| one(record.find(digits), digits);
    let stable = record.stable.clone();
    match (from, to, record.candidate(), &record.previous) {
        (Some(from), Some(to), ..) => Ok((find(from)?, find(to)?)),
        (Some(from), None, ..) => Ok((find(from)?, stable)),
        (None, Some(to), ..) => Ok((stable, find(to)?)),
        (None, None, Some(candidate), _) => Ok((stable, candidate.clone())),
        (None, None, None, Some(previous)) => Ok((previous.clone(), stable)),
        (None, None, None, None) => Err(Refused::NoPrevious),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollouts::record::Parts;
    use serde_json::json;

    fn revision(code: &str, by: &str, interfaces: [&[&str]; 2], settings: Value) -> Loaded {
        let settings = Settings::new(settings).unwrap();
        let key = SecretKey("key".to_owned());
        let parts = Parts { code: CodeId::of(code), settings: settings.id(&key) };
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let [imports, exports] = interfaces;
        Loaded {
            side: Side {
                revision: parts.revision(),
                code: parts.code,
                size_bytes: code.len() as u64,
                at_ms: 0,
                by: by.to_owned(),
            },
            interfaces: Interfaces { imports: set(imports), exports: set(exports) },
            settings,
        }
    }

    fn lines(from: &Loaded, to: &Loaded) -> String {
        compare(from, to, &SecretKey("key".to_owned())).lines().join("\n")
    }

    #[test]
    fn all_that_differs_is_shown_and_no_secret() {
        let from = revision(
            "old",
            "",
            [&["wasi:http/types@0.3.0", "shop:a/b@1.0.0"], &["shop:c/d@1.0.0"]],
            json!({
                "variables": { "greeting": "hello", "password": { "secret": "hunter2" } },
                "allowed_outbound_hosts": ["https://one.test"],
                "policies": { "inbound": { "name": "calm", "timeout_ms": 5 } },
            }),
        );
        let to = revision(
            "newer",
            "ann",
            [&["wasi:http/types@0.3.0"], &["shop:c/d@1.1.0"]],
            json!({
                "variables": { "greeting": "good day", "password": { "secret": "hunter3" } },
                "allowed_outbound_hosts": ["https://one.test", "https://two.test"],
                "limits": { "deadline_ms": 7 },
                "policies": { "inbound": { "name": "calm", "timeout_ms": 6 } },
            }),
        );
        let shown = lines(&from, &to);
        assert_eq!(shown.trim(), include_str!("diff.golden.txt").trim());
        assert!(!shown.contains("hunter"));
    }

    #[test]
    fn equal_revisions_have_no_difference() {
        let one = revision("code", "ann", [&[], &[]], json!({}));
        let shown = lines(&one, &one);
        assert!(shown.ends_with("They are the same revision."), "{shown}");
        assert_eq!(shown.lines().count(), 3);
    }
}
