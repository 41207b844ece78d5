//! Telemetry of a component: `/span` ends a span with an operation on a store in it, `/log` emits a
//! record, `/metrics` exports a metric of each kind, and `/unstarted` ends a span that was not started.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unused_qualifications)]

mod bindings {
    #![allow(clippy::all, unreachable_pub, unsafe_code)]

    wit_bindgen::generate!({
        world: "client",
        path: "../../runtime-host/host/wit",
        inline: "
            package tessera-test:otel;
            world client {
                import wasi:otel/tracing@0.2.0-rc.2;
                import wasi:otel/metrics@0.2.0-rc.2;
                import wasi:otel/logs@0.2.0-rc.2;
            }
        ",
        generate_all,
    });
}

use bindings::wasi::otel::logs::{self, LogRecord};
use bindings::wasi::otel::metrics::{
    self, ExponentialBucket, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge,
    GaugeDataPoint, Histogram, HistogramDataPoint, Metric, MetricData, MetricNumber,
    ResourceMetrics, ScopeMetrics, Sum, SumDataPoint, Temporality,
};
use bindings::wasi::otel::tracing::{
    self, Datetime, Event, Link, SpanContext, SpanData, SpanKind, Status,
};
use bindings::wasi::otel::types::{InstrumentationScope, KeyValue, Resource};
use spin_sdk::http::Request;
use spin_sdk::http_service;
use spin_sdk::key_value::Store;

#[http_service]
async fn handle(request: Request) -> String {
    let query = request.uri().query().unwrap_or_default();
    let wanted = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    let outer = tracing::outer_span_context();
    match request.uri().path() {
        "/span" => {
            let trace_id = wanted("trace=").unwrap_or(&outer.trace_id).to_owned();
            let context =
                SpanContext { trace_id, span_id: "00000000000000a1".to_owned(), ..outer.clone() };
            tracing::on_start(&context);
            Store::open_default().await.unwrap().get("key").await.unwrap();
            assert_eq!(tracing::outer_span_context().span_id, outer.span_id);
            let status = match wanted("error=") {
                Some(error) => Status::Error(error.to_owned()),
                None => Status::Unset,
            };
            tracing::on_end(&span(context, &outer.span_id, status));
            Store::open_default().await.unwrap().exists("key").await.unwrap();
        }
        "/unstarted" => tracing::on_end(&span(outer.clone(), "", Status::Ok)),
        "/log" => logs::on_emit(&record(wanted("body=").unwrap_or_default())),
        "/metrics" => {
            let resource =
                Resource { attributes: own("service.name", "\"counter\""), schema_url: None };
            let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics: all_metrics() }];
            metrics::export(&ResourceMetrics { resource, scope_metrics }).unwrap();
        }
        path => panic!("{path}"),
    }
    format!("{} {}", outer.trace_id, outer.span_id)
}

fn own(key: &str, value: &str) -> Vec<KeyValue> {
    vec![KeyValue { key: key.to_owned(), value: value.to_owned() }]
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "test".to_owned(),
        version: Some("1".to_owned()),
        schema_url: None,
        attributes: vec![],
    }
}

/// One metric of each kind.
fn all_metrics() -> Vec<Metric> {
    let time = Datetime { seconds: 1_001, nanoseconds: 0 };
    let start_time = Datetime { seconds: 1_000, nanoseconds: 0 };
    let temporality = Temporality::Cumulative;
    let attributes = own("color", "\"red\"");
    let exemplars = vec![];
    let gauge = Gauge {
        data_points: vec![GaugeDataPoint {
            attributes: attributes.clone(),
            value: MetricNumber::F64(1.5),
            exemplars: exemplars.clone(),
        }],
        start_time: None,
        time,
    };
    let sum = Sum {
        data_points: vec![SumDataPoint {
            attributes: attributes.clone(),
            value: MetricNumber::U64(7),
            exemplars: exemplars.clone(),
        }],
        start_time,
        time,
        temporality,
        is_monotonic: true,
    };
    let histogram = Histogram {
        data_points: vec![HistogramDataPoint {
            attributes: attributes.clone(),
            count: 3,
            bounds: vec![1.0, 2.0],
            bucket_counts: vec![1, 0, 2],
            min: Some(MetricNumber::F64(0.5)),
            max: None,
            sum: MetricNumber::F64(9.0),
            exemplars: exemplars.clone(),
        }],
        start_time,
        time,
        temporality,
    };
    let exponential = ExponentialHistogram {
        data_points: vec![ExponentialHistogramDataPoint {
            attributes,
            count: 5,
            min: None,
            max: None,
            sum: MetricNumber::S64(-3),
            scale: -1,
            zero_count: 1,
            positive_bucket: ExponentialBucket { offset: -2, counts: vec![1, 3] },
            negative_bucket: ExponentialBucket { offset: 0, counts: vec![] },
            zero_threshold: 0.0,
            exemplars,
        }],
        start_time,
        time,
        temporality,
    };
    let metric = |name: &str, data| Metric {
        name: name.to_owned(),
        description: "of a test".to_owned(),
        unit: "{thing}".to_owned(),
        data,
    };
    vec![
        metric("a.gauge", MetricData::F64Gauge(gauge)),
        metric("a.sum", MetricData::U64Sum(sum)),
        metric("a.histogram", MetricData::F64Histogram(histogram)),
        metric("an.exponential", MetricData::S64ExponentialHistogram(exponential)),
    ]
}

fn span(span_context: SpanContext, parent: &str, status: Status) -> SpanData {
    let linked = SpanContext { span_id: "00000000000000b2".to_owned(), ..span_context.clone() };
    SpanData {
        span_context,
        parent_span_id: parent.to_owned(),
        span_kind: SpanKind::Internal,
        name: "work".to_owned(),
        start_time: Datetime { seconds: 1_000, nanoseconds: 0 },
        end_time: Datetime { seconds: 1_001, nanoseconds: 500 },
        attributes: [own("size", "3"), own("tags", "[\"a\",true]")].concat(),
        events: vec![Event {
            name: "found".to_owned(),
            time: Datetime { seconds: 1_000, nanoseconds: 7 },
            attributes: own("where", "\"here\""),
        }],
        links: vec![Link { span_context: linked, attributes: own("why", "\"batch\"") }],
        status,
        instrumentation_scope: scope(),
        dropped_attributes: 2,
        dropped_events: 0,
        dropped_links: 0,
    }
}

fn record(body: &str) -> LogRecord {
    LogRecord {
        timestamp: None,
        observed_timestamp: None,
        severity_text: None,
        severity_number: Some(17),
        body: Some(format!("\"{body}\"")),
        attributes: Some(vec![KeyValue { key: "a".to_owned(), value: "1".to_owned() }]),
        event_name: None,
        resource: None,
        instrumentation_scope: None,
        trace_id: None,
        span_id: None,
        trace_flags: None,
    }
}
