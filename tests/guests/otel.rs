//! Telemetry of a component: `/span` ends a span with an operation on a store in it, `/log` emits a
//! record, `/metrics` exports metrics, and `/unstarted` ends a span that was not started.
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
use bindings::wasi::otel::metrics::{self, ResourceMetrics};
use bindings::wasi::otel::tracing::{self, Datetime, SpanContext, SpanData, SpanKind, Status};
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
            let resource = Resource { attributes: vec![], schema_url: None };
            metrics::export(&ResourceMetrics { resource, scope_metrics: vec![] }).unwrap();
        }
        path => panic!("{path}"),
    }
    format!("{} {}", outer.trace_id, outer.span_id)
}

fn span(span_context: SpanContext, parent: &str, status: Status) -> SpanData {
    SpanData {
        span_context,
        parent_span_id: parent.to_owned(),
        span_kind: SpanKind::Internal,
        name: "work".to_owned(),
        start_time: Datetime { seconds: 1_000, nanoseconds: 0 },
        end_time: Datetime { seconds: 1_001, nanoseconds: 500 },
        attributes: vec![],
        events: vec![],
        links: vec![],
        status,
        instrumentation_scope: InstrumentationScope {
            name: "test".to_owned(),
            version: None,
            schema_url: None,
            attributes: vec![],
        },
        dropped_attributes: 0,
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
