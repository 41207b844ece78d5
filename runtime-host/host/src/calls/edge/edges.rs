//! Which policy applies to a call of a component, and the edges that exist.

use super::{Edge, EdgeContext, EdgeView, Policy};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use tessera_resilience::breaker::Mode;

/// A policy for some of the calls of a component.
pub(crate) struct Rule {
    pub(crate) callee: String,
    /// As `interface.function`; empty for all.
    pub(crate) functions: Vec<String>,
    pub(crate) policy: Arc<Policy>,
}

/// A callee, and the rule for its calls; `None` for the default.
type RuledCallee = (String, Option<usize>);

/// The calls of one component to other components.
pub(crate) struct Edges {
    caller: Arc<str>,
    /// The first one that fits a call counts.
    rules: Vec<Rule>,
    default: Option<Arc<Policy>>,
    /// By callee and rule. At most one for each component and rule.
    made: Mutex<BTreeMap<RuledCallee, Arc<Edge>>>,
    list: Arc<EdgeList>,
}

impl Edges {
    pub(crate) fn new(
        caller: Arc<str>,
        rules: Vec<Rule>,
        default: Option<Arc<Policy>>,
        list: Arc<EdgeList>,
    ) -> Self {
        Self { caller, rules, default, made: Mutex::default(), list }
    }

    /// The edge of a call to this component; `function` is that of a link. `None` if no policy
    /// applies.
    pub(crate) fn to(&self, callee: &str, function: Option<&str>) -> Option<Arc<Edge>> {
        let rule = self.rules.iter().position(|rule| rule.fits(callee, function));
        let (functions, policy) = match rule.and_then(|index| self.rules.get(index)) {
            Some(rule) => (rule.functions.clone(), rule.policy.clone()),
            None => (Vec::new(), self.default.clone()?),
        };
        let mut made = self.made.lock();
        let edge = made.entry((callee.to_owned(), rule)).or_insert_with(|| {
            self.list.add(self.caller.clone(), callee.into(), functions, policy)
        });
        Some(edge.clone())
    }
}

impl Rule {
    fn fits(&self, callee: &str, function: Option<&str>) -> bool {
        let is_named = |name: &str| self.functions.iter().any(|one| one == name);
        self.callee == callee && (self.functions.is_empty() || function.is_some_and(is_named))
    }
}

/// The edges that an operator meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Switched {
    /// Those with a circuit breaker: it is switched.
    pub(crate) breakers: usize,
    pub(crate) without_breaker: usize,
}

/// All edges that exist.
pub(crate) struct EdgeList {
    context: EdgeContext,
    edges: Arc<Mutex<Vec<Listed>>>,
    in_use: Arc<AtomicBool>,
}

/// An edge, and whether it is one of a revision in service.
struct Listed {
    edge: Weak<Edge>,
    in_use: Arc<AtomicBool>,
}

impl EdgeList {
    pub(crate) fn new(context: EdgeContext) -> Self {
        Self { context, edges: Arc::default(), in_use: Arc::new(AtomicBool::new(true)) }
    }

    /// The same list, to which the edges of one revision are added. They are shown, and an operator
    /// can switch them, as long as it is in use; at first it is not.
    pub(crate) fn of_revision(&self) -> Arc<Self> {
        let (context, edges) = (self.context.clone(), self.edges.clone());
        Arc::new(Self { context, edges, in_use: Arc::default() })
    }

    /// The revision goes into service, or out of it.
    pub(crate) fn set_in_use(&self, in_use: bool) {
        self.in_use.store(in_use, Ordering::Relaxed);
    }

    /// Makes an edge.
    pub(crate) fn add(
        &self,
        caller: Arc<str>,
        callee: Arc<str>,
        functions: Vec<String>,
        policy: Arc<Policy>,
    ) -> Arc<Edge> {
        self.keep(Edge::new(caller, callee, functions, policy, &self.context))
    }

    /// Makes the edge of calls from outside.
    pub(crate) fn add_inbound(&self, callee: Arc<str>, policy: Arc<Policy>) -> Arc<Edge> {
        self.keep(Edge::inbound(callee, policy, &self.context))
    }

    fn keep(&self, edge: Edge) -> Arc<Edge> {
        let edge = Arc::new(edge);
        let mut edges = self.edges.lock();
        edges.retain(|listed| listed.edge.strong_count() > 0);
        edges.push(Listed { edge: Arc::downgrade(&edge), in_use: self.in_use.clone() });
        edge
    }

    fn in_use(&self) -> Vec<Arc<Edge>> {
        let edges = self.edges.lock();
        let in_use = edges.iter().filter(|listed| listed.in_use.load(Ordering::Relaxed));
        in_use.filter_map(|listed| listed.edge.upgrade()).collect()
    }

    /// Changes who decides about circuit breakers: of the calls from one component to a callee, and
    /// only of those of one function, if it is given.
    pub(crate) fn set_mode(
        &self,
        caller: &str,
        callee: &str,
        function: Option<&str>,
        mode: Mode,
    ) -> Switched {
        let mut switched = Switched::default();
        for edge in self.in_use() {
            let fits = |function| edge.functions.iter().any(|one| one == function);
            if *edge.caller == *caller && *edge.callee == *callee && function.is_none_or(fits) {
                let count = if edge.set_mode(mode) {
                    &mut switched.breakers
                } else {
                    &mut switched.without_breaker
                };
                *count += 1;
            }
        }
        switched
    }

    /// Their states, in the order of caller and callee.
    pub(crate) fn views(&self) -> Vec<EdgeView> {
        let mut views: Vec<_> = self.in_use().iter().map(|edge| edge.view()).collect();
        views.sort_by_key(EdgeView::key);
        views
    }
}
