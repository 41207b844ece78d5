//! The policies of calls, as the configuration of a component sets them.

use super::configuration::{self, Named, Target, Text};
use crate::calls::{
    AnswerMemory, AnswerOptions, Edge, EdgeContext, EdgeList, Edges, Hedge, Policy, Retry, Rule,
};
use crate::capabilities::outbound_http::{HostPolicies, HostRule, RequestPolicies};
use crate::telemetry::Telemetry;
use anyhow::anyhow;
use std::sync::Arc;
use std::time::Duration;
use tessera_manifest::hosts::HostPattern;
use tessera_manifest::{App, ComponentId};
use tessera_resilience::{breaker, budget, bulkhead, retry};

/// The time over which retries are compared with calls.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// How the names of components end in URLs.
const INTERNAL: &str = ".spin.internal";

/// The edges of an application. The answers that they keep may have this size.
pub(super) fn edges(telemetry: &Arc<Telemetry>, answers_max_bytes: usize) -> Arc<EdgeList> {
    let context = EdgeContext {
        telemetry: telemetry.clone(),
        answers: Arc::new(AnswerMemory::new(answers_max_bytes)),
    };
    Arc::new(EdgeList::new(context))
}

/// The policies of one component, with their state: circuit breakers, budgets, kept answers.
#[derive(Clone)]
pub(super) struct Policies {
    pub(super) requests: Arc<RequestPolicies>,
    /// That of calls from outside.
    pub(super) inbound: Option<Arc<Edge>>,
    /// Where they are shown.
    list: Arc<EdgeList>,
}

impl Policies {
    /// Policies of a revision of a component that is not in service yet.
    pub(super) fn new(
        app: &App,
        id: &ComponentId,
        policies: &configuration::Policies,
        edges: &EdgeList,
    ) -> anyhow::Result<Self> {
        let list = edges.of_revision();
        let maker = Maker { app, id, policies, list: &list };
        let requests = RequestPolicies { components: maker.of_calls()?, hosts: maker.of_hosts()? };
        let inbound = policies.inbound.as_ref();
        let inbound = inbound.map(|named| list.add_inbound(id.as_str().into(), policy_of(named)));
        Ok(Self { requests: Arc::new(requests), inbound, list })
    }

    /// The revision goes into service, or out of it.
    pub(super) fn set_in_use(&self, in_use: bool) {
        self.list.set_in_use(in_use);
    }
}

/// Makes the policies of a component.
struct Maker<'a> {
    app: &'a App,
    id: &'a ComponentId,
    policies: &'a configuration::Policies,
    list: &'a Arc<EdgeList>,
}

impl Maker<'_> {
    /// Those of its calls to other components. A host below `.spin.internal` is a component, too:
    /// which one may depend on a variable.
    fn of_calls(&self) -> anyhow::Result<Edges> {
        let mut rules = Vec::new();
        for call in &self.policies.calls {
            let policy = policy_of(&call.policy);
            let callees = match &call.to {
                Target::Component(callee) => vec![callee.clone()],
                Target::Host(text) => internal(self.app, pattern(text)?),
            };
            rules.extend(callees.into_iter().map(|callee| Rule {
                callee,
                functions: call.functions.clone(),
                policy: policy.clone(),
            }));
        }
        Ok(Edges::new(self.id.as_str().into(), rules, self.default(), self.list.clone()))
    }

    /// Those of its requests to other hosts.
    fn of_hosts(&self) -> anyhow::Result<HostPolicies> {
        let mut rules = Vec::new();
        for call in &self.policies.calls {
            let Target::Host(text) = &call.to else { continue };
            let policy = policy_of(&call.policy);
            rules.extend(pattern(text)?.map(|pattern| HostRule { pattern, policy }));
        }
        Ok(HostPolicies::new(self.id.as_str().into(), rules, self.default(), self.list.clone()))
    }

    fn default(&self) -> Option<Arc<Policy>> {
        self.policies.default.as_ref().map(policy_of)
    }
}

/// The hosts of an entry of `calls`; `None` if the value of a variable leaves none.
fn pattern(text: &Text) -> anyhow::Result<Option<HostPattern>> {
    HostPattern::parse_rendered(text.as_str())
        .map_err(|error| anyhow!("calls: {}: {}; {}", shown(text), error.message, error.hint))
}

/// A text as errors show it.
pub(super) fn shown(text: &Text) -> String {
    match text {
        Text::Open(text) => format!("`{text}`"),
        Text::Secret { .. } => "an entry with a secret".to_owned(),
    }
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
fn policy_of(Named { name, policy }: &Named) -> Arc<Policy> {
    Arc::new(Policy {
        name: name.clone(),
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
    })
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
