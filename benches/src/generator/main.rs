//! `generator`: sends the same request again and again, and says how long the answers took.
//!
//! A program of its own, so that its time on the processor is not that of a contender, and on one
//! thread, because contenders need the processors more. It writes requests that are made once and
//! reads no more of an answer than where it ends: on one machine, what a generator spends is
//! missing for whom it measures, and so presses all ratios towards one. It is here, and not oha
//! or wrk, for that, and because those need tools that nothing else here needs (make, CMake) and
//! minutes to build.
//!
//! - **Closed loop** (without `--rate`): each connection sends its next request when the last one
//!   is answered.
//! - **Open loop** (`--rate`): requests are due at fixed times whether or not earlier ones are
//!   answered, and the latency of one that finds all connections busy counts from the time at
//!   which it was due. Otherwise a service that stalls would be asked less often just then, and
//!   the stall would show in one request rather than in all those that it would have met.

mod connection;

use anyhow::{Context as _, Result};
use clap::Parser;
use connection::Connection;
use futures::future::join_all;
use hdrhistogram::Histogram;
use http::Uri;
use std::cell::Cell;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// Load on one URL.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to; `{key}` in it becomes a number below `--keys`, another one each time.
    url: String,
    /// The request's method.
    #[arg(long, default_value = "GET")]
    method: String,
    /// Numbers for `{key}`.
    #[arg(long, default_value_t = 1)]
    keys: u64,
    /// A header field, as `name: value`.
    #[arg(long = "header")]
    headers: Vec<String>,
    /// A file with the request's body.
    #[arg(long)]
    body: Option<PathBuf>,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Requests per second; without it, as many as are answered.
    #[arg(long)]
    rate: Option<f64>,
    /// How long, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    milliseconds: u64,
}

/// How long a request may go without an answer; then it is an error.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection that was refused or lost waits for the next attempt.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan::of(&arguments)?;
    let workers = (0..arguments.connections).map(|worker| plan.work(worker as u64));
    let mut total = Seen::new()?;
    for seen in join_all(workers).await {
        total.add(&seen?)?;
    }
    let seconds = plan.begin.elapsed().as_secs_f64();
    writeln!(std::io::stdout(), "{}", total.report(seconds))?;
    Ok(())
}

/// What to send, and when.
struct Plan {
    address: String,
    /// The request in pieces: a key comes between any two of them.
    pieces: Vec<Vec<u8>>,
    keys: u64,
    begin: Instant,
    end: Instant,
    rate: Option<f64>,
    /// Requests that have been due so far, in an open loop.
    next: Cell<u64>,
}

impl Plan {
    fn of(arguments: &Arguments) -> Result<Plan> {
        let parsable: Uri = arguments.url.replace("{key}", "0").parse()?;
        let authority = parsable.authority().context("a URL without a host")?.to_string();
        let path = arguments.url.split_once(&authority).map_or("/", |(_, path)| path);
        let path = if path.is_empty() { "/" } else { path };
        let body = arguments.body.as_ref().map(std::fs::read).transpose()?.unwrap_or_default();
        let mut head = format!("{} {path} HTTP/1.1\r\nhost: {authority}\r\n", arguments.method);
        for header in &arguments.headers {
            head.push_str(&format!("{header}\r\n"));
        }
        if arguments.body.is_some() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut pieces: Vec<Vec<u8>> = head.split("{key}").map(|part| part.into()).collect();
        pieces.last_mut().context("a request")?.extend_from_slice(&body);
        let begin = Instant::now();
        Ok(Plan {
            address: authority,
            pieces,
            keys: arguments.keys.max(1),
            begin,
            end: begin + Duration::from_millis(arguments.milliseconds),
            rate: arguments.rate,
            next: Cell::new(0),
        })
    }

    /// Sends on one connection until the time is over.
    async fn work(&self, worker: u64) -> Result<Seen> {
        let mut seen = Seen::new()?;
        let mut connection = None;
        // Another sequence of keys for each worker; the constants are those of SplitMix64.
        let mut key = worker.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut request = Vec::new();
        while let Some(begin) = self.due().await {
            key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.write_request(&mut request, mix(key) % self.keys);
            let sent = self.send(&mut connection, &request);
            match tokio::time::timeout(TIMEOUT, sent).await {
                Ok(Ok(status)) if status < 400 => seen.answered(begin.elapsed()),
                Ok(Ok(_)) => seen.errors += 1,
                Ok(Err(_)) | Err(_) => {
                    seen.errors += 1;
                    connection = None;
                    tokio::time::sleep(RECONNECT_INTERVAL).await;
                }
            }
        }
        Ok(seen)
    }

    /// Waits until the next request may go out: the time from which its latency counts.
    async fn due(&self) -> Option<Instant> {
        let now = Instant::now();
        let Some(rate) = self.rate else { return (now < self.end).then_some(now) };
        let number = self.next.replace(self.next.get() + 1);
        let due = self.begin + Duration::from_secs_f64(number as f64 / rate);
        if due >= self.end {
            return None;
        }
        if due <= now {
            return Some(due);
        }
        tokio::time::sleep_until(due).await;
        // This connection was free: that the timer is late by up to a millisecond is our own
        // affair and not the service's.
        Some(Instant::now())
    }

    fn write_request(&self, request: &mut Vec<u8>, key: u64) {
        request.clear();
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                // Writing to memory does not fail.
                let _ = write!(request, "{key}");
            }
            request.extend_from_slice(piece);
        }
    }

    async fn send(&self, connection: &mut Option<Connection>, request: &[u8]) -> Result<u16> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(Connection::open(&self.address).await?),
        };
        connection.send(request).await
    }
}

fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// What became of requests.
struct Seen {
    /// Of successes, in nanoseconds.
    latencies: Histogram<u64>,
    errors: u64,
}

impl Seen {
    fn new() -> Result<Seen> {
        Ok(Seen { latencies: Histogram::new(3)?, errors: 0 })
    }

    fn answered(&mut self, time: Duration) {
        self.latencies.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn add(&mut self, other: &Seen) -> Result<()> {
        self.latencies.add(&other.latencies)?;
        self.errors += other.errors;
        Ok(())
    }

    fn report(&self, seconds: f64) -> serde_json::Value {
        let ms = |share: f64| self.latencies.value_at_quantile(share) as f64 / 1e6;
        serde_json::json!({
            "requests": self.latencies.len(),
            "seconds": seconds,
            "requests_per_second": self.latencies.len() as f64 / seconds,
            "errors": self.errors,
            "p50_ms": ms(0.5),
            "p99_ms": ms(0.99),
            "p999_ms": ms(0.999),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A service that answers one connection's requests, each after so long.
    async fn service(wait: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/k{{key}}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            let mut request = [0; 1024];
            while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                tokio::time::sleep(wait).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
        });
        url
    }

    async fn load(arguments: &[&str], url: &str) -> Seen {
        let line = ["generator", url].into_iter().chain(arguments.iter().copied());
        Plan::of(&Arguments::parse_from(line)).unwrap().work(0).await.unwrap()
    }

    #[tokio::test]
    async fn an_open_loop_counts_from_when_a_request_was_due() {
        let url = service(Duration::from_millis(50)).await;
        let slow = ["--milliseconds", "500"];
        let closed = load(&slow, &url).await;
        let url = service(Duration::from_millis(50)).await;
        let open = load(&[&slow[..], &["--rate", "100"]].concat(), &url).await;
        // Fifty are due in half a second and one connection serves ten: the others wait.
        assert!(closed.latencies.len() <= 10 && closed.latencies.max() < 200_000_000);
        assert_eq!((open.latencies.len(), open.errors), (50, 0));
        assert!(open.latencies.max() > 1_000_000_000, "{}", open.latencies.max());
    }

    #[test]
    fn a_request_has_its_key_and_its_body() {
        let body = std::env::temp_dir().join(format!("generator-{}", std::process::id()));
        std::fs::write(&body, "abc").unwrap();
        let path = body.display().to_string();
        let line = ["generator", "http://localhost:1/k{key}", "--method", "POST", "--body", &path];
        let plan = Plan::of(&Arguments::parse_from(line)).unwrap();
        std::fs::remove_file(body).unwrap();
        let mut request = Vec::new();
        plan.write_request(&mut request, 42);
        let expected = "POST /k42 HTTP/1.1\r\nhost: localhost:1\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(String::from_utf8(request).unwrap(), expected);
    }
}
