//! An application in service.

use super::configurator::Configurator;
use super::state_dir::StateDir;
use crate::admin::{AdminState, ApplicationName, ComponentStatus, TrafficCache};
use crate::calls::EdgeList;
use crate::chaos::{Faults, FaultyDeliveries};
use crate::engine::{FunctionName, Functions, InstanceBudget};
use crate::feature_flags::FeatureFlags;
use crate::message::Http;
use crate::readiness::Readiness;
use crate::registry::Registry;
use crate::rollouts::{self, Rollouts};
use crate::runtime_config::OpenStores;
use crate::telemetry::Telemetry;
use crate::triggers::command::Command;
use crate::triggers::cron::CronTriggers;
use crate::triggers::events::Deliverer;
use crate::triggers::hooks::Hooks;
use crate::triggers::http::Service;
use crate::triggers::redis::RedisTriggers;
use crate::triggers::runs::RunList;
use crate::triggers::schedule::Schedules;
use std::path::Path;
use std::sync::Arc;
use tessera_events::Log;
use tessera_events::delivery::{self, Handle};
use tessera_events::embedded::Embedded;
use tessera_manifest::{App, Handler, Route};
use tokio::sync::watch;

/// An application in service.
pub(crate) struct Running {
    pub(super) app: Arc<App>,
    pub(super) state_dir: StateDir,
    pub(super) registry: Arc<Registry<Http>>,
    pub(super) redis: RedisTriggers,
    pub(super) functions: Arc<Registry<Functions>>,
    /// The function that runs the application's command.
    pub(super) command: Option<FunctionName>,
    pub(super) components: Arc<[ComponentStatus]>,
    pub(super) rollouts: Arc<Rollouts>,
    pub(super) configurator: Arc<Configurator>,
    pub(super) edges: Arc<EdgeList>,
    pub(super) flags: Arc<FeatureFlags>,
    /// What an operator lets fail; `None` if the host has no such faults.
    pub(super) faults: Option<Arc<Faults>>,
    pub(super) runs: RunList,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) stores: OpenStores,
    pub(super) budget: Arc<InstanceBudget>,
    /// None if no component uses events.
    pub(super) events: Option<Arc<Embedded>>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) service: Arc<Service>,
}

impl Running {
    pub(crate) fn name(&self) -> &str {
        &self.app.name
    }

    /// The number of components in service.
    pub(crate) fn components(&self) -> usize {
        self.components.len()
    }

    /// Whether there is an event log.
    pub(crate) fn has_events(&self) -> bool {
        self.events.is_some()
    }

    pub(crate) fn state_dir(&self) -> &Path {
        self.state_dir.path()
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        self.service.clone()
    }

    pub(crate) fn telemetry(&self) -> Arc<Telemetry> {
        self.telemetry.clone()
    }

    /// The state that the admin listener shows.
    pub(crate) fn admin_state(&self) -> AdminState {
        AdminState {
            application: ApplicationName {
                name: self.app.name.clone(),
                version: self.app.version.clone(),
                state_dir: self.state_dir().to_owned(),
            }
            .into(),
            telemetry: self.telemetry.clone(),
            traffic: TrafficCache::default(),
            policies: self.configurator.policies(),
            configurator: self.configurator.clone(),
            runs: self.runs.clone(),
            components: self.components.clone(),
            rollouts: self.rollouts.clone(),
            edges: self.edges.clone(),
            flags: self.flags.clone(),
            faults: self.faults.clone(),
            budget: self.budget.clone(),
            events: self.events.clone().map(|log| log as Arc<dyn Log>),
            readiness: self.readiness.clone(),
        }
    }

    /// The rollouts of new revisions.
    pub(crate) fn rollouts(&self) -> Arc<Rollouts> {
        self.rollouts.clone()
    }

    /// Changes the configuration of components.
    pub(crate) fn configurator(&self) -> Arc<dyn rollouts::Configurator> {
        self.configurator.clone()
    }

    /// Whether the host is ready for new requests.
    pub(crate) fn readiness(&self) -> Arc<Readiness> {
        self.readiness.clone()
    }

    /// Public routes and their handlers.
    pub(crate) fn routes(&self) -> Vec<(String, String)> {
        let shown = |trigger: &tessera_manifest::HttpTrigger| {
            let Route::Path(route) = &trigger.route else { return None };
            let handler = match &trigger.handler {
                Handler::Component(id) => id.clone(),
                Handler::Static(_) => "(static response)".to_owned(),
            };
            Some((route.clone(), handler))
        };
        self.app.http.iter().filter_map(shown).collect()
    }

    /// The hooks of components, called by the host.
    pub(crate) fn hooks(&self) -> Hooks {
        Hooks::of(&self.app, self.registry.clone())
    }

    /// The Redis triggers.
    pub(crate) fn redis(&self) -> RedisTriggers {
        self.redis.clone()
    }

    /// Runs the schedules and cron triggers of components, until the application stops.
    pub(crate) fn schedules(
        &self,
        stop: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (runs, telemetry) = (&self.runs, &self.telemetry);
        let schedules = Schedules::new(runs.clone(), self.registry.clone(), telemetry.clone());
        let cron = CronTriggers::new(runs.clone(), self.functions.clone(), telemetry.clone());
        async move {
            tokio::join!(schedules.run(stop.clone()), cron.run(stop));
        }
    }

    /// The command of the application.
    pub(crate) fn command(&self) -> Option<Command> {
        let trigger = self.app.command.as_ref()?;
        let (registry, component) = (self.functions.clone(), trigger.component.clone());
        Some(Command { registry, component, function: self.command.clone()? })
    }

    /// Starts to deliver events.
    pub(crate) fn deliver(&self) -> Option<Handle> {
        let deliverer =
            Deliverer { registry: self.registry.clone(), telemetry: self.telemetry.clone() };
        let deliverer = FaultyDeliveries::new(deliverer, self.faults.clone());
        let queue = self.events.clone()?;
        #[cfg(feature = "fault-points")]
        let (queue, deliverer) = (
            Arc::new(crate::fault_points::FaultyQueue(queue)),
            crate::fault_points::DuplicateDeliveries::new(deliverer),
        );
        Some(delivery::Service::new(queue, Arc::new(deliverer)).start())
    }

    /// Finishes all writes and closes the stores, and then the event log.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.stores.close().await?;
        if let Some(log) = self.events {
            log.close().await?;
        }
        Ok(())
    }
}
