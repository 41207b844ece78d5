//! Metrics of components as messages of OTLP.

use super::encoded::{attributes, id, nanoseconds, scope};
use crate::capabilities::bindings::wasi::otel::metrics::{
    Exemplar, ExponentialBucket, ExponentialHistogram, Gauge, Histogram, Metric, MetricData,
    MetricNumber, ScopeMetrics, Sum, Temporality,
};
use crate::telemetry::otlp::Message;

/// The fields `scope_metrics` of `ResourceMetrics`.
pub(super) fn scopes(scopes: &[ScopeMetrics]) -> Message {
    Message::of(|list| {
        for metrics in scopes {
            list.nested(2, |message| {
                message.member(1, scope(&metrics.scope).as_bytes());
                for metric in &metrics.metrics {
                    message.nested(2, |message| write(message, metric));
                }
            });
        }
    })
}

fn write(message: &mut Message, metric: &Metric) {
    message.text(1, &metric.name);
    message.text(2, &metric.description);
    message.text(3, &metric.unit);
    match &metric.data {
        MetricData::F64Gauge(data) | MetricData::U64Gauge(data) | MetricData::S64Gauge(data) => {
            message.nested(5, |message| gauge(message, data));
        }
        MetricData::F64Sum(data) | MetricData::U64Sum(data) | MetricData::S64Sum(data) => {
            message.nested(7, |message| sum(message, data));
        }
        MetricData::F64Histogram(data)
        | MetricData::U64Histogram(data)
        | MetricData::S64Histogram(data) => message.nested(9, |message| histogram(message, data)),
        MetricData::F64ExponentialHistogram(data)
        | MetricData::U64ExponentialHistogram(data)
        | MetricData::S64ExponentialHistogram(data) => {
            message.nested(10, |message| exponential_histogram(message, data));
        }
    }
}

fn gauge(message: &mut Message, gauge: &Gauge) {
    for one in &gauge.data_points {
        message.nested(1, |point| {
            point.fixed64(2, gauge.start_time.as_ref().map_or(0, nanoseconds));
            point.fixed64(3, nanoseconds(&gauge.time));
            number(point, (4, 6), &one.value);
            exemplars(point, 5, &one.exemplars);
            attributes(point, 7, &one.attributes);
        });
    }
}

fn sum(message: &mut Message, sum: &Sum) {
    for one in &sum.data_points {
        message.nested(1, |point| {
            point.fixed64(2, nanoseconds(&sum.start_time));
            point.fixed64(3, nanoseconds(&sum.time));
            number(point, (4, 6), &one.value);
            exemplars(point, 5, &one.exemplars);
            attributes(point, 7, &one.attributes);
        });
    }
    message.number(2, temporality(sum.temporality));
    message.bool(3, sum.is_monotonic);
}

fn histogram(message: &mut Message, histogram: &Histogram) {
    for one in &histogram.data_points {
        message.nested(1, |point| {
            point.fixed64(2, nanoseconds(&histogram.start_time));
            point.fixed64(3, nanoseconds(&histogram.time));
            point.fixed64(4, one.count);
            point.double(5, double(&one.sum));
            point.packed64(6, one.bucket_counts.iter().copied());
            point.packed64(7, one.bounds.iter().map(|bound| bound.to_bits()));
            exemplars(point, 8, &one.exemplars);
            attributes(point, 9, &one.attributes);
            optional(point, 11, one.min.as_ref());
            optional(point, 12, one.max.as_ref());
        });
    }
    message.number(2, temporality(histogram.temporality));
}

fn exponential_histogram(message: &mut Message, histogram: &ExponentialHistogram) {
    for one in &histogram.data_points {
        message.nested(1, |point| {
            attributes(point, 1, &one.attributes);
            point.fixed64(2, nanoseconds(&histogram.start_time));
            point.fixed64(3, nanoseconds(&histogram.time));
            point.fixed64(4, one.count);
            point.double(5, double(&one.sum));
            point.zigzag(6, one.scale.into());
            point.fixed64(7, one.zero_count);
            point.nested(8, |message| buckets(message, &one.positive_bucket));
            point.nested(9, |message| buckets(message, &one.negative_bucket));
            exemplars(point, 11, &one.exemplars);
            optional(point, 12, one.min.as_ref());
            optional(point, 13, one.max.as_ref());
            point.double(14, one.zero_threshold);
        });
    }
    message.number(2, temporality(histogram.temporality));
}

fn buckets(message: &mut Message, buckets: &ExponentialBucket) {
    message.zigzag(1, buckets.offset);
    message.packed(2, buckets.counts.iter().copied());
}

fn exemplars(message: &mut Message, field: u32, exemplars: &[Exemplar]) {
    for exemplar in exemplars {
        message.nested(field, |message| {
            message.fixed64(2, nanoseconds(&exemplar.time));
            number(message, (3, 6), &exemplar.value);
            message.bytes(4, &id(&exemplar.span_id, 16));
            message.bytes(5, &id(&exemplar.trace_id, 32));
            attributes(message, 7, &exemplar.filtered_attributes);
        });
    }
}

/// Writes a number as a field for fractions or as one for whole numbers.
fn number(message: &mut Message, (fraction, whole): (u32, u32), number: &MetricNumber) {
    match number {
        MetricNumber::F64(value) => message.double(fraction, *value),
        MetricNumber::S64(value) => message.member64(whole, value.cast_unsigned()),
        MetricNumber::U64(value) => message.member64(whole, (*value).min(i64::MAX as u64)),
    }
}

fn optional(message: &mut Message, field: u32, number: Option<&MetricNumber>) {
    if let Some(number) = number {
        message.double(field, double(number));
    }
}

fn double(number: &MetricNumber) -> f64 {
    match number {
        MetricNumber::F64(value) => *value,
        MetricNumber::S64(value) => *value as f64,
        MetricNumber::U64(value) => *value as f64,
    }
}

fn temporality(temporality: Temporality) -> u64 {
    match temporality {
        Temporality::Delta => 1,
        Temporality::Cumulative | Temporality::LowMemory => 2,
    }
}
