//! All calls that were seen, as edges between those that make and those that serve them.

use super::reply::{self, Reply};
use super::route::Call;
use super::traffic::{Calls, Reading};
use crate::telemetry::{Series, SpanKind};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What an edge begins or ends at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "kebab-case")]
enum Node {
    Component(String),
    /// Clients of the application.
    Outside,
    Schedules,
    /// The event log.
    Events,
    /// Channels of Redis.
    Channels,
    /// Another host, or a server of this kind.
    Host(String),
}

#[derive(Debug, Serialize)]
struct Edge {
    from: Node,
    to: Node,
    /// How the calls are made.
    kind: &'static str,
    calls: Calls,
}

pub(super) fn topology(call: &Call<'_>) -> Reply {
    let state = call.state;
    let Reading { at_ms, traffic, .. } = state.reading();
    let components = state.components.iter().map(|one| &*one.id).collect();
    let edges = edges(&traffic.series, &components);
    reply::json(&json!({ "at_ms": at_ms, "bounds_s": traffic.bounds_s, "edges": edges }))
}

fn edges(series: &[Series], components: &BTreeSet<&str>) -> Vec<Edge> {
    let mut all = BTreeMap::<(Node, Node, &'static str), Calls>::new();
    for one in series {
        if let Some((from, to)) = ends(one, components) {
            all.entry((from, to, one.kind.name())).or_default().add(one);
        }
    }
    all.into_iter().map(|((from, to, kind), calls)| Edge { from, to, kind, calls }).collect()
}

/// Where calls come from and go to; `None` for operations that stay inside.
fn ends(series: &Series, components: &BTreeSet<&str>) -> Option<(Node, Node)> {
    let component = || Node::Component(series.component.clone());
    Some(match series.kind {
        SpanKind::Http => (Node::Outside, component()),
        SpanKind::Link => {
            let caller = Node::Component(series.caller.clone()?);
            // Of the imports that the host itself provides, reading the event log is a call.
            let is_component = components.contains(&*series.component);
            (caller, if is_component { component() } else { Node::Events })
        }
        SpanKind::Chained => {
            let (_, caller) = series.route.split_once(' ')?;
            (Node::Component(caller.to_owned()), component())
        }
        SpanKind::Outbound => (component(), Node::Host(host(&series.route).to_owned())),
        SpanKind::Schedule => (Node::Schedules, component()),
        SpanKind::Publish => (component(), Node::Events),
        SpanKind::Delivery => (Node::Events, component()),
        SpanKind::Message => (Node::Channels, component()),
        SpanKind::Store
        | SpanKind::Host
        | SpanKind::Guest
        | SpanKind::Flag
        | SpanKind::Fault
        | SpanKind::Shadow => {
            return None;
        }
    })
}

/// The host of a request (`GET example.com:443`), or the kind of a server (`postgres.query`).
fn host(route: &str) -> &str {
    match route.split_once(' ') {
        Some((_, host)) => host,
        None => route.split('.').next().unwrap_or(route),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Counts;

    fn series(kind: SpanKind, component: &str, caller: Option<&str>, route: &str) -> Series {
        Series {
            kind,
            component: component.to_owned(),
            caller: caller.map(ToOwned::to_owned),
            route: route.to_owned(),
            status: "ok".to_owned(),
            counts: Counts { calls: 2, ..Counts::default() },
        }
    }

    #[test]
    fn every_kind_of_call_is_an_edge() {
        let component = |name: &str| Node::Component(name.to_owned());
        let host = |name: &str| Node::Host(name.to_owned());
        let cases = [
            (series(SpanKind::Http, "a", None, "GET /"), Node::Outside, component("a")),
            (series(SpanKind::Link, "b", Some("a"), "i.f"), component("a"), component("b")),
            (series(SpanKind::Link, "host", Some("a"), "log.read"), component("a"), Node::Events),
            (series(SpanKind::Chained, "b", None, "GET a"), component("a"), component("b")),
            (series(SpanKind::Outbound, "a", None, "GET x:1"), component("a"), host("x:1")),
            (series(SpanKind::Outbound, "a", None, "mqtt.publish"), component("a"), host("mqtt")),
            (series(SpanKind::Schedule, "a", None, "POST /s"), Node::Schedules, component("a")),
            (series(SpanKind::Publish, "a", None, "publish"), component("a"), Node::Events),
            (series(SpanKind::Delivery, "a", None, "group"), Node::Events, component("a")),
            (series(SpanKind::Message, "a", None, "channel"), Node::Channels, component("a")),
        ];
        let components = BTreeSet::from(["a", "b"]);
        for (series, from, to) in cases {
            assert_eq!(ends(&series, &components), Some((from, to)), "{series:?}");
        }
        assert_eq!(ends(&series(SpanKind::Store, "a", None, "get"), &components), None);
    }

    #[test]
    fn calls_of_several_functions_are_one_edge() {
        let all = ["i.f", "i.g"].map(|route| series(SpanKind::Link, "b", Some("a"), route));
        let edges = edges(&all, &BTreeSet::from(["a", "b"]));
        assert_eq!(edges.len(), 1);
        assert_eq!(json!(edges[0])["calls"]["count"], 4);
        assert_eq!(json!(edges[0])["from"], json!({ "kind": "component", "name": "a" }));
    }
}
