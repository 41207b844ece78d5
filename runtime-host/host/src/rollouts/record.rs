//! What is kept of the revisions of a component.

use super::cohort::Cohort;
use super::digest::{CodeId, RevisionId, SettingsId};
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tessera_rollout::judge::Reason;
use tessera_rollout::plan::Plan;

/// Entries of a component's history. Older ones are dropped.
const HISTORY_MAX: usize = 100;
/// The last revisions of a component are kept, so that they can be deployed again.
const REVISIONS_KEPT_MAX: usize = 10;
/// The format of the files.
const FORMAT: u32 = 2;
/// The format in which a revision was only its code, and had its name.
const FORMAT_OF_CODE: u32 = 1;

/// What a revision consists of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Parts {
    pub(crate) code: CodeId,
    pub(crate) settings: SettingsId,
}

impl Parts {
    /// The name of the revision.
    pub(crate) fn revision(&self) -> RevisionId {
        RevisionId::of(format!("{}\n{}", self.code.as_str(), self.settings.as_str()))
    }
}

/// A revision: what it consists of, when it was made, and by whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Made {
    #[serde(flatten)]
    pub(crate) parts: Parts,
    pub(crate) at_ms: u64,
    /// Empty for the host itself.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) by: String,
}

/// What is kept of a component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// What the manifest and the values of variables said when this was written. What they say
    /// otherwise at a start is in service from then on.
    pub(super) origin: Parts,
    pub(super) stable: RevisionId,
    pub(super) previous: Option<RevisionId>,
    pub(super) rollout: Option<Rollout>,
    /// Those that are named here.
    pub(super) revisions: BTreeMap<RevisionId, Made>,
    /// The oldest first.
    pub(super) history: Vec<Entry>,
}

/// A rollout in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rollout {
    pub(super) candidate: RevisionId,
    pub(super) plan: Plan,
    pub(super) cohort: Cohort,
    /// The current step of the plan.
    pub(super) step: usize,
    /// Whether it waits for an operator.
    pub(super) waits: bool,
    pub(super) salt: u64,
    pub(super) began_at_ms: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at_ms: u64,
    pub(crate) revision: RevisionId,
    /// Who did it; empty for the host itself.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) by: String,
    /// Where its code comes from, if it was deployed from a registry: the name of the artifact, with
    /// its digest.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) origin: String,
    #[serde(flatten)]
    pub(crate) event: Event,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A rollout began.
    Deployed,
    /// Its configuration was changed, and it has all calls.
    Configured {
        /// The members that differ, such as `variables.greeting`.
        changed: Vec<String>,
    },
    /// The revision can't be used: the code, or its contract.
    Refused { detail: String },
    /// The next step of the plan began.
    Step { share_percent: u8 },
    /// It is the stable revision now.
    Promoted,
    /// The stable revision has all calls again; by an operator if there is no reason.
    RolledBack {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<Reason>,
    },
    /// The manifest names other code, or has another configuration, than before.
    Started,
}

impl Record {
    /// A component as the manifest has it.
    pub(crate) fn new(origin: Parts, at_ms: u64) -> Self {
        let (previous, rollout, history) = Default::default();
        let stable = origin.revision();
        let made = Made { parts: origin.clone(), at_ms, by: String::new() };
        let revisions = BTreeMap::from([(stable.clone(), made)]);
        Self { format: FORMAT, origin, stable, previous, rollout, revisions, history }
    }

    /// The record in a file. `settings` is the present configuration: records of the older format
    /// know of none.
    pub(super) fn parse(text: &str, settings: &SettingsId) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let record = match serde_json::from_str::<Version>(text)?.format {
            FORMAT => serde_json::from_str(text)?,
            FORMAT_OF_CODE => serde_json::from_str::<RecordOfCode>(text)?.with(settings),
            _ => anyhow::bail!("it was written by another version of the host"),
        };
        let named = [Some(&record.stable), record.previous.as_ref(), record.candidate()];
        let is_known = |id: &RevisionId| record.revisions.contains_key(id);
        ensure!(named.into_iter().flatten().all(is_known), "it names a revision that it lacks");
        Ok(record)
    }

    pub(super) fn candidate(&self) -> Option<&RevisionId> {
        self.rollout.as_ref().map(|rollout| &rollout.candidate)
    }

    /// A revision that is named here.
    pub(super) fn made(&self, id: &RevisionId) -> anyhow::Result<&Made> {
        self.revisions.get(id).with_context(|| format!("revision {id} is not known"))
    }

    /// What a revision consists of.
    pub(super) fn parts(&self, id: &RevisionId) -> anyhow::Result<&Parts> {
        Ok(&self.made(id)?.parts)
    }

    /// Adds a revision. One that exists keeps its date.
    pub(super) fn add(&mut self, parts: Parts, at_ms: u64, by: &str) -> RevisionId {
        let id = parts.revision();
        let made = Made { parts, at_ms, by: by.to_owned() };
        self.revisions.entry(id.clone()).or_insert(made);
        id
    }

    pub(super) fn note(&mut self, at_ms: u64, revision: RevisionId, by: &str, event: Event) {
        let surplus = (self.history.len() + 1).saturating_sub(HISTORY_MAX);
        self.history.drain(..surplus);
        let (by, origin) = (by.to_owned(), String::new());
        self.history.push(Entry { at_ms, revision, by, origin, event });
        let mut named: BTreeSet<_> = self.kept().into_iter().cloned().collect();
        named.extend(self.history.iter().map(|entry| entry.revision.clone()));
        self.revisions.retain(|id, _| named.contains(id));
    }

    /// Notes where the code of the last entry comes from.
    pub(super) fn note_origin(&mut self, origin: String) {
        if let Some(entry) = self.history.last_mut() {
            entry.origin = origin;
        }
    }

    /// Whether this code was deployed to the component, as far as its history goes.
    pub(super) fn was_deployed(&self, code: &CodeId) -> bool {
        let is_it = |id: &RevisionId| self.parts(id).is_ok_and(|parts| parts.code == *code);
        self.history.iter().any(|entry| entry.event == Event::Deployed && is_it(&entry.revision))
    }

    /// The revisions that are needed now, or may be deployed again.
    pub(super) fn kept(&self) -> BTreeSet<&RevisionId> {
        let needed = [Some(&self.stable), self.previous.as_ref(), self.candidate()];
        let mut kept: BTreeSet<_> = needed.into_iter().flatten().collect();
        for entry in self.history.iter().rev() {
            if kept.len() >= REVISIONS_KEPT_MAX {
                break;
            }
            kept.insert(&entry.revision);
        }
        kept
    }

    /// What has to be kept for them.
    pub(super) fn needed(&self) -> BTreeSet<Parts> {
        let kept = self.kept().into_iter().filter_map(|id| self.parts(id).ok());
        kept.chain([&self.origin]).cloned().collect()
    }

    /// The kept revisions that begin with these digits, or else those whose code does.
    pub(super) fn find(&self, digits: &str) -> Vec<RevisionId> {
        let kept = self.kept();
        let named = |id: &&&RevisionId| id.as_str().starts_with(digits);
        let of_code = |id: &&&RevisionId| {
            self.parts(id).is_ok_and(|parts| parts.code.as_str().starts_with(digits))
        };
        let found: Vec<_> = kept.iter().filter(named).map(|id| (*id).clone()).collect();
        match found.is_empty() {
            true => kept.iter().filter(of_code).map(|id| (*id).clone()).collect(),
            false => found,
        }
    }
}

/// A record of the older format: each revision has the name of its code.
#[derive(Deserialize)]
struct RecordOfCode {
    manifest: CodeId,
    stable: CodeId,
    previous: Option<CodeId>,
    rollout: Option<Rollout>,
    history: Vec<Entry>,
}

impl RecordOfCode {
    /// As revisions with this configuration.
    fn with(self, settings: &SettingsId) -> Record {
        let parts = |code: CodeId| Parts { code, settings: settings.clone() };
        let origin = parts(self.manifest);
        let at_ms = self.history.first().map_or(0, |entry| entry.at_ms);
        let mut record = Record::new(origin, at_ms);
        record.stable = record.add(parts(self.stable), at_ms, "");
        record.previous = self.previous.map(|code| record.add(parts(code), at_ms, ""));
        // What is read as the name of a revision is that of its code.
        let mut renamed = |id: &RevisionId, at_ms, by: &str| {
            let code = CodeId::try_from(id.as_str().to_owned()).ok();
            code.map_or_else(|| id.clone(), |code| record.add(parts(code), at_ms, by))
        };
        let history = self.history.into_iter().map(|entry| {
            let revision = renamed(&entry.revision, entry.at_ms, &entry.by);
            Entry { revision, ..entry }
        });
        let history = history.collect();
        let rollout = self.rollout.map(|rollout| {
            let candidate = renamed(&rollout.candidate, rollout.began_at_ms, "");
            Rollout { candidate, ..rollout }
        });
        Record { history, rollout, ..record }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(number: u8) -> CodeId {
        CodeId::of([number])
    }

    fn parts(number: u8) -> Parts {
        Parts { code: code(number), settings: SettingsId::of("settings") }
    }

    #[test]
    fn a_record_of_the_older_format_is_read_with_the_present_configuration() {
        let entry = |number, event: &str| {
            let revision = code(number);
            serde_json::json!({ "at_ms": 5, "revision": revision, "by": "ann", "event": event })
        };
        let text = serde_json::json!({
            "format": 1, "manifest": code(0), "stable": code(1), "previous": code(0),
            "rollout": null, "history": [entry(1, "deployed"), entry(1, "promoted")],
        });
        let record = Record::parse(&text.to_string(), &SettingsId::of("settings")).unwrap();
        assert_eq!(record.origin, parts(0));
        assert_eq!(record.stable, parts(1).revision());
        assert_eq!(record.previous, Some(parts(0).revision()));
        assert!(record.was_deployed(&code(1)) && !record.was_deployed(&code(0)));
        assert_eq!(record.history[1].event, Event::Promoted);
        let again = serde_json::to_string(&record).unwrap();
        assert_eq!(Record::parse(&again, &SettingsId::of("other")).unwrap(), record);
    }

    #[test]
    fn a_revision_is_found_by_its_digits_or_those_of_its_code() {
        let mut record = Record::new(parts(0), 1);
        for number in 1..3 {
            let id = record.add(parts(number), 2, "ann");
            record.note(2, id, "ann", Event::Deployed);
        }
        let wanted = parts(1).revision();
        assert_eq!(record.find(wanted.as_str()), std::slice::from_ref(&wanted));
        assert_eq!(record.find(code(1).as_str()), [wanted]);
        assert_eq!(record.find("").len(), 3);
        assert!(record.find("xyz").is_empty());
    }

    #[test]
    fn old_revisions_are_forgotten_and_the_needed_ones_are_not() {
        let mut record = Record::new(parts(0), 1);
        for number in 0..=u8::MAX {
            let id = record.add(parts(number), 2, "ann");
            record.note(2, id, "ann", Event::Deployed);
        }
        assert_eq!(record.kept().len(), REVISIONS_KEPT_MAX);
        assert_eq!(record.history.len(), HISTORY_MAX);
        assert!(record.revisions.contains_key(&record.stable));
        assert!(record.revisions.len() <= HISTORY_MAX + 1);
        assert!(record.needed().contains(&parts(0)));
    }

    #[test]
    fn a_record_of_a_later_format_or_without_its_revision_is_refused() {
        let record = serde_json::to_value(Record::new(parts(0), 1)).unwrap();
        for (member, value) in [("format", 3.into()), ("revisions", serde_json::json!({}))] {
            let mut changed = record.clone();
            changed[member] = value;
            assert!(Record::parse(&changed.to_string(), &SettingsId::of("s")).is_err(), "{member}");
        }
    }
}
