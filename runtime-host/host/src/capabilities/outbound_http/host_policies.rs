//! Which policy applies to a request to another host.

use crate::calls::{Edge, EdgeList, Policy};
use http::Uri;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tessera_manifest::hosts::HostPattern;

/// Hosts with a state of their own, for each component. A pattern may match any number of them.
const HOSTS_MAX: usize = 1_024;

/// A policy for some hosts.
pub(crate) struct HostRule {
    pub(crate) pattern: HostPattern,
    pub(crate) policy: Arc<Policy>,
}

/// The policies of a component's requests to other hosts.
pub(crate) struct HostPolicies {
    caller: Arc<str>,
    /// The first one that fits a request counts.
    rules: Vec<HostRule>,
    default: Option<Arc<Policy>>,
    /// By scheme and authority.
    made: Mutex<HashMap<String, Arc<Edge>>>,
    list: Arc<EdgeList>,
}

impl HostPolicies {
    pub(crate) fn new(
        caller: Arc<str>,
        rules: Vec<HostRule>,
        default: Option<Arc<Policy>>,
        list: Arc<EdgeList>,
    ) -> Self {
        Self { caller, rules, default, made: Mutex::default(), list }
    }

    /// The edge of a request to this URI; each host has its own. `label` is the name of the callee
    /// in metrics. `None` if no policy applies.
    pub(super) fn to(&self, uri: &Uri, label: &str) -> Option<Arc<Edge>> {
        let (scheme, host) = (uri.scheme_str().unwrap_or("http"), uri.host()?);
        let fits = |rule: &&HostRule| rule.pattern.matches(scheme, host, uri.port_u16());
        let rule = self.rules.iter().find(fits).map(|rule| &rule.policy);
        let policy = rule.or(self.default.as_ref())?;
        let key = format!("{scheme}://{}", uri.authority()?);
        let mut made = self.made.lock();
        if let Some(edge) = made.get(&key) {
            return Some(edge.clone());
        }
        if made.len() >= HOSTS_MAX {
            // Those that are not in use begin anew when they are, unless an operator has decided.
            made.retain(|_, edge| Arc::strong_count(edge) > 1 || edge.is_forced());
        }
        let edge = self.list.add(self.caller.clone(), label.into(), Vec::new(), policy.clone());
        made.insert(key, edge.clone());
        Some(edge)
    }
}
