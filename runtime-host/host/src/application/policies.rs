//! The policies of calls, as the manifest sets them.

use crate::calls::{
    AnswerMemory, AnswerOptions, EdgeContext, EdgeList, Edges, Hedge, Policy, Retry, Rule,
};
use crate::capabilities::outbound_http::{HostPolicies, HostRule};
use crate::capabilities::variables::Variables;
use crate::telemetry::Telemetry;
use anyhow::anyhow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tessera_manifest::hosts::HostPattern;
use tessera_manifest::{App, CallTarget, Component, ComponentId, DEFAULT_POLICY};
use tessera_resilience::{breaker, budget, bulkhead, retry};

/// The time over which retries are compared with calls.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// How the names of components end in URLs.
const INTERNAL: &str = ".spin.internal";

/// All policies of an application, and the edges to which they apply.
pub(super) struct Policies {
    by_name: BTreeMap<String, Arc<Policy>>,
    edges: Arc<EdgeList>,
}

impl Policies {
    /// The answers that they keep may have this size.
    pub(super) fn new(app: &App, telemetry: &Arc<Telemetry>, answers_max_bytes: usize) -> Self {
        let policies = app.settings.policies.iter();
        let by_name =
            policies.map(|(name, policy)| (name.clone(), Arc::new(policy_of(name, policy))));
        let context = EdgeContext {
            telemetry: telemetry.clone(),
            answers: Arc::new(AnswerMemory::new(answers_max_bytes)),
        };
        Self { by_name: by_name.collect(), edges: Arc::new(EdgeList::new(context)) }
    }

    /// The edges that exist, for those who watch them.
    pub(super) fn edges(&self) -> &Arc<EdgeList> {
        &self.edges
    }

    /// Those of the calls of a component to other components. A host below `.spin.internal` is a
    /// component, too: which one may depend on a variable.
    pub(super) fn of_calls(
        &self,
        app: &App,
        component: &Component,
        variables: &Variables,
    ) -> anyhow::Result<Edges> {
        let mut rules = Vec::new();
        for call in &component.settings.calls {
            let Some(policy) = self.named(&call.policy) else { continue };
            let callees = match &call.to {
                CallTarget::Component(callee) => vec![callee.clone()],
                CallTarget::Host(text) => internal(app, rendered(text, variables)?),
            };
            rules.extend(callees.into_iter().map(|callee| Rule {
                callee,
                functions: call.functions.clone(),
                policy: policy.clone(),
            }));
        }
        let caller = component.id.as_str().into();
        Ok(Edges::new(caller, rules, self.named(DEFAULT_POLICY), self.edges.clone()))
    }

    /// Those of the requests of a component to other hosts.
    pub(super) fn of_hosts(
        &self,
        component: &Component,
        variables: &Variables,
    ) -> anyhow::Result<HostPolicies> {
        let mut rules = Vec::new();
        for call in &component.settings.calls {
            let CallTarget::Host(text) = &call.to else { continue };
            let Some(policy) = self.named(&call.policy) else { continue };
            let pattern = rendered(text, variables)?;
            rules.extend(pattern.map(|pattern| HostRule { pattern, policy }));
        }
        let caller = component.id.as_str().into();
        let default = self.named(DEFAULT_POLICY);
        Ok(HostPolicies::new(caller, rules, default, self.edges.clone()))
    }

    /// That of calls from outside.
    pub(super) fn inbound(&self, component: &Component) -> Option<Arc<crate::calls::Edge>> {
        let policy = self.named(component.settings.inbound.as_deref()?)?;
        Some(self.edges.add_inbound(component.id.as_str().into(), policy))
    }

    fn named(&self, name: &str) -> Option<Arc<Policy>> {
        self.by_name.get(name).cloned()
    }
}

/// The hosts of an entry of `calls`; `None` if the value of a variable leaves none.
fn rendered(text: &str, variables: &Variables) -> anyhow::Result<Option<HostPattern>> {
    let rendered = variables.render(text)?;
    HostPattern::parse_rendered(&rendered)
        .map_err(|error| anyhow!("calls: `{rendered}`: {}; {}", error.message, error.hint))
}

/// The components that a pattern names by their internal hosts.
fn internal(app: &App, pattern: Option<HostPattern>) -> Vec<ComponentId> {
    let is_internal = |pattern: &HostPattern| {
        let (host, _) = pattern.authority().split_once(':').unwrap_or((pattern.authority(), ""));
        host.ends_with(INTERNAL)
    };
    let Some(pattern) = pattern.filter(is_internal) else { return Vec::new() };
    let names = |id: &&ComponentId| pattern.matches_name(&format!("{id}{INTERNAL}"));
    app.components.keys().filter(names).cloned().collect()
}

/// A policy of the manifest in the units of the host.
fn policy_of(name: &str, policy: &tessera_manifest::Policy) -> Policy {
    Policy {
        name: name.to_owned(),
        timeout: policy.timeout_ms.map(Duration::from_millis),
        retry: policy.retry.as_ref().map(retry_of),
        hedge: policy.hedge.map(|hedge| Hedge {
            delay: Duration::from_millis(hedge.delay_ms),
            budget: retry_of(&policy.retry.unwrap_or_default()).budget,
        }),
        answers: policy.cache.map(|cache| AnswerOptions {
            age_max: Duration::from_millis(cache.age_max_ms),
            stale_max: Duration::from_millis(cache.stale_max_ms),
            size_max_bytes: (cache.size_max_kib as usize) << 10,
        }),
        breaker: policy.breaker.as_ref().map(breaker_of),
        bulkhead: policy.bulkhead.as_ref().map(|limit| bulkhead::Options {
            concurrency_max: limit.concurrency_max as usize,
            queue_length_max: limit.queue_length_max as usize,
            ..bulkhead::Options::default()
        }),
    }
}

fn retry_of(retry: &tessera_manifest::Retry) -> Retry {
    Retry {
        pauses: retry::Options {
            attempts_max: number(retry.attempts_max),
            backoff: Duration::from_millis(retry.backoff_ms),
            backoff_max: Duration::from_millis(retry.backoff_max_ms),
            retry_after_max: Duration::from_millis(retry.retry_after_max_ms),
        },
        budget: budget::Options {
            percent: number(retry.budget_percent),
            min_per_second: number(retry.budget_min_per_second),
            window: BUDGET_WINDOW,
        },
    }
}

fn breaker_of(breaker: &tessera_manifest::Breaker) -> breaker::Options {
    breaker::Options {
        consecutive_failures: number(breaker.consecutive_failures),
        failure_percent: number(breaker.failure_percent),
        calls_min: number(breaker.calls_min),
        window: Duration::from_millis(breaker.window_ms),
        open: Duration::from_millis(breaker.open_ms),
        open_max: Duration::from_millis(breaker.open_max_ms),
        probes: number(breaker.probes),
    }
}

fn number(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
