//! What guests print, as log lines with the component and the trace id of their call.

use super::{Metrics, TraceContext};
use crate::telemetry::metrics::ComponentLabels;
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// A longer line is cut into lines of this length.
const LINE_LENGTH_MAX_BYTES: usize = 8 * 1024;

/// One output stream of one instance.
#[derive(Clone)]
pub(crate) struct GuestOutput {
    component: Arc<str>,
    stream: &'static str,
    limit_bytes: u64,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    trace_id: u128,
    request_id: Option<Arc<str>>,
    line: Vec<u8>,
    written_bytes: u64,
    dropped_bytes: u64,
}

impl GuestOutput {
    pub(crate) fn new(component: &Arc<str>, stream: &'static str, limit_bytes: u64) -> Self {
        Self { component: component.clone(), stream, limit_bytes, state: Arc::default() }
    }

    /// From here on the output belongs to another call.
    pub(crate) fn begin(&self, trace: &TraceContext) {
        let mut state = self.lock();
        state.trace_id = trace.trace_id;
        state.request_id.clone_from(&trace.request_id);
        state.written_bytes = 0;
    }

    /// The call is over: what has no line end yet is a line now, and what was too much
    /// is counted.
    pub(crate) fn end(&self, metrics: &Metrics) {
        let mut state = self.lock();
        self.emit_line(&mut state);
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

    fn take_in(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let allowed = self.limit_bytes.saturating_sub(state.written_bytes) as usize;
        let (kept, dropped) = bytes.split_at(allowed.min(bytes.len()));
        state.written_bytes += kept.len() as u64;
        state.dropped_bytes += dropped.len() as u64;
        for byte in kept {
            if *byte == b'\n' || state.line.len() == LINE_LENGTH_MAX_BYTES {
                self.emit_line(&mut state);
            }
            if *byte != b'\n' {
                state.line.push(*byte);
            }
        }
    }

    fn emit_line(&self, state: &mut State) {
        if state.line.is_empty() {
            return;
        }
        let line = printable(&String::from_utf8_lossy(&state.line));
        state.line.clear();
        tracing::info!(
            target: "tessera::guest",
            component = %self.component,
            stream = self.stream,
            trace_id = %format_args!("{:032x}", state.trace_id),
            request_id = state.request_id.as_deref(),
            "{line}",
        );
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take_in(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE_LENGTH_MAX_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl AsyncWrite for GuestOutput {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.take_in(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_over_the_limit_of_a_call_is_dropped_and_counted() {
        let output = GuestOutput::new(&"c".into(), "stdout", 4);
        output.begin(&TraceContext::root());
        output.take_in(b"abcdef");
        assert_eq!(output.lock().line, b"abcd");
        let metrics = Metrics::default();
        output.end(&metrics);
        assert!(metrics.encode().unwrap().contains("log_bytes_dropped_total{component=\"c\"} 2"));
    }

    #[test]
    fn the_limit_starts_anew_with_each_call() {
        let output = GuestOutput::new(&"c".into(), "stdout", 4);
        for _ in 0..3 {
            output.begin(&TraceContext::root());
            output.take_in(b"abcd");
        }
        assert_eq!(output.lock().dropped_bytes, 0);
    }

    #[test]
    fn control_characters_are_shown_as_text() {
        assert_eq!(printable("a\u{1b}[31m\rb\tc"), "a\\u{1b}[31m\\rb\tc");
    }
}
