//! The metrics of the host as messages of OTLP.

use super::instruments::{self, Instrument};
use super::protobuf::Message;
use super::spans::nanoseconds;
use super::values::attribute;
use crate::telemetry::open_metrics::{Family, series};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: values count from the start of the process.
const CUMULATIVE: u64 = 2;
/// The field of `Metric` for its values.
const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;

/// When the process was started, and when its metrics were read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Period {
    pub(crate) started: SystemTime,
    pub(crate) now: SystemTime,
}

/// A metric whose data points are being collected.
struct Metric<'a> {
    help: &'a str,
    unit: &'static str,
    kind: u32,
    points: Message,
}

/// Metrics by name. One may come from several families.
pub(super) fn metrics(families: &[Family<'_>], period: Period) -> Vec<Message> {
    let mut all = BTreeMap::<String, Metric<'_>>::new();
    for family in families {
        match family.kind {
            "histogram" => histogram(family, period, &mut all),
            "counter" => numbers(family, SUM, "_total", period, &mut all),
            "gauge" => numbers(family, GAUGE, "", period, &mut all),
            // Others say what is in the resource.
            _ => {}
        }
    }
    all.iter().map(|(name, metric)| metric.message(name)).collect()
}

impl Metric<'_> {
    fn message(&self, name: &str) -> Message {
        Message::of(|message| {
            message.text(1, name);
            message.text(2, self.help);
            message.text(3, self.unit);
            message.nested(self.kind, |data| {
                data.append(&self.points);
                if self.kind != GAUGE {
                    data.number(2, CUMULATIVE);
                }
                data.bool(3, self.kind == SUM);
            });
        })
    }
}

/// Adds a data point.
fn add<'a>(
    all: &mut BTreeMap<String, Metric<'a>>,
    (family, kind): (&Family<'a>, u32),
    instrument: &Instrument,
    write: impl FnOnce(&mut Message),
) {
    let metric = all.entry(instrument.name.to_string()).or_insert_with(|| Metric {
        help: family.help,
        unit: instrument.unit,
        kind,
        points: Message::default(),
    });
    metric.points.nested(1, write);
}

fn numbers<'a>(
    family: &Family<'a>,
    kind: u32,
    suffix: &str,
    period: Period,
    all: &mut BTreeMap<String, Metric<'a>>,
) {
    for sample in family.samples.iter().filter(|sample| sample.suffix == suffix) {
        let instrument = instruments::of(family, &sample.labels);
        add(all, (family, kind), &instrument, |point| {
            if kind == SUM {
                point.fixed64(2, nanoseconds(period.started));
            }
            point.fixed64(3, nanoseconds(period.now));
            point.double(4, sample.value);
            for (key, value) in &instrument.attributes {
                attribute(point, 7, key, value);
            }
        });
    }
}

fn histogram<'a>(family: &Family<'a>, period: Period, all: &mut BTreeMap<String, Metric<'a>>) {
    for (labels, series) in series(&family.samples) {
        let instrument = instruments::of(family, &labels);
        let (bounds, counts) = series.buckets(instrument.bounds);
        add(all, (family, HISTOGRAM), &instrument, |point| {
            point.fixed64(2, nanoseconds(period.started));
            point.fixed64(3, nanoseconds(period.now));
            point.fixed64(4, series.count as u64);
            point.double(5, series.sum);
            point.packed64(6, counts.iter().copied());
            point.packed64(7, bounds.iter().map(|bound| bound.to_bits()));
            for (key, value) in &instrument.attributes {
                attribute(point, 9, key, value);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::telemetry::metrics::BUCKETS_S;
    use crate::telemetry::otlp::instruments::{DATABASE_BOUNDS_S, REQUEST_BOUNDS_S};

    #[test]
    fn the_bounds_of_the_conventions_are_among_those_of_the_host() {
        for bound in REQUEST_BOUNDS_S.iter().chain(&DATABASE_BOUNDS_S) {
            assert!(BUCKETS_S.contains(bound), "{bound}");
        }
    }
}
