//! `wasi:otel@0.2.0-rc.2`: telemetry that components make themselves.
//!
//! Spans join the trace of their call, and log records are lines of the standard error. With an
//! exporter, they are also exported as they are, and so are metrics: the host itself has no place
//! for those.

mod encoded;
mod encoded_metrics;
mod log_record;
mod open_spans;

pub(super) use open_spans::OpenSpans;

use super::bindings::wasi::otel::logs::{self, LogRecord};
use super::bindings::wasi::otel::metrics::{self, ResourceMetrics};
use super::bindings::wasi::otel::tracing::{self as spans, SpanContext, SpanData, TraceFlags};
use super::bindings::wasi::otel::types::{self, Datetime};
use super::{Capability, State};
use crate::telemetry::otlp::GuestMetrics;
use crate::telemetry::{GuestSpan, Outcome};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wasmtime::component::{HasSelf, Linker};

pub(super) const CAPABILITY: Capability =
    Capability { offered: &["wasi:otel"], governed: &[], add_to_linker };

fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    spans::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    metrics::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    logs::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl types::Host for State {}

impl spans::Host for State {
    async fn on_start(&mut self, context: SpanContext) -> wasmtime::Result<()> {
        let id = span_id(&context)?;
        let current = self.call.trace.span_id;
        let active = self.guest.spans.start(current, id);
        self.set_parent(active);
        Ok(())
    }

    async fn on_end(&mut self, span: SpanData) -> wasmtime::Result<()> {
        let id = span_id(&span.span_context)?;
        let current = self.call.trace.span_id;
        let outer = self.guest.spans.outer(current);
        let Some(active) = self.guest.spans.end(id) else {
            return Err(wasmtime::format_err!("it ended a span that it had not started"));
        };
        self.set_parent(active);
        // Others are not of this call, and could evict the traces of others.
        let trace_id = self.call.trace.trace_id;
        if u128::from_str_radix(&span.span_context.trace_id, 16) == Ok(trace_id) {
            let parent_id = u64::from_str_radix(&span.parent_span_id, 16).unwrap_or_default();
            let parent_id = if parent_id == 0 { outer } else { parent_id };
            let (started, ended) = (since_epoch(span.start_time), since_epoch(span.end_time));
            let outcome = match span.status {
                spans::Status::Error(_) => Outcome::Failed("error"),
                spans::Status::Ok | spans::Status::Unset => Outcome::Ok,
            };
            let telemetry = &self.component.telemetry;
            let is_sampled = span.span_context.trace_flags.contains(TraceFlags::SAMPLED);
            if telemetry.export.exports_spans() && self.call.trace.is_sampled() && is_sampled {
                let exported = encoded::span(&self.component.id, &span, parent_id);
                telemetry.export.guest_span(exported);
            }
            let name = span.name;
            let guest_span =
                GuestSpan { trace_id, span_id: id, parent_id, name, started, ended, outcome };
            telemetry.guest_span(&self.component.id, guest_span);
        }
        Ok(())
    }

    async fn outer_span_context(&mut self) -> wasmtime::Result<SpanContext> {
        let outer = self.guest.spans.outer(self.call.trace.span_id);
        let trace = &self.call.trace;
        let flags = if trace.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::empty() };
        Ok(SpanContext {
            trace_id: format!("{:032x}", trace.trace_id),
            span_id: format!("{outer:016x}"),
            trace_flags: flags,
            is_remote: false,
            trace_state: trace.state_members(),
        })
    }
}

impl State {
    /// What the guest causes from now on is within this span.
    fn set_parent(&mut self, span_id: u64) {
        self.call.trace.span_id = span_id;
        self.guest.outbound.set_call(self.call.clone());
    }
}

fn since_epoch(time: Datetime) -> Duration {
    Duration::from_secs(time.seconds).saturating_add(Duration::from_nanos(time.nanoseconds.into()))
}

/// The id of a span of the guest.
fn span_id(context: &SpanContext) -> wasmtime::Result<u64> {
    let id = u64::from_str_radix(&context.span_id, 16).ok().filter(|id| *id != 0);
    id.ok_or_else(|| {
        wasmtime::format_err!("`{}` is not the id of a span", context.span_id.escape_debug())
    })
}

impl metrics::Host for State {
    async fn export(&mut self, all: ResourceMetrics) -> wasmtime::Result<Result<(), String>> {
        let export = &self.component.telemetry.export;
        if export.exports_metrics() {
            let attributes = all.resource.attributes.into_iter();
            export.guest_metrics(GuestMetrics {
                component: self.component.id.clone(),
                resource: attributes.map(|attribute| (attribute.key, attribute.value)).collect(),
                scopes: encoded_metrics::scopes(&all.scope_metrics),
            });
            return Ok(Ok(()));
        }
        static WARNED: AtomicBool = AtomicBool::new(false);
        if !WARNED.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                component = %self.component.id,
                "it exports metrics by `wasi:otel`: they are dropped, because no collector is set by \
                 `OTEL_EXPORTER_OTLP_ENDPOINT`"
            );
        }
        Ok(Ok(()))
    }
}

impl logs::Host for State {
    async fn on_emit(&mut self, record: LogRecord) -> wasmtime::Result<()> {
        let (component, trace) = (&self.component.id, &self.call.trace);
        let exported = || encoded::record(component, &record, trace);
        self.print_record(&log_record::line(&record), exported);
        Ok(())
    }
}
