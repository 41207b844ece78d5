//! How many events a log takes and delivers: `cargo run --release --example throughput
//! --features embedded -- [publishers] [seconds] [none|done] [keys]`.
//!
//! Each publisher publishes one event of about 300 bytes of data at a time and waits for the
//! answer, which is when it is durable. `none` delivers nothing; `done` has one subscription whose
//! handler answers at once.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use tessera_events::{
    Deliver, Delivery, Event, Log, Member, Mode, Options, Outcome, Pattern, StartAt, Subscription,
    delivery::Service, embedded::Embedded,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number =
        |default: u64| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (publishers, seconds, keys) = (number(32), number(5), number(1_000));
    let delivers = number(1) == 1;
    let run = Run { publishers, duration: Duration::from_secs(seconds), keys, delivers };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run.go());
}

struct Run {
    publishers: u64,
    duration: Duration,
    keys: u64,
    delivers: bool,
}

impl Run {
    async fn go(self) {
        let folder = tempfile::tempdir_in(".").unwrap();
        let log = Embedded::open(&folder.path().join("events.db"), Options::default(), vec![all()])
            .unwrap();
        let start = Instant::now();
        let handler = Arc::new(Handler { start, delays_us: Mutex::default() });
        let service = self.delivers.then(|| {
            Service::new(Arc::new(log.clone()), Arc::clone(&handler) as Arc<dyn Deliver>).start()
        });
        let (next, cpu, io) = (Arc::new(AtomicU64::new(0)), cpu_ms(), written_bytes());
        let end = start + self.duration;
        let publishers = (0..self.publishers).map(|_| {
            tokio::spawn(publish_until(end, start, log.clone(), Arc::clone(&next), self.keys))
        });
        let waits = futures::future::join_all(publishers).await;
        let published = next.load(Ordering::Relaxed);
        let elapsed = start.elapsed().as_secs_f64();
        let delivered = handler.delays_us.lock().unwrap().len();
        report("publish", waits.into_iter().flat_map(Result::unwrap).collect());
        let (cpu, io) = (cpu_ms() - cpu, written_bytes() - io);
        println!(
            "{:.0} events/s durable, {:.0} delivered/s at the same time, {:.1} CPU ms and {} KB \
             written per 1,000",
            published as f64 / elapsed,
            delivered as f64 / elapsed,
            cpu as f64 * 1_000.0 / published as f64,
            io / published.max(1),
        );
        if let Some(service) = service {
            while log.subscriptions().await.unwrap()[0].lag_events > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            println!(
                "{:.0} delivered/s in the end",
                published as f64 / start.elapsed().as_secs_f64()
            );
            println!(
                "{:.1} CPU ms per 1,000 published and delivered",
                (cpu_ms() as f64 - 0.0) * 1_000.0 / published as f64
            );
            report("to handler", handler.delays_us.lock().unwrap().clone());
            service.drain(Duration::from_secs(5)).await;
        }
        log.close().await.unwrap();
    }
}

/// Publishes until the time is over; how long each took, in microseconds.
async fn publish_until(
    end: Instant,
    start: Instant,
    log: Embedded,
    next: Arc<AtomicU64>,
    keys: u64,
) -> Vec<u64> {
    let mut waits = Vec::new();
    while Instant::now() < end {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let before = Instant::now();
        log.publish(vec![event(number, number % keys, (before - start).as_micros())])
            .await
            .unwrap();
        waits.push(before.elapsed().as_micros() as u64);
    }
    waits
}

fn event(number: u64, key: u64, at_us: u128) -> Event {
    let text = |text: &str| Some(text.to_owned());
    Event {
        id: format!("ord_{number:016}.1"),
        source: "/shop/orders".to_owned(),
        kind: "com.shop.orders.order.placed.v1".to_owned(),
        subject: Some(format!("ord_{key:016}")),
        time: text("2026-01-02T03:04:05.678Z"),
        data_content_type: text("application/json"),
        data_schema: None,
        extensions: BTreeMap::from([
            ("partitionkey".to_owned(), format!("ord_{key:016}")),
            ("sequence".to_owned(), number.to_string()),
        ]),
        data: format!("{{\"at_us\":{at_us:>12},\"filler\":\"{}\"}}", "x".repeat(264)),
    }
}

fn all() -> Subscription {
    let member = Member { component: "all".into(), path: "/events".into(), mode: Mode::Binary };
    Subscription {
        name: "all".to_owned(),
        members: vec![member],
        types: vec![Pattern::parse("com.shop.orders.*").unwrap()],
        concurrency_max: 64,
        attempts_max: 3,
        start_at: StartAt::Start,
    }
}

struct Handler {
    start: Instant,
    delays_us: Mutex<Vec<u64>>,
}

impl Deliver for Handler {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        let now = self.start.elapsed().as_micros() as u64;
        let sent =
            |entry: &tessera_events::Entry| entry.event.data[9..21].trim().parse::<u64>().unwrap();
        let delays = delivery.entries.iter().map(|entry| now.saturating_sub(sent(entry)));
        self.delays_us.lock().unwrap().extend(delays);
        std::future::ready(Outcome::Done).boxed()
    }
}

fn report(name: &str, mut delays_us: Vec<u64>) {
    delays_us.sort_unstable();
    let at = |share: f64| {
        let place = (delays_us.len() as f64 * share) as usize;
        delays_us.get(place).copied().unwrap_or_default()
    };
    let (half, most, nearly) = (at(0.5), at(0.99), at(0.999));
    println!("{name}: p50 {half} us, p99 {most} us, p99.9 {nearly} us, {}", delays_us.len());
}

/// CPU time of this process, in milliseconds.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.split(' ').skip(13).take(2).filter_map(|text| text.parse::<u64>().ok());
    ticks.sum::<u64>() * 10
}

/// What this process has handed to the file system, in bytes.
fn written_bytes() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|text| text.parse().ok()).unwrap_or_default()
}
