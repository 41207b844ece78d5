//! The access log: one line per request, when its response has ended.

use super::described::{protocol_version, user_agent};
use crate::telemetry::TraceContext;
use http::StatusCode;
use http::request::Parts;
use std::net::IpAddr;
use std::time::Instant;

/// Longer paths and names of clients are cut.
const TEXT_MAX_BYTES: usize = 1_024;

/// A request in progress. Dropping it writes its line.
pub(super) struct AccessLine {
    method: String,
    path: String,
    protocol: &'static str,
    client: IpAddr,
    user_agent: Option<String>,
    trace: TraceContext,
    started: Instant,
    status: Option<StatusCode>,
    body_bytes: u64,
    is_complete: bool,
}

impl AccessLine {
    pub(super) fn begin(parts: &Parts, client: IpAddr, trace: &TraceContext) -> Self {
        let text = |text: &str| text[..text.floor_char_boundary(TEXT_MAX_BYTES)].to_owned();
        Self {
            method: text(parts.method.as_str()),
            // Without the query, which may contain what must not be kept.
            path: text(parts.uri.path()),
            protocol: protocol_version(parts.version),
            client,
            user_agent: user_agent(&parts.headers).map(text),
            trace: trace.clone(),
            started: Instant::now(),
            status: None,
            body_bytes: 0,
            is_complete: false,
        }
    }

    /// The head of the response is complete.
    pub(super) fn respond(&mut self, status: StatusCode, has_body: bool) {
        self.status = Some(status);
        self.is_complete = !has_body;
    }

    /// A part of the body was given to the connection.
    pub(super) fn add(&mut self, bytes: usize) {
        self.body_bytes += bytes as u64;
    }

    /// The body has ended.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        tracing::info!(
            target: "tessera::access",
            method = self.method,
            path = self.path,
            protocol = self.protocol,
            status = self.status.map(|status| status.as_u16()),
            body_bytes = self.body_bytes,
            is_complete = self.is_complete,
            duration_ms = self.started.elapsed().as_micros() as f64 / 1_000.0,
            client = %self.client,
            user_agent = self.user_agent,
            trace_id = %format_args!("{:032x}", self.trace.trace_id),
            request_id = self.trace.request_id.as_deref(),
            "request",
        );
    }
}
