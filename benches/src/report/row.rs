//! A row of the table: our figure, those of peers, and the target.

use super::Curve;
use crate::bench::JUDGED_CONCURRENCY;
use crate::compare::Figures;
use crate::peers::tessera;
use serde::Serialize;
use std::collections::BTreeMap;

/// The name under which the ratio to a limit stands that is no peer's figure.
const LIMIT: &str = "limit";

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What it is called.
    pub(crate) row: String,
    /// What was aimed at, in words.
    pub(crate) target: String,
    /// Our figure.
    pub(crate) ours: f64,
    /// The unit of `ours` and `peers`.
    pub(crate) unit: &'static str,
    /// The same figure of each peer; null for one that is not on this machine.
    pub(crate) peers: BTreeMap<String, Option<f64>>,
    /// Ours divided by that of each peer. Under `limit`, for a target that is a figure and not a
    /// peer: how far ours is on the good side of it, 1 being just met.
    pub(crate) ratio: BTreeMap<String, Option<f64>>,
    /// Whether all targets are met that could be judged here; null if none could.
    pub(crate) met: Option<bool>,
    /// Peers of the targets that are not on this machine.
    pub(crate) absent: Vec<String>,
    /// Everything that was measured for it.
    pub(crate) figures: Vec<Figures>,
    /// What else a reader has to know.
    pub(crate) notes: Vec<String>,
    /// How a cost grows.
    #[serde(skip)]
    pub(crate) curves: Vec<Curve>,
}

/// What is aimed at.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A multiple of the figure of a peer, or of the best of several.
    Times {
        /// How many times.
        times: f64,
        /// The peer's names.
        peers: Vec<String>,
    },
    /// A figure, or more.
    AtLeast(f64),
    /// A figure, or less.
    AtMost(f64),
}

impl Target {
    /// A multiple of the best of these peers.
    pub(crate) fn times(times: f64, peers: &[&str]) -> Target {
        Target::Times { times, peers: peers.iter().map(|&name| name.to_owned()).collect() }
    }

    fn words(&self, unit: &str) -> String {
        match self {
            Target::Times { times, peers } => {
                // The first name stands for all: the others are variants of it.
                format!("≥ {times} × {}", peers.first().map_or("", String::as_str))
            }
            Target::AtLeast(limit) => format!("≥ {limit} {unit}"),
            Target::AtMost(limit) => format!("≤ {limit} {unit}"),
        }
    }

    /// Whether it is met; `None` without the peer.
    fn met(&self, ours: f64, peers: &BTreeMap<String, Option<f64>>) -> Option<bool> {
        match self {
            Target::Times { times, peers: names } => {
                let present = names.iter().filter_map(|name| peers.get(name).copied().flatten());
                let best = present.fold(None, |best: Option<f64>, value| {
                    Some(best.map_or(value, |best| best.max(value)))
                });
                best.map(|best| ours >= times * best)
            }
            Target::AtLeast(limit) => Some(ours >= *limit),
            Target::AtMost(limit) => Some(ours <= *limit),
        }
    }

    fn ratio_to_limit(&self, ours: f64) -> Option<f64> {
        match self {
            Target::Times { .. } => None,
            Target::AtLeast(limit) => Some(ours / limit),
            // Nothing of what there should be nothing of: just met.
            Target::AtMost(limit) if ours == *limit => Some(1.0),
            Target::AtMost(limit) => Some(limit / ours),
        }
    }
}

impl Row {
    /// A row that compares requests per second at the concurrency that is judged (or the only one
    /// there is). One of our requests that fails makes it unmet.
    pub(crate) fn of_requests(row: &str, figures: &[Figures], targets: &[Target]) -> Row {
        let judged = |load: usize| figures.iter().filter(move |figures| figures.load == load);
        let load = match judged(JUDGED_CONCURRENCY).next() {
            Some(_) => JUDGED_CONCURRENCY,
            None => figures.first().map_or(0, |figures| figures.load),
        };
        let of = |name: &str| judged(load).find(|figures| figures.name == name);
        let ours = of(tessera::NAME).map_or(0.0, |figures| figures.requests_per_second);
        let peers = judged(load).filter(|figures| figures.name != tessera::NAME);
        let peers = peers.map(|peer| (peer.name.clone(), peer.requests_per_second));
        let mut made = Row::of_value(row, "requests/s", ours, peers.collect(), targets);
        made.figures = figures.to_vec();
        let of_ours = figures.iter().filter(|figures| figures.name == tessera::NAME);
        let errors: u64 = of_ours.map(|figures| figures.errors).sum();
        if errors > 0 {
            made.met = Some(false);
            made.notes.push(format!("{errors} requests failed"));
        }
        made
    }

    /// A row with our figure and those of the available peers.
    pub(crate) fn of_value(
        row: &str,
        unit: &'static str,
        ours: f64,
        peers: Vec<(String, f64)>,
        targets: &[Target],
    ) -> Row {
        let mut peers: BTreeMap<String, Option<f64>> =
            peers.into_iter().map(|(name, value)| (name, Some(value))).collect();
        let mut absent = Vec::new();
        for target in targets {
            let Target::Times { peers: names, .. } = target else { continue };
            for name in names.iter().filter(|name| !peers.contains_key(*name)).cloned() {
                absent.push(name);
            }
        }
        peers.extend(absent.iter().map(|name| (name.clone(), None)));
        let ratio_of = |peers: f64| (peers > 0.0).then(|| ours / peers);
        let mut ratio: BTreeMap<String, Option<f64>> =
            peers.iter().map(|(name, value)| (name.clone(), value.and_then(ratio_of))).collect();
        let limit = targets.iter().find_map(|target| target.ratio_to_limit(ours));
        ratio.extend(limit.map(|limit| (LIMIT.to_owned(), Some(limit))));
        let judged: Vec<bool> = targets.iter().filter_map(|t| t.met(ours, &peers)).collect();
        let words: Vec<String> = targets.iter().map(|target| target.words(unit)).collect();
        Row {
            row: row.to_owned(),
            target: words.join(", "),
            ours,
            unit,
            peers,
            ratio,
            met: (!judged.is_empty()).then(|| judged.iter().all(|met| *met)),
            absent,
            figures: Vec::new(),
            notes: Vec::new(),
            curves: Vec::new(),
        }
    }

    /// With one more thing that a reader has to know.
    pub(crate) fn note(mut self, text: impl Into<String>) -> Row {
        self.notes.push(text.into());
        self
    }

    /// With all that was measured for it.
    pub(crate) fn with_figures(mut self, figures: Vec<Figures>) -> Row {
        self.figures = figures;
        self
    }

    /// With these curves.
    pub(crate) fn with_curves(mut self, curves: impl IntoIterator<Item = Curve>) -> Row {
        self.curves.extend(curves);
        self
    }

    /// In one line, for people who watch.
    pub(crate) fn line(&self) -> String {
        let met = self.met.map_or("not judged", |met| if met { "met" } else { "not met" });
        format!("{}: {:.4} {} (target {}): {met}", self.row, self.ours, self.unit, self.target)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn figures(name: &str, load: usize, requests_per_second: f64, errors: u64) -> Figures {
        Figures { name: name.to_owned(), load, requests_per_second, errors, ..Figures::default() }
    }

    #[test]
    fn a_peer_that_is_absent_is_named_and_the_others_decide() {
        let targets = [Target::times(3.0, &["Spin", "Spin 2"]), Target::times(0.4, &["axum"])];
        let row =
            Row::of_value("hello", "requests/s", 50.0, vec![("axum".to_owned(), 100.0)], &targets);
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(json["row"], "hello");
        assert_eq!(json["target"], "≥ 3 × Spin, ≥ 0.4 × axum");
        assert_eq!(json["ours"], 50.0);
        assert_eq!(json["peers"], json!({ "Spin": null, "Spin 2": null, "axum": 100.0 }));
        assert_eq!(json["ratio"], json!({ "Spin": null, "Spin 2": null, "axum": 0.5 }));
        assert_eq!(json["met"], true);
        assert_eq!(json["absent"], json!(["Spin", "Spin 2"]));
    }

    #[test]
    fn without_any_peer_nothing_is_claimed() {
        let row =
            Row::of_value("hello", "requests/s", 5.0, vec![], &[Target::times(3.0, &["Spin"])]);
        assert_eq!(row.met, None);
    }

    #[test]
    fn the_best_variant_of_a_peer_is_the_one_to_beat() {
        let peers = vec![("Spin".to_owned(), 10.0), ("Spin 2".to_owned(), 20.0)];
        let targets = [Target::times(3.0, &["Spin", "Spin 2"])];
        assert_eq!(Row::of_value("x", "/s", 59.0, peers.clone(), &targets).met, Some(false));
        assert_eq!(Row::of_value("x", "/s", 60.0, peers, &targets).met, Some(true));
    }

    #[test]
    fn a_limit_is_met_from_a_ratio_of_one_on_whichever_side_is_good() {
        let start = Row::of_value("start", "ms", 200.0, vec![], &[Target::AtMost(250.0)]);
        assert_eq!((start.met, start.ratio[LIMIT]), (Some(true), Some(1.25)));
        let errors = Row::of_value("errors", "errors", 0.0, vec![], &[Target::AtMost(0.0)]);
        assert_eq!((errors.met, errors.ratio[LIMIT]), (Some(true), Some(1.0)));
        let events = Row::of_value("events", "/s", 10.0, vec![], &[Target::AtLeast(20.0)]);
        assert_eq!((events.met, events.ratio[LIMIT]), (Some(false), Some(0.5)));
    }

    #[test]
    fn requests_are_judged_at_one_concurrency_and_only_if_none_failed() {
        let targets = [Target::times(0.5, &["axum"])];
        let mut measured = vec![
            figures("tessera", 1, 1.0, 0),
            figures("axum", 1, 100.0, 0),
            figures("tessera", 32, 60.0, 0),
            figures("axum", 32, 100.0, 7),
        ];
        let row = Row::of_requests("hello", &measured, &targets);
        assert_eq!((row.ours, row.met), (60.0, Some(true)));
        measured[0].errors = 1;
        assert_eq!(Row::of_requests("hello", &measured, &targets).met, Some(false));
    }
}
