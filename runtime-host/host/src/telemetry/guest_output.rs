//! What guests print, as log lines with the component and the trace id of their call.

use super::metrics::ComponentLabels;
use super::otlp::{Encoded, Export, GuestLine};
use super::recent_logs::Line;
use super::{LogFile, Metrics, RecentLogs, Telemetry, TraceContext};
use parking_lot::Mutex;
use std::sync::Arc;

/// A longer line is cut into lines of this length.
pub(crate) const LINE_LENGTH_MAX_BYTES: usize = 8 * 1024;

/// Where the output of a component goes.
#[derive(Debug, Clone)]
pub(crate) struct OutputSink {
    /// Whether its lines are in the log of the host.
    pub(crate) logged: bool,
    /// A file that has the same bytes.
    pub(crate) file: Option<Arc<LogFile>>,
}

/// Only in the log.
impl Default for OutputSink {
    fn default() -> Self {
        Self { logged: true, file: None }
    }
}

/// One output stream of one instance.
#[derive(Clone)]
pub(crate) struct GuestOutput {
    component: Arc<str>,
    stream: &'static str,
    limit_bytes: u64,
    sink: OutputSink,
    export: Arc<Export>,
    recent: Arc<RecentLogs>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    trace_id: u128,
    span_id: u64,
    request_id: Option<Arc<str>>,
    line: Vec<u8>,
    written_bytes: u64,
    dropped_bytes: u64,
}

impl GuestOutput {
    pub(crate) fn new(
        component: &Arc<str>,
        stream: &'static str,
        limit_bytes: u64,
        sink: OutputSink,
        telemetry: &Telemetry,
    ) -> Self {
        let component = component.clone();
        let (export, recent) = (telemetry.export.clone(), telemetry.logs.clone());
        Self { component, stream, limit_bytes, sink, export, recent, state: Arc::default() }
    }

    /// From here on the output belongs to another call.
    pub(crate) fn begin(&self, trace: &TraceContext) {
        let mut state = self.state.lock();
        state.trace_id = trace.trace_id;
        state.span_id = trace.span_id;
        state.request_id.clone_from(&trace.request_id);
        state.written_bytes = 0;
    }

    /// The call is over: what has no line end yet is a line now, and what was too much
    /// is counted.
    pub(crate) fn end(&self, metrics: &Metrics) {
        let mut state = self.state.lock();
        self.emit_line(&mut state, true);
        let dropped = std::mem::take(&mut state.dropped_bytes);
        if dropped > 0 {
            let component = self.component.to_string();
            metrics.log_bytes_dropped.get_or_create(&ComponentLabels { component }).inc_by(dropped);
            tracing::warn!(
                component = %self.component,
                stream = self.stream,
                "dropped {dropped} bytes of output: a call may print {} bytes",
                self.limit_bytes,
            );
        }
    }

    /// Adds output of the current call, as far as it is within the limit.
    pub(crate) fn push(&self, bytes: &[u8]) {
        self.push_lines(bytes, true);
    }

    /// Adds a line for a log record of the component. If the log is exported and the line is within
    /// the limit, the record is exported as it is, and not the line.
    pub(crate) fn push_record(&self, line: &str, record: impl FnOnce() -> Encoded) {
        let mut state = self.state.lock();
        // What was printed before it is not a part of it.
        self.emit_line(&mut state, true);
        let length = state.written_bytes.saturating_add(line.len() as u64);
        drop(state);
        let is_within = length <= self.limit_bytes;
        if is_within && self.export.exports_logs() {
            self.export.log(record());
        }
        // Of a longer one, the beginning is a line, as if it was printed.
        self.push_lines(line.as_bytes(), !is_within);
    }

    fn push_lines(&self, bytes: &[u8], is_exported: bool) {
        let mut state = self.state.lock();
        let allowed = self.limit_bytes.saturating_sub(state.written_bytes) as usize;
        let (kept, dropped) = bytes.split_at(allowed.min(bytes.len()));
        state.written_bytes += kept.len() as u64;
        state.dropped_bytes += dropped.len() as u64;
        if let Some(file) = &self.sink.file {
            file.write(kept);
        }
        for byte in kept {
            if *byte == b'\n' || state.line.len() == LINE_LENGTH_MAX_BYTES {
                self.emit_line(&mut state, is_exported);
            }
            if *byte != b'\n' {
                state.line.push(*byte);
            }
        }
    }

    fn emit_line(&self, state: &mut State, is_exported: bool) {
        if state.line.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&state.line);
        if is_exported && self.export.exports_logs() {
            let line = GuestLine {
                component: &self.component,
                stream: self.stream,
                text: &text,
                trace_id: state.trace_id,
                span_id: state.span_id,
                request_id: state.request_id.as_deref(),
            };
            self.export.log(line.record());
        }
        let line = printable(&text);
        state.line.clear();
        self.recent.push(Line {
            level: "info",
            component: Some(self.component.clone()),
            stream: Some(self.stream),
            trace_id: state.trace_id,
            request_id: state.request_id.clone(),
            text: line.clone(),
            ..Line::default()
        });
        if !self.sink.logged {
            return;
        }
        tracing::info!(
            target: "tessera::guest",
            component = %self.component,
            stream = self.stream,
            trace_id = %format_args!("{:032x}", state.trace_id),
            request_id = state.request_id.as_deref(),
            "{line}",
        );
    }
}

/// Control characters could forge lines or drive a terminal, so they are shown, not sent.
fn printable(line: &str) -> String {
    let show = |c: char| match c.is_control() && c != '\t' {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    line.chars().map(show).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::otlp::{Message, Sampler};

    #[test]
    fn output_over_the_limit_of_a_call_is_dropped_and_counted() {
        let output = GuestOutput::new(
            &"c".into(),
            "stdout",
            4,
            OutputSink::default(),
            &Telemetry::default(),
        );
        output.begin(&TraceContext::root());
        output.push(b"abcdef");
        assert_eq!(output.state.lock().line, b"abcd");
        let metrics = Metrics::default();
        output.end(&metrics);
        assert!(metrics.encode().unwrap().contains("log_bytes_dropped_total{component=\"c\"} 2"));
    }

    #[test]
    fn the_limit_starts_anew_with_each_call() {
        let output = GuestOutput::new(
            &"c".into(),
            "stdout",
            4,
            OutputSink::default(),
            &Telemetry::default(),
        );
        for _ in 0..3 {
            output.begin(&TraceContext::root());
            output.push(b"abcd");
        }
        assert_eq!(output.state.lock().dropped_bytes, 0);
    }

    #[test]
    fn log_records_count_toward_the_limit_of_a_call() {
        let (export, receivers) = Export::new(Sampler::default(), None, Some(8), false);
        let telemetry = Telemetry::new(Arc::new(export), Arc::default());
        let output = GuestOutput::new(&"c".into(), "stderr", 8, OutputSink::default(), &telemetry);
        output.begin(&TraceContext::root());
        let record = || Encoded { scope: Message::default(), message: Message::default() };
        output.push_record("INFO a\n", record);
        output.push_record("INFO b\n", record);
        assert_eq!(receivers.logs.unwrap().len(), 1);
    }

    #[test]
    fn control_characters_are_shown_as_text() {
        assert_eq!(printable("a\u{1b}[31m\rb\tc"), "a\\u{1b}[31m\\rb\tc");
    }
}
