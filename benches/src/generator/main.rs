//! `generator`: sends requests again and again, and says how long the answers took.
//!
//! A program of its own, so that its time on the processor is not that of a contender, and on one
//! thread, because contenders need the processors more. It writes requests that are made once and
//! only looks for the end of an answer: on one machine, the time that a generator takes is missing
//! for the contender, which moves all ratios towards one. It is here, and not oha or wrk, for that,
//! and because those need tools that nothing else here needs (make, CMake) and minutes to build.
//!
//! - **Closed loop** (without `--rate`): each connection sends its next request when the last one
//!   is answered.
//! - **Open loop** (`--rate`): requests are due at fixed times whether or not earlier ones are
//!   answered, and the latency of one that finds all connections busy counts from the time at
//!   which it was due. Otherwise a service that stalls would be asked less often just then, and
//!   the stall would show in one request rather than in all those that it would have met.

mod connection;
#[path = "../load/latencies.rs"]
mod latencies;
mod template;

use anyhow::{Context as _, Result};
use clap::Parser;
use connection::Connection;
use futures::future::join_all;
use http::Uri;
use latencies::{Latencies, Sample};
use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use template::{Request, Template};
use tokio::time::Instant;

/// Load on one service.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to; `{key}` in it becomes a number below `--keys`, another one each time.
    url: String,
    /// A file with the requests to send, one after the other and then from the start: a JSON
    /// array of `{"method", "path", "headers": [[name, value], …], "body"}`. `{key}` is replaced
    /// in all of them.
    #[arg(long, conflicts_with_all = ["method", "headers", "body"])]
    requests: Option<PathBuf>,
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
    let sample = total.sample(plan.begin.elapsed());
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&sample)?)?;
    Ok(())
}

/// What to send, and when.
struct Plan {
    address: String,
    templates: Vec<Template>,
    /// The template that is next.
    turn: Cell<usize>,
    keys: u64,
    /// Another one in each run.
    seed: RandomState,
    begin: Instant,
    end: Instant,
    rate: Option<f64>,
    /// Requests that have been due so far, in an open loop.
    next: Cell<u64>,
}

impl Plan {
    fn of(arguments: &Arguments) -> Result<Plan> {
        let parsable: Uri = arguments.url.replace("{key}", "0").parse()?;
        let address = parsable.authority().context("a URL without a host")?.to_string();
        let path = arguments.url.split_once(&address).map_or("/", |(_, path)| path);
        let requests = match &arguments.requests {
            Some(file) => serde_json::from_slice(&std::fs::read(file)?)?,
            None => vec![Request::of(arguments, path)?],
        };
        anyhow::ensure!(!requests.is_empty(), "there are no requests in the file");
        let begin = Instant::now();
        Ok(Plan {
            templates: requests.iter().map(|request| Template::of(request, &address)).collect(),
            address,
            turn: Cell::new(0),
            keys: arguments.keys.max(1),
            seed: RandomState::new(),
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
        // Another sequence of keys for each worker of each run, or what is to have a key that no
        // other request has would be taken for a repetition; the constants are SplitMix64's.
        let mut key = self.seed.hash_one(worker);
        let mut request = Vec::new();
        while let Some(begin) = self.due().await {
            key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.next_template().write(&mut request, mix(key) % self.keys);
            let sent = self.send(&mut connection, &request);
            match tokio::time::timeout(TIMEOUT, sent).await {
                Ok(Ok(status)) if status < 400 => seen.latencies.record(begin.elapsed()),
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

    fn next_template(&self) -> &Template {
        let turn = self.turn.get();
        self.turn.set((turn + 1) % self.templates.len());
        &self.templates[turn]
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
    /// Of successes.
    latencies: Latencies,
    errors: u64,
}

impl Seen {
    fn new() -> Result<Seen> {
        Ok(Seen { latencies: Latencies::new()?, errors: 0 })
    }

    fn add(&mut self, other: &Seen) -> Result<()> {
        self.latencies.add(&other.latencies)?;
        self.errors += other.errors;
        Ok(())
    }

    fn sample(&self, took: Duration) -> Sample {
        self.latencies.sample(self.errors, took)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A service that answers one connection's requests, each after this time.
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

    async fn load(arguments: &[&str], url: &str) -> Sample {
        let line = ["generator", url].into_iter().chain(arguments.iter().copied());
        let seen = Plan::of(&Arguments::parse_from(line)).unwrap().work(0).await.unwrap();
        seen.sample(Duration::from_millis(500))
    }

    #[tokio::test]
    async fn an_open_loop_counts_from_when_a_request_was_due() {
        let url = service(Duration::from_millis(50)).await;
        let slow = ["--milliseconds", "500"];
        let closed = load(&slow, &url).await;
        let url = service(Duration::from_millis(50)).await;
        let open = load(&[&slow[..], &["--rate", "100"]].concat(), &url).await;
        // Fifty are due in half a second and one connection serves ten: the others wait.
        assert!(closed.requests <= 10 && closed.p50_ms >= 49.0, "{closed:?}");
        assert_eq!((open.requests, open.errors), (50, 0));
        assert!(open.p999_ms > 1_000.0, "{open:?}");
    }
}
