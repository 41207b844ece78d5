//! Cycles of components that can call each other.
//!
//! Only their calls need permits for each level of nesting. Elsewhere, no call can wait for a
//! permit that one of its own callers holds.

use crate::calls::Cycle;
use crate::capabilities::outbound_http::Outbound;
use crate::links;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tessera_manifest::{App, ComponentId, Handler, Route};

/// The components that each component may call.
pub(super) type Calls = BTreeMap<ComponentId, BTreeSet<ComponentId>>;

/// The possible calls: over links, by HTTP, and through the application's own address.
pub(super) fn possible_calls(
    app: &App,
    ids: &BTreeSet<ComponentId>,
    outbound: &dyn Fn(&ComponentId) -> Arc<Outbound>,
) -> Calls {
    let public = app.http.iter().filter_map(|trigger| match &trigger.handler {
        Handler::Component(id) if matches!(trigger.route, Route::Path(_)) => Some(id),
        _ => None,
    });
    let public: BTreeSet<_> = public.filter(|id| ids.contains(*id)).collect();
    let callees = |id: &ComponentId| {
        let outbound = outbound(id);
        let linked = links::callees(app, &app.components[id]);
        let chained = ids.iter().filter(|callee| outbound.may_call(callee)).cloned();
        let own = outbound.may_call_own_address().then_some(&public).into_iter().flatten();
        linked.chain(chained).chain(own.map(|id| (*id).clone())).collect()
    };
    ids.iter().map(|id| (id.clone(), callees(id))).collect()
}

/// The cycle of each component that is in one: the strongly connected components of the graph, by
/// Kosaraju's algorithm. All ids that are called must be keys as well.
pub(super) fn find(calls: &Calls) -> BTreeMap<ComponentId, Cycle> {
    let mut callers = Calls::new();
    for (caller, callees) in calls {
        callers.entry(caller.clone()).or_default();
        for callee in callees {
            callers.entry(callee.clone()).or_default().insert(caller.clone());
        }
    }
    let mut seen = BTreeSet::new();
    let finished: Vec<_> = calls.keys().flat_map(|id| reach(calls, id, &mut seen)).collect();
    let mut cycles = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (number, id) in (0..).zip(finished.into_iter().rev()) {
        let members = reach(&callers, id, &mut seen);
        let calls_itself = calls.get(id).is_some_and(|callees| callees.contains(id));
        if members.len() > 1 || (members.len() == 1 && calls_itself) {
            cycles.extend(members.into_iter().map(|member| (member.clone(), Cycle(number))));
        }
    }
    cycles
}

/// The cycles that are not part of one of those before, each as the components in it.
pub(super) fn new(
    before: &BTreeMap<ComponentId, Cycle>,
    after: &BTreeMap<ComponentId, Cycle>,
) -> Vec<String> {
    let mut members = BTreeMap::<Cycle, Vec<&ComponentId>>::new();
    for (id, cycle) in after {
        members.entry(*cycle).or_default().push(id);
    }
    let is_old = |ids: &Vec<&ComponentId>| {
        let cycles: BTreeSet<_> = ids.iter().map(|id| before.get(*id)).collect();
        cycles.len() == 1 && !cycles.contains(&None)
    };
    let new = members.into_values().filter(|ids| !is_old(ids));
    let shown = |id: &ComponentId| format!("`{id}`");
    new.map(|ids| ids.into_iter().map(shown).collect::<Vec<_>>().join(", ")).collect()
}

/// All unvisited nodes that are reachable from `start`, in postorder.
fn reach<'a>(
    graph: &'a Calls,
    start: &'a ComponentId,
    seen: &mut BTreeSet<&'a ComponentId>,
) -> Vec<&'a ComponentId> {
    let mut finished = Vec::new();
    let next = |id| graph.get(id).into_iter().flatten();
    if !seen.insert(start) {
        return finished;
    }
    let mut path = vec![(start, next(start))];
    while let Some((id, rest)) = path.last_mut() {
        match rest.find(|callee| !seen.contains(callee)) {
            Some(callee) => {
                seen.insert(callee);
                path.push((callee, next(callee)));
            }
            None => {
                finished.push(*id);
                path.pop();
            }
        }
    }
    finished
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a: b c` means that `a` calls `b` and `c`.
    fn cycles(text: &str) -> Vec<Vec<String>> {
        let calls = text.lines().map(|line| {
            let (caller, callees) = line.split_once(':').unwrap();
            (caller.to_owned(), callees.split_whitespace().map(str::to_owned).collect())
        });
        let mut members: BTreeMap<Cycle, Vec<String>> = BTreeMap::new();
        for (id, cycle) in find(&calls.collect()) {
            members.entry(cycle).or_default().push(id);
        }
        let mut members: Vec<_> = members.into_values().collect();
        members.sort();
        members
    }

    #[test]
    fn an_acyclic_graph_has_no_cycle() {
        assert!(cycles("a: b c\nb: c\nc:\nd: a b").is_empty());
    }

    #[test]
    fn components_that_call_each_other_are_one_cycle() {
        assert_eq!(cycles("a: b\nb: c\nc: a d\nd: e\ne:"), [["a", "b", "c"]]);
        assert_eq!(cycles("a: a b\nb:"), [["a"]]);
    }

    #[test]
    fn disjoint_cycles_are_separate() {
        assert_eq!(cycles("a: b\nb: a c\nc: d\nd: c\nx: a"), [["a", "b"], ["c", "d"]]);
        assert_eq!(cycles("c: d\nd: c b\nb: a\na: b"), [["a", "b"], ["c", "d"]]);
    }

    #[test]
    fn cycles_that_did_not_exist_before_are_named() {
        let cycles = |text: &str| {
            let calls = text.lines().map(|line| {
                let (caller, callees) = line.split_once(':').unwrap();
                (caller.to_owned(), callees.split_whitespace().map(str::to_owned).collect())
            });
            find(&calls.collect())
        };
        let before = cycles("a: b c\nb: a\nc: d\nd: a");
        assert!(new(&before, &cycles("a: b\nb: a\nc: d\nd:")).is_empty());
        let after = cycles("a: b\nb: a\nc: d\nd: c\ne: e");
        assert_eq!(new(&cycles("a: b\nb: a\nc:\nd:\ne:"), &after), ["`e`", "`c`, `d`"]);
    }

    #[test]
    fn cycles_that_share_a_component_are_one() {
        assert_eq!(cycles("a: b\nb: a c\nc: d\nd: b"), [["a", "b", "c", "d"]]);
    }
}
