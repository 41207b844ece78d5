//! Generators of load, and what they measure.
//!
//! - [`generator`]: requests one after the other, as fast as a number of connections allows (closed
//!   loop) or at a rate (open loop, latency from the time at which a request was due).
//! - [`in_process`]: calls of something that has no socket.

pub(crate) mod generator;
pub(crate) mod in_process;
mod latencies;

pub(crate) use latencies::{Latencies, Sample};

use http::Method;
use std::path::PathBuf;

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
    /// A number of connections, each of which sends the next request when the last one is answered.
    Closed {
        /// Connections.
        connections: usize,
    },
    /// A number of requests per second, whether or not earlier ones are answered; a request that
    /// goes out late because all connections are busy has that delay in its latency.
    Open {
        /// Requests per second.
        rate: u32,
        /// Connections to send them on.
        connections: usize,
    },
}
