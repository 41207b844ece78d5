//! Reads the text of the host's own metrics.
//!
//! The library of the metrics has no other way to read all values, and so each metric is declared
//! once, for the admin listener and for OTLP.

use std::collections::BTreeMap;

/// The series of a metric.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Family<'a> {
    /// Without the suffixes of series, but with that of the unit.
    pub(super) name: &'a str,
    pub(super) help: &'a str,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub(super) kind: &'a str,
    pub(super) unit: &'a str,
    pub(super) samples: Vec<Sample<'a>>,
}

/// One line of a series.
#[derive(Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// What follows the name of the metric: `_total`, `_bucket`, `_sum`, `_count` or nothing.
    pub(super) suffix: &'a str,
    pub(super) labels: Vec<(&'a str, String)>,
    pub(super) value: f64,
}

/// The lines of a histogram with the same labels.
#[derive(Debug, Default)]
pub(super) struct Series {
    pub(super) sum: f64,
    pub(super) count: f64,
    /// Upper bounds, and how many values are not above them.
    buckets: Vec<(f64, f64)>,
}

/// The metrics, in their order.
pub(super) fn families(text: &str) -> Vec<Family<'_>> {
    let mut families = Vec::<Family<'_>>::new();
    for line in text.lines() {
        match line.strip_prefix("# ") {
            Some(comment) => describe(comment, &mut families),
            None => {
                if let Some(family) = families.last_mut() {
                    family.samples.extend(sample(line, family.name));
                }
            }
        }
    }
    families
}

fn describe<'a>(comment: &'a str, families: &mut Vec<Family<'a>>) {
    let mut words = comment.splitn(3, ' ');
    let (Some(what), Some(name)) = (words.next(), words.next()) else { return };
    let text = words.next().unwrap_or_default();
    if families.last().is_none_or(|family| family.name != name) {
        families.push(Family { name, ..Family::default() });
    }
    let Some(family) = families.last_mut() else { return };
    match what {
        "HELP" => family.help = text.trim_end_matches('.'),
        "TYPE" => family.kind = text,
        "UNIT" => family.unit = text,
        _ => {}
    }
}

fn sample<'a>(line: &'a str, name: &str) -> Option<Sample<'a>> {
    let rest = line.strip_prefix(name)?;
    let end = rest.find(['{', ' '])?;
    let (suffix, rest) = rest.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.trim_start().split(' ').next()?.parse().ok()?;
    Some(Sample { suffix, labels, value })
}

/// The labels up to the closing bracket, and what follows.
fn labels(mut rest: &str) -> Option<(Vec<(&str, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, text) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = text.char_indices();
        let end = loop {
            match characters.next()? {
                (end, '"') => break end,
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        labels.push((name, value));
        rest = &text[end + 1..];
    }
}

/// The histograms of a family, by their labels.
pub(super) fn series<'a>(samples: &[Sample<'a>]) -> BTreeMap<Vec<(&'a str, String)>, Series> {
    let mut all = BTreeMap::<Vec<(&str, String)>, Series>::new();
    for sample in samples {
        let is_bound = |(name, _): &&(&str, String)| *name == "le";
        let bound = sample.labels.iter().find(is_bound).and_then(|(_, bound)| bound.parse().ok());
        let labels = sample.labels.iter().filter(|label| !is_bound(label)).cloned().collect();
        let series = all.entry(labels).or_default();
        match (sample.suffix, bound) {
            ("_sum", _) => series.sum = sample.value,
            ("_count", _) => series.count = sample.value,
            ("_bucket", Some(bound)) => series.buckets.push((bound, sample.value)),
            _ => {}
        }
    }
    all
}

impl Series {
    /// Upper bounds, and how many values are in each bucket; the last one has no bound.
    pub(super) fn buckets(&self, wanted: Option<&[f64]>) -> (Vec<f64>, Vec<u64>) {
        let is_wanted =
            |bound: f64| bound.is_finite() && wanted.is_none_or(|wanted| wanted.contains(&bound));
        let kept = self.buckets.iter().filter(|(bound, _)| is_wanted(*bound));
        let (bounds, up_to): (Vec<f64>, Vec<f64>) = kept.copied().unzip();
        let mut below = 0.0;
        let counts = up_to.iter().chain([&self.count]).map(|up_to| {
            let count = (up_to - below).max(0.0) as u64;
            below = *up_to;
            count
        });
        let counts = counts.collect();
        (bounds, counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_with_their_labels_and_values() {
        let text = concat!(
            "# HELP a_seconds Some time.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n",
            "a_seconds_sum{route=\"GET \\\"/\\\"\",status=\"200\"} 0.5\n",
            "a_seconds_bucket{le=\"0.1\",route=\"x\"} 3\n",
            "# HELP b Count.\n# TYPE b counter\nb_total 7\n# EOF\n",
        );
        let families = families(text);
        let [a, b] = families.as_slice() else { panic!("{families:?}") };
        assert_eq!(
            (a.name, a.help, a.kind, a.unit),
            ("a_seconds", "Some time", "histogram", "seconds")
        );
        assert_eq!(a.samples[0].labels[0], ("route", "GET \"/\"".to_owned()));
        assert_eq!((a.samples[0].suffix, a.samples[0].value), ("_sum", 0.5));
        assert_eq!((a.samples[1].suffix, a.samples[1].value), ("_bucket", 3.0));
        assert_eq!((b.samples[0].suffix, b.samples[0].value), ("_total", 7.0));
    }

    #[test]
    fn the_metrics_of_the_host_can_be_read() {
        let metrics = crate::telemetry::Metrics::default();
        metrics.delivered("a\"b\\c\nd", "done");
        let text = metrics.encode().unwrap();
        let families = families(&text);
        let deliveries =
            families.iter().find(|one| one.name == "tessera_event_deliveries").unwrap();
        assert_eq!(deliveries.samples[0].labels[0].1, "a\"b\\c\nd");
        assert!(families.iter().all(|one| !one.kind.is_empty()));
    }

    #[test]
    fn buckets_are_joined_to_the_bounds_of_the_conventions() {
        let buckets = vec![(0.1, 1.0), (0.2, 3.0), (0.3, 6.0), (f64::INFINITY, 10.0)];
        let series = Series { sum: 0.0, count: 10.0, buckets };
        assert_eq!(series.buckets(Some(&[0.2])), (vec![0.2], vec![3, 7]));
        assert_eq!(series.buckets(None), (vec![0.1, 0.2, 0.3], vec![1, 2, 3, 4]));
    }
}
