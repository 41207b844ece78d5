//! What configurations of components are applied with: what all of them share.

use super::configuration::{Configuration, Text};
use super::incarnation;
use super::limits::{self, OperatorLimits};
use super::policies::{self, Policies};
use super::slots::{Configured, Present};
use crate::calls::{Admission, EdgeList, Limits, Terms};
use crate::capabilities::outbound_http::{NetworkContext, Outbound, RequestPolicies};
use crate::capabilities::redis::Servers;
use crate::capabilities::variables::Variables;
use crate::capabilities::{DatabaseServers, Grants};
use crate::engine::ComponentContext;
use crate::telemetry::Telemetry;
use anyhow::bail;
use std::sync::Arc;
use tessera_manifest::hosts::HostPattern;
use tessera_manifest::{App, Component, ComponentId};

/// What all components share.
pub(super) struct Site {
    pub(super) app: Arc<App>,
    /// The environment variables that the operator chose for all components.
    pub(super) environment: Vec<(String, String)>,
    pub(super) incarnation: u64,
    pub(super) limits: OperatorLimits,
    pub(super) network: Arc<NetworkContext>,
    pub(super) edges: Arc<EdgeList>,
    pub(super) telemetry: Arc<Telemetry>,
}

impl Site {
    /// The environment of a component.
    pub(super) fn environment(&self, configuration: &Configuration) -> Vec<(String, String)> {
        let mut environment: Vec<_> = configuration.environment.clone().into_iter().collect();
        environment.extend(self.environment.iter().cloned());
        if self.app.settings.declared {
            incarnation::announce(&mut environment, self.incarnation);
        }
        environment
    }

    /// The limits of a component.
    pub(super) fn limits(&self, id: &ComponentId, configuration: &Configuration) -> Limits {
        let (declared, is_command) = (self.app.settings.declared, self.is_command(id));
        limits::resolve(&configuration.limits, declared, &self.limits, is_command)
    }

    /// Whether a component is the application's command.
    pub(super) fn is_command(&self, id: &ComponentId) -> bool {
        self.app.command.as_ref().is_some_and(|one| one.component == *id)
    }

    /// The policies of a component.
    pub(super) fn policies(
        &self,
        id: &ComponentId,
        configuration: &Configuration,
    ) -> anyhow::Result<Policies> {
        Policies::new(&self.app, id, &configuration.policies, &self.edges)
    }

    /// The hosts that a component may reach.
    pub(super) fn outbound(
        &self,
        component: &Component,
        configuration: &Configuration,
        policies: Arc<RequestPolicies>,
    ) -> anyhow::Result<Outbound> {
        let hosts = configuration.allowed_outbound_hosts.iter();
        let allowed = hosts.map(|text| self.allowed(component, text));
        let allowed: Vec<_> = allowed.collect::<anyhow::Result<_>>()?;
        let allowed = allowed.into_iter().flatten().collect();
        Ok(Outbound::new(allowed, policies, self.network.clone()))
    }

    fn allowed(&self, component: &Component, text: &Text) -> anyhow::Result<Option<HostPattern>> {
        let error = match HostPattern::parse_rendered(text.as_str()) {
            Ok(pattern) => return Ok(pattern),
            Err(error) => error,
        };
        let (shown, reason) = (policies::shown(text), format!("{}; {}", error.message, error.hint));
        if self.app.settings.declared {
            bail!("allowed_outbound_hosts: {shown}: {reason}");
        }
        // As in stock Spin: the rest of an application may not need what its variables name.
        tracing::warn!(
            component = %component.id,
            "allowed_outbound_hosts: {shown} allows nothing: {reason}"
        );
        Ok(None)
    }

    /// Another configuration of a component. What it has in common with the present one keeps its
    /// state.
    pub(super) fn reconfigured(
        &self,
        component: &Component,
        present: &Present,
        configuration: Configuration,
    ) -> anyhow::Result<(ComponentContext, Grants, Configured, Arc<Terms>)> {
        let before = &present.configured;
        let policies = match configuration.policies == before.configuration.policies {
            true => before.policies.clone(),
            false => self.policies(&component.id, &configuration)?,
        };
        let context = &present.revision.component;
        let limits = match configuration.limits == before.configuration.limits {
            true => context.limits.clone(),
            false => self.limits(&component.id, &configuration),
        };
        let admission = match configuration.limits == before.configuration.limits {
            true => present.terms.admission.clone(),
            false => Arc::new(Admission::new(
                context.id.clone(),
                limits.clone(),
                context.cycle,
                self.telemetry.clone(),
            )),
        };
        let terms = Arc::new(Terms { admission, inbound: policies.inbound.clone() });
        let outbound = self.outbound(component, &configuration, policies.requests.clone())?;
        let context = ComponentContext {
            id: context.id.clone(),
            limits,
            cycle: context.cycle,
            environment: self.environment(&configuration),
            role: context.role.clone(),
            files: context.files.clone(),
            output: context.output.clone(),
            telemetry: context.telemetry.clone(),
            usage: context.usage.clone(),
        };
        let grants = present.revision.grants();
        let grants = Grants {
            stores: grants.stores.clone(),
            databases: grants.databases.clone(),
            models: grants.models.clone(),
            llm: grants.llm.clone(),
            outbound: Arc::new(outbound),
            redis: Servers::default(),
            servers: DatabaseServers::default(),
            variables: Variables::new(configuration.values()),
        };
        Ok((context, grants, Configured { configuration, policies }, terms))
    }
}
