//! New configurations of components, while the application runs.

use super::controller::{Component, Rollouts, State, blocking, now_ms};
use super::digest::RevisionId;
use super::operations::Refused;
use super::record::{Event, Parts, Record};
use super::settings::{Difference, Settings};
use super::{Ingredients, Install, NewCode};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::MutexGuard;

/// Values of the application's variables, that an operator sets while it runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Values {
    /// By the names of variables.
    #[serde(default)]
    pub(crate) set: BTreeMap<String, String>,
    /// Variables that have the value again that they have without an operator.
    #[serde(default)]
    pub(crate) unset: Vec<String>,
}

/// A component whose configuration was changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) component: String,
    pub(crate) revision: RevisionId,
    /// The members that differ. Secrets are replaced by their digests.
    pub(crate) differences: Vec<Difference>,
}

/// What changes the configuration of components.
pub(crate) trait Configurator: Send + Sync {
    /// Changes values of variables.
    fn set(&self, values: Values, by: String) -> BoxFuture<'_, Result<Vec<Applied>, Refused>>;

    /// Reads the files again that the application was started with.
    fn reload(&self, by: String) -> BoxFuture<'_, Result<Vec<Applied>, Refused>>;

    /// The values of variables, and the configurations in force, without secrets.
    fn shown(&self) -> BoxFuture<'_, Result<Value, Refused>>;
}

/// New configurations of components.
pub(crate) struct Change {
    /// What each component is configured with now, as the manifest and the values of variables say.
    pub(crate) settings: BTreeMap<String, Settings>,
    pub(crate) by: String,
    pub(crate) origin: Origin,
}

/// Where configurations come from, as far as the host writes it.
pub(crate) struct Origin {
    /// Makes its change durable.
    pub(crate) commit: Write,
    /// Makes what was there before durable again.
    pub(crate) undo: Write,
}

type Write = Box<dyn FnOnce() -> anyhow::Result<()> + Send>;

/// The new configuration of one component.
struct Configured<'a> {
    id: &'a str,
    component: &'a Component,
    state: MutexGuard<'a, State>,
    record: Record,
    /// If it has a new revision.
    new: Option<(Install, Applied)>,
}

impl Rollouts {
    /// A configuration as it is shown: without secrets.
    pub(crate) fn shown(&self, settings: &Settings) -> Value {
        settings.shown(&self.records.key)
    }

    /// The configurations in force.
    pub(crate) async fn configurations(&self) -> Result<Vec<Value>, Refused> {
        let mut all = Vec::new();
        for id in self.components.keys() {
            let Some((revision, parts)) = self.stable(id) else { continue };
            let records = self.records.clone();
            let settings = blocking(move || records.settings(&parts.settings)).await?;
            all.push(json!({ "id": id, "revision": revision, "settings": self.shown(&settings) }));
        }
        Ok(all)
    }

    /// Changes the configuration of the components that a change concerns, of all of them or, if one
    /// can't be changed, of none. What an operator has taken back stays taken back, unless the change
    /// is about it.
    pub(crate) async fn configure(&self, change: Change) -> Result<Vec<Applied>, Refused> {
        let _turn = self.turn.lock().await;
        let applied = self.configure_in(change).await;
        // Also after an error: settings of a change that failed may contain secrets.
        self.remove_unneeded().await;
        applied
    }

    async fn configure_in(&self, change: Change) -> Result<Vec<Applied>, Refused> {
        let Change { settings, by, origin } = change;
        let mut all = Vec::new();
        for (id, component) in &self.components {
            let Some(after) = settings.get(id) else { continue };
            all.extend(self.configured(id, component, after, &by).await?);
        }
        self.record_all(&mut all, origin).await?;
        let mut applied = Vec::new();
        for Configured { id, component, mut state, record, new } in all {
            self.recorded(id, &mut state, record);
            let Some((install, one)) = new else { continue };
            install();
            component.slot.promote();
            state.has_previous = true;
            tracing::info!(component = id, revision = %one.revision, by, "a configuration is in force");
            applied.push(one);
        }
        Ok(applied)
    }

    /// Makes the revision of a component, if the change is about it.
    async fn configured<'a>(
        &self,
        id: &'a str,
        component: &'a Component,
        after: &Settings,
        by: &str,
    ) -> Result<Option<Configured<'a>>, Refused> {
        let state = component.state.lock().await;
        let mut record = state.record.clone();
        let stable = record.parts(&record.stable)?.clone();
        let (records, origin) = (self.records.clone(), record.origin.settings.clone());
        let (held, wanted) = (stable.settings.clone(), after.clone());
        let loaded = blocking(move || Ok((records.settings(&origin)?, records.settings(&held)?)));
        let (before, present) = loaded.await?;
        if before == *after {
            return Ok(None);
        }
        if let Some(rollout) = &record.rollout {
            return Err(Refused::InProgressOf(id.to_owned(), rollout.candidate.clone()));
        }
        self.keep_present(component, &record).await?;
        let merged = present.merged(&before, after);
        let (records, staged) = (self.records.clone(), merged.clone());
        let kept = blocking(move || {
            let origin = records.stage_settings(&wanted)?;
            let settings = records.stage_settings(&staged)?;
            records.make_settings_durable(&origin)?;
            records.make_settings_durable(&settings)?;
            Ok((origin, settings))
        });
        let (origin, settings) = kept.await?;
        record.origin.settings = origin;
        if merged == present {
            return Ok(Some(Configured { id, component, state, record, new: None }));
        }
        let ingredients = Ingredients { code: NewCode::InService, settings: merged.clone() };
        let made = component.slot.make(ingredients).await;
        let install = made.map_err(|error| Refused::Invalid(format!("`{id}`: {error:#}")))?;
        let at_ms = now_ms();
        let revision = record.add(Parts { code: stable.code, settings }, at_ms, by);
        record.previous = Some(std::mem::replace(&mut record.stable, revision.clone()));
        let differences = present.differences(&merged, &self.records.key);
        let changed = differences.iter().map(|one| one.key.clone()).collect();
        record.note(at_ms, revision.clone(), by, Event::Configured { changed });
        let applied = Applied { component: id.to_owned(), revision, differences };
        Ok(Some(Configured { id, component, state, record, new: Some((install, applied)) }))
    }

    /// Makes the origin of a change durable, and then the records. After a crash between them, the
    /// next start merges the new origin into each record that is not written yet, as this change does:
    /// the new values are in force in all components, and what was taken back stays taken back. If
    /// something can't be written, what was there before is written again.
    async fn record_all(&self, all: &mut [Configured<'_>], origin: Origin) -> Result<(), Refused> {
        let new: Vec<_> = all.iter().map(|one| (one.id.to_owned(), one.record.clone())).collect();
        let old: Vec<_> =
            all.iter().map(|one| (one.id.to_owned(), one.state.record.clone())).collect();
        let records = self.records.clone();
        blocking(move || {
            let Origin { commit, undo } = origin;
            if let Err(error) = commit() {
                // It may have its new content, and not be durable.
                report(undo(), "the origin");
                return Err(error);
            }
            let written = new.iter().try_for_each(|(id, record)| records.write(id, record));
            if written.is_err() {
                for (id, record) in &old {
                    report(records.write(id, record), id);
                }
                report(undo(), "the origin");
            }
            written
        })
        .await
    }
}

/// Says what could not be written as it was before.
fn report(undone: anyhow::Result<()>, what: &str) {
    if let Err(error) = undone {
        tracing::error!("a change of the configuration can't be undone ({what}): {error:#}");
    }
}
