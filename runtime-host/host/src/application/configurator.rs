//! Changes the configuration of an application that runs.
//!
//! A change is checked whole before any of it has an effect: the manifest and the files are read, all
//! variables are resolved, the new revisions are made. If something is wrong, what is in force stays
//! in force.

use super::configuration::{Configuration, Text};
use super::effective_policies::of_configuration;
use super::generated::Generated;
use super::operator_values::OperatorValues;
use super::slots::Workshop;
use super::variables::{self, VariableFlag};
use super::{Options, configuration, instances, middleware, redis};
use crate::admin::EffectivePolicy;
use crate::capabilities::variables::{Sources, Values};
use crate::rollouts::{self, Applied, Change, Origin, Refused, Rollouts, Settings, now_ms};
use crate::runtime_config::{self, RuntimeConfig};
use anyhow::{Context as _, anyhow, ensure};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tessera_manifest::{App, ComponentId};
use tokio::sync::Mutex;

/// Reads the manifest and the values of flags again.
pub(crate) type Reread = Arc<dyn Fn() -> anyhow::Result<(App, Vec<VariableFlag>)> + Send + Sync>;

/// Changes the configuration of an application.
pub(super) struct Configurator {
    workshop: Arc<Workshop>,
    rollouts: Arc<Rollouts>,
    started: Started,
    present: Mutex<Inputs>,
}

/// What the application was started with, and what stays so.
pub(super) struct Started {
    pub(super) options: Options,
    pub(super) state_dir: PathBuf,
    pub(super) own_address: SocketAddr,
    /// The text of the runtime configuration file, if there is one.
    pub(super) runtime_config: Option<String>,
}

/// What configurations are made from.
#[derive(Clone)]
pub(super) struct Inputs {
    /// The manifest, as it is written.
    pub(super) written: App,
    /// The same after middleware got its own components.
    pub(super) app: Arc<App>,
    pub(super) sources: Sources,
    pub(super) operator: OperatorValues,
}

impl Inputs {
    pub(super) fn new(mut app: App, sources: Sources, operator: OperatorValues) -> Self {
        let written = app.clone();
        middleware::separate(&mut app);
        Self { written, app: Arc::new(app), sources, operator }
    }

    /// The sources, with what an operator has set.
    pub(super) fn all(&self) -> Sources {
        let mut sources = self.sources.clone();
        sources.set_operator(self.operator.by_name());
        sources
    }
}

impl Configurator {
    pub(super) fn new(
        workshop: Arc<Workshop>,
        rollouts: Arc<Rollouts>,
        started: Started,
        present: Inputs,
    ) -> Self {
        Self { workshop, rollouts, started, present: Mutex::new(present) }
    }

    /// Reads the policies of all calls that are in force.
    pub(super) fn policies(&self) -> Arc<dyn Fn() -> Vec<EffectivePolicy> + Send + Sync> {
        let (app, workshop) = (self.workshop.site.app.clone(), self.workshop.clone());
        Arc::new(move || {
            let rows = workshop.revisions.iter().filter_map(|(id, revisions)| {
                let configured = revisions.stable().configured;
                let policies = &configured.configuration.policies;
                Some(of_configuration(&app, app.components.get(id)?, policies))
            });
            rows.flatten().collect()
        })
    }

    async fn change_values(
        &self,
        values: rollouts::Values,
        by: String,
    ) -> Result<Vec<Applied>, Refused> {
        let rollouts::Values { set, unset } = values;
        let mut present = self.present.lock().await;
        // A value outlives the declaration of its variable, so that it can be declared again.
        let is_set = |name: &&String| present.operator.values.contains_key(*name);
        let names = set.keys().chain(unset.iter().filter(|name| !is_set(name)));
        variables::check_declared(&present.app, names).map_err(invalid)?;
        let operator = present.operator.changed(set, &unset, (now_ms(), &by));
        let inputs = Inputs { operator, ..present.clone() };
        self.apply(&mut present, inputs, by).await
    }

    async fn reread(&self, by: String) -> Result<Vec<Applied>, Refused> {
        let mut present = self.present.lock().await;
        let inputs = self.read(&present).await.map_err(invalid)?;
        self.apply(&mut present, inputs, by).await
    }

    /// Reads all files again.
    async fn read(&self, present: &Inputs) -> anyhow::Result<Inputs> {
        let (reread, config) =
            (self.started.options.reread.clone(), self.started.options.runtime_config_file.clone());
        let started_with = self.started.runtime_config.clone();
        let files = tokio::task::spawn_blocking(move || {
            anyhow::Ok((reread()?, config_again(config.as_deref(), started_with.as_deref())?))
        });
        let ((app, flags), config) = files.await??;
        let keys = tessera_manifest::needs_restart(&present.written, &app);
        ensure!(
            keys.is_empty(),
            "{} has changed in `{}`, which needs a restart of the host; the code of a component is \
             changed by `tessera deploy`. Nothing was changed",
            app.origin.path().display(),
            keys.join("`, `")
        );
        let sources = variables::sources(&app, &flags, &config).await?;
        Ok(Inputs::new(app, sources, present.operator.clone()))
    }

    /// Checks and applies a change. It counts if it is applied.
    async fn apply(
        &self,
        present: &mut Inputs,
        inputs: Inputs,
        by: String,
    ) -> Result<Vec<Applied>, Refused> {
        let decided = self.decide(&inputs);
        let (values, generated) = decided.map_err(invalid)?;
        let (before, _) = self.decide(present).map_err(invalid)?;
        let settings = self.checked(present, &inputs, (&before, &values)).map_err(invalid)?;
        let origin = self.origin(present, &inputs, generated);
        let applied = self.rollouts.configure(Change { settings, by, origin }).await?;
        *present = inputs;
        Ok(applied)
    }

    /// Writes what an operator has set, or what was set before. Secrets that are generated stay: the
    /// next change uses them.
    fn origin(&self, present: &Inputs, inputs: &Inputs, generated: Generated) -> Origin {
        let (before, after) = (present.operator.clone(), inputs.operator.clone());
        let (state_dir, same) = (self.started.state_dir.clone(), self.started.state_dir.clone());
        let commit = Box::new(move || {
            generated.keep(&state_dir)?;
            after.write(&state_dir)
        });
        Origin { commit, undo: Box::new(move || before.write(&same)) }
    }

    /// The values of all variables, and secrets that are generated.
    fn decide(&self, inputs: &Inputs) -> anyhow::Result<(Values, Generated)> {
        let Started { options, state_dir, own_address, .. } = &self.started;
        variables::decide(&inputs.app, options, inputs.all(), state_dir, *own_address)
    }

    /// The configurations of all components, if they can be in force together.
    fn checked(
        &self,
        present: &Inputs,
        inputs: &Inputs,
        (before, after): (&Values, &Values),
    ) -> anyhow::Result<BTreeMap<ComponentId, Settings>> {
        let (app, ids) = (&inputs.app, self.ids());
        let settings = configuration::all(app, &ids, after)?;
        instances::check(app, &ids, after, self.started.options.engine.capacity.instances_max)?;
        let channels = redis::rendered(&present.app, &ids, before)?;
        ensure!(
            channels == redis::rendered(app, &ids, after)?,
            "a value in `trigger.redis` has changed, which needs a restart of the host. Nothing was \
             changed"
        );
        self.check_cycles(&settings)?;
        Ok(settings)
    }

    fn check_cycles(&self, settings: &BTreeMap<ComponentId, Settings>) -> anyhow::Result<()> {
        let mut outbound = BTreeMap::new();
        for (id, settings) in settings {
            let configuration = Configuration::read(settings)?;
            let component =
                self.workshop.site.app.components.get(id).context("it is not part of it")?;
            let policies = self.workshop.site.policies(id, &configuration);
            let made = policies.and_then(|policies| {
                self.workshop.site.outbound(component, &configuration, policies.requests)
            });
            outbound.insert(id, Arc::new(made.with_context(|| format!("`{id}`"))?));
        }
        self.workshop.check_cycles(&outbound)
    }

    fn ids(&self) -> BTreeSet<ComponentId> {
        self.workshop.revisions.keys().cloned().collect()
    }

    /// The values of variables, and the configurations in force.
    async fn show(&self) -> Result<Value, Refused> {
        let present = self.present.lock().await;
        let (values, _) = self.decide(&present).map_err(invalid)?;
        let mut shown = Vec::new();
        for (name, variable) in &present.app.variables {
            let text = Text::of(values.get(name).unwrap_or_default(), variable.secret);
            let operator = present.operator.values.get(name);
            shown.push(json!({
                "name": name,
                "value": self.rollouts.shown(&Settings::new(text).map_err(anyhow::Error::from)?),
                "set_by": operator.map(|one| &one.by),
                "set_at_ms": operator.map(|one| one.at_ms),
            }));
        }
        for (name, one) in &present.operator.values {
            if present.app.variables.contains_key(name) {
                continue;
            }
            // Whether it is a secret is not known any more.
            let text = Text::of(&one.value, true);
            shown.push(json!({
                "name": name,
                "value": self.rollouts.shown(&Settings::new(text).map_err(anyhow::Error::from)?),
                "set_by": one.by,
                "set_at_ms": one.at_ms,
                "is_undeclared": true,
            }));
        }
        let components = self.rollouts.configurations().await?;
        Ok(json!({ "variables": shown, "components": components }))
    }
}

impl rollouts::Configurator for Configurator {
    fn set(
        &self,
        values: rollouts::Values,
        by: String,
    ) -> BoxFuture<'_, Result<Vec<Applied>, Refused>> {
        Box::pin(self.change_values(values, by))
    }

    fn reload(&self, by: String) -> BoxFuture<'_, Result<Vec<Applied>, Refused>> {
        Box::pin(self.reread(by))
    }

    fn shown(&self) -> BoxFuture<'_, Result<Value, Refused>> {
        Box::pin(self.show())
    }
}

/// The runtime configuration, read again. It differs from the one at the start in the providers of
/// variables at most.
fn config_again(path: Option<&Path>, started_with: Option<&str>) -> anyhow::Result<RuntimeConfig> {
    let Some(path) = path else { return Ok(RuntimeConfig::default()) };
    let config = RuntimeConfig::load(path);
    let config = config.map_err(|errors| anyhow!("{}", format!("{errors:#}").trim_end()))?;
    let (before, after) = (started_with.unwrap_or_default(), config.text.as_deref());
    let keys = runtime_config::needs_restart(before, after.unwrap_or_default());
    ensure!(
        keys.is_empty(),
        "{} has changed in `{}`, which needs a restart of the host. Nothing was changed",
        path.display(),
        keys.join("`, `")
    );
    Ok(config)
}

fn invalid(error: anyhow::Error) -> Refused {
    Refused::Invalid(format!("{error:#}"))
}
