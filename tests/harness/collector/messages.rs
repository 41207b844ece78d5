//! What the messages of OTLP contain.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::collections::BTreeMap;

/// Attributes as text.
pub type Attributes = BTreeMap<String, String>;

/// A span that was accepted.
#[derive(Debug, Clone)]
pub struct CollectedSpan {
    /// The attributes of its resource.
    pub resource: Attributes,
    /// The name of its scope.
    pub scope: String,
    /// Its own attributes.
    pub attributes: Attributes,
    /// The rest.
    pub span: Span,
}

/// A log record that was accepted.
#[derive(Debug, Clone)]
pub struct CollectedLog {
    /// The attributes of its resource.
    pub resource: Attributes,
    /// The name of its scope.
    pub scope: String,
    /// Its own attributes.
    pub attributes: Attributes,
    /// Its text.
    pub body: String,
    /// The rest.
    pub record: LogRecord,
}

/// A data point that was accepted.
#[derive(Debug, Clone)]
pub struct CollectedPoint {
    /// The attributes of its resource.
    pub resource: Attributes,
    /// The name of its metric.
    pub name: String,
    /// The unit of its metric.
    pub unit: String,
    /// `gauge`, `sum`, `histogram` or `exponential`.
    pub kind: &'static str,
    /// Its own attributes.
    pub attributes: Attributes,
    /// The value, or the number of values.
    pub value: f64,
    /// The upper bounds of a histogram.
    pub bounds: Vec<f64>,
    /// The buckets of a histogram.
    pub buckets: Vec<u64>,
}

/// The spans of a request.
pub(super) fn spans(request: ExportTraceServiceRequest) -> Vec<CollectedSpan> {
    let mut spans = Vec::new();
    for list in request.resource_spans {
        let resource = of_resource(list.resource);
        for scoped in list.scope_spans {
            let scope = scoped.scope.unwrap_or_default().name;
            spans.extend(scoped.spans.into_iter().map(|span| CollectedSpan {
                resource: resource.clone(),
                scope: scope.clone(),
                attributes: attributes(&span.attributes),
                span,
            }));
        }
    }
    spans
}

/// The log records of a request.
pub(super) fn logs(request: ExportLogsServiceRequest) -> Vec<CollectedLog> {
    let mut logs = Vec::new();
    for list in request.resource_logs {
        let resource = of_resource(list.resource);
        for scoped in list.scope_logs {
            let scope = scoped.scope.unwrap_or_default().name;
            logs.extend(scoped.log_records.into_iter().map(|record| CollectedLog {
                resource: resource.clone(),
                scope: scope.clone(),
                attributes: attributes(&record.attributes),
                body: record.body.as_ref().map(text).unwrap_or_default(),
                record,
            }));
        }
    }
    logs
}

/// The data points of a request.
pub(super) fn points(request: ExportMetricsServiceRequest) -> Vec<CollectedPoint> {
    let mut points = Vec::new();
    for list in request.resource_metrics {
        let resource = of_resource(list.resource);
        for metric in list.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
            points.extend(points_of(&resource, metric));
        }
    }
    points
}

fn points_of(resource: &Attributes, metric: Metric) -> Vec<CollectedPoint> {
    let point = |kind, own: &[KeyValue], value| CollectedPoint {
        resource: resource.clone(),
        name: metric.name.clone(),
        unit: metric.unit.clone(),
        kind,
        attributes: attributes(own),
        value,
        bounds: Vec::new(),
        buckets: Vec::new(),
    };
    let number = |value: Option<number_data_point::Value>| match value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => f64::NAN,
    };
    match metric.data.as_ref().expect("data") {
        metric::Data::Gauge(data) => {
            let points = data.data_points.iter();
            points.map(|one| point("gauge", &one.attributes, number(one.value))).collect()
        }
        metric::Data::Sum(data) => {
            assert_eq!(data.aggregation_temporality, 2, "values are cumulative");
            let points = data.data_points.iter();
            points.map(|one| point("sum", &one.attributes, number(one.value))).collect()
        }
        metric::Data::Histogram(data) => {
            let points = data.data_points.iter();
            let of = |one: &opentelemetry_proto::tonic::metrics::v1::HistogramDataPoint| {
                assert_eq!(one.bucket_counts.iter().sum::<u64>(), one.count, "{}", metric.name);
                CollectedPoint {
                    bounds: one.explicit_bounds.clone(),
                    buckets: one.bucket_counts.clone(),
                    ..point("histogram", &one.attributes, one.count as f64)
                }
            };
            points.map(of).collect()
        }
        metric::Data::ExponentialHistogram(data) => {
            let points = data.data_points.iter();
            let of =
                |one: &opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint| {
                    let buckets =
                        one.positive.as_ref().map(|buckets| buckets.bucket_counts.clone());
                    CollectedPoint {
                        buckets: buckets.unwrap_or_default(),
                        ..point("exponential", &one.attributes, one.count as f64)
                    }
                };
            points.map(of).collect()
        }
        metric::Data::Summary(_) => panic!("summaries are deprecated"),
    }
}

fn of_resource(resource: Option<Resource>) -> Attributes {
    attributes(&resource.unwrap_or_default().attributes)
}

/// Attributes as text.
pub fn attributes(list: &[KeyValue]) -> Attributes {
    let pairs = list
        .iter()
        .map(|pair| (pair.key.clone(), pair.value.as_ref().map(text).unwrap_or_default()));
    pairs.collect()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::BoolValue(value)) => value.to_string(),
        Some(any_value::Value::IntValue(value)) => value.to_string(),
        Some(any_value::Value::DoubleValue(value)) => value.to_string(),
        Some(any_value::Value::ArrayValue(list)) => {
            format!("[{}]", list.values.iter().map(text).collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    }
}

/// An id of a trace or a span as text.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
