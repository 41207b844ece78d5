//! Generators of load, and what they tell.
//!
//! - [`generator`]: requests again and again, as fast as so many connections allow (closed
//!   loop) or at a rate (open loop, latency from the time at which a request was due).
//! - [`in_process`]: calls of something that has no socket.

pub(crate) mod generator;
pub(crate) mod in_process;

use http::Method;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The request that is sent again and again, or the file with several.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its method.
    pub(crate) method: Method,
    /// Its URL.
    pub(crate) url: String,
    /// `{key}` in the URL becomes a number below this, another one each time.
    pub(crate) keys: usize,
    /// Header fields beside those that every request has.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// A file with its body.
    pub(crate) body: Option<PathBuf>,
    /// A file with requests to the URL, in place of method, header fields and body.
    pub(crate) script: Option<PathBuf>,
}

impl Request {
    /// A plain `GET`.
    pub(crate) fn get(url: impl Into<String>) -> Request {
        let (method, headers) = (Method::GET, Vec::new());
        Request { method, url: url.into(), keys: 1, headers, body: None, script: None }
    }

    /// A `POST` of what is in the file.
    pub(crate) fn post(url: impl Into<String>, body: PathBuf) -> Request {
        Request { method: Method::POST, body: Some(body), ..Request::get(url) }
    }

    /// The requests in the file, each with a key that no other one has.
    pub(crate) fn script(url: impl Into<String>, file: PathBuf) -> Request {
        Request { keys: usize::MAX, script: Some(file), ..Request::get(url) }
    }

    /// `{key}` in the URL becomes a number below this.
    pub(crate) fn with_keys(self, keys: usize) -> Request {
        Request { keys, ..self }
    }
}

/// How requests follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// So many connections, each sending the next request when the last one is answered.
    Closed {
        /// Connections.
        connections: usize,
    },
    /// So many requests per second, whether or not earlier ones are answered; a request that goes
    /// out late because all connections are busy has that delay in its latency.
    Open {
        /// Requests per second.
        rate: u32,
        /// Connections to send them on.
        connections: usize,
    },
}

/// What a generator has seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Requests answered with success.
    pub(crate) requests: u64,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// Requests answered with success per second.
    pub(crate) requests_per_second: f64,
    /// Requests that failed: no answer, or a status from 400.
    pub(crate) errors: u64,
    /// Time to the answer, in milliseconds.
    pub(crate) p50_ms: f64,
    /// Of 100 requests one takes longer.
    pub(crate) p99_ms: f64,
    /// Of 1,000 requests one takes longer.
    pub(crate) p999_ms: f64,
}

impl Sample {
    /// From the latencies of single requests, in milliseconds, and the time that all took.
    pub(crate) fn of(latencies_ms: &[f64], errors: u64, took: Duration) -> Sample {
        use crate::statistics::quantile;
        let requests = latencies_ms.len() as u64;
        let seconds = took.as_secs_f64();
        Sample {
            requests,
            seconds,
            requests_per_second: requests as f64 / seconds.max(f64::EPSILON),
            errors,
            p50_ms: quantile(latencies_ms, 0.5),
            p99_ms: quantile(latencies_ms, 0.99),
            p999_ms: quantile(latencies_ms, 0.999),
        }
    }
}
