//! Durable events: how many the log takes, and how long one is under way.

use super::Entry;
use crate::bench::Bench;
use crate::client;
use crate::compare::{Figures, Round};
use crate::load::{Latencies, Pace, Request};
use crate::peers::tessera;
use crate::report::{Curve, Row, Series, Target};
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tessera_events::embedded::Embedded;
use tessera_events::{Event, Log, Member, Mode, Options, Pattern, StartAt, Subscription};

pub(crate) const ENTRY: Entry = Entry {
    name: "events",
    about: "publish durable, by 32 publishers; publish to delivered, through the host",
    run: |bench| Box::pin(run(bench)),
};

const PUBLISHERS: usize = 32;
/// Publications per second while deliveries are timed: far from what the log can take, so that
/// the time is that of one event and not of a queue.
const DELIVERED_PER_SECOND: u32 = 200;
/// Most of an event's data.
const NOTE_BYTES: usize = 300;
/// How long to wait for the last delivery.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

async fn run(bench: &Bench) -> Result<Vec<Row>> {
    Ok(vec![publish(bench).await?, deliver(bench).await?])
}

/// The log alone, with a subscription that wants every event.
async fn publish(bench: &Bench) -> Result<Row> {
    let mut rounds = Vec::new();
    for _ in 0..bench.settings.rounds {
        let folder = bench.folder()?;
        let log = open(folder.path())?;
        rounds.push(round(&log, bench.settings.duration()).await?);
        log.close().await?;
    }
    let figures = Figures::of("publications", PUBLISHERS, &rounds);
    eprintln!("    {}", figures.line());
    let rate = figures.requests_per_second;
    let target = [Target::AtLeast(20_000.0)];
    let row = Row::of_value("events, published", "durable events/s", rate, vec![], &target);
    Ok(row.with_figures(vec![figures]).with_curves([by_depth(bench).await?]))
}

fn open(folder: &std::path::Path) -> Result<Embedded> {
    let everything = Subscription {
        name: "bench".to_owned(),
        types: vec![Pattern::parse("com.bench.*")?],
        members: vec![Member {
            component: "bench".to_owned(),
            path: "/events".to_owned(),
            mode: Mode::Binary,
        }],
        concurrency_max: Subscription::CONCURRENCY_DEFAULT,
        attempts_max: Subscription::ATTEMPTS_DEFAULT,
        start_at: StartAt::Start,
    };
    Ok(Embedded::open(&folder.join("events.db"), Options::default(), vec![everything])?)
}

async fn round(log: &Embedded, time: Duration) -> Result<Round> {
    let log = log.clone();
    let publish = move |_, _| {
        let log = log.clone();
        async move { Ok(log.publish(vec![event()]).await.map(drop)?) }
    };
    Round::in_process(PUBLISHERS, time, publish).await
}

/// An event like that of a shop: its data has some hundred bytes.
fn event() -> Event {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let order = format!("ord_{number:012}");
    Event {
        id: format!("{order}.1"),
        source: "/bench".to_owned(),
        kind: "com.bench.order.placed.v1".to_owned(),
        subject: Some(order.clone()),
        time: Some("2026-01-01T00:00:00Z".to_owned()),
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        data: format!(r#"{{"order_id":"{order}","note":"{}"}}"#, "x".repeat(NOTE_BYTES)),
        extensions: BTreeMap::from([("partitionkey".to_owned(), order)]),
    }
}

/// The cost of a publication by the number of events that wait for delivery.
async fn by_depth(bench: &Bench) -> Result<Curve> {
    let folder = bench.folder()?;
    let log = open(folder.path())?;
    let mut points = Vec::new();
    for depth in [100, 1_000, 10_000, 100_000, 1_000_000] {
        let depth = bench.settings.population(depth) as u64;
        while log.statistics().entries < depth {
            let missing = depth - log.statistics().entries;
            let events = (0..missing.min(100)).map(|_| event()).collect();
            log.publish(events).await?;
        }
        let round = round(&log, Duration::from_secs(1)).await?;
        points.push((depth as f64, 1e6 / round.sample.requests_per_second.max(1.0)));
    }
    log.close().await?;
    let title = "The event log: time per publication, 32 publishers";
    let axes = ["events that wait for delivery", "µs per event"];
    let series = vec![Series::new("durable publication", points)];
    Ok(Curve::new("events-depth", title, axes, series))
}

/// From just before a guest publishes to the first line of another guest's handler.
async fn deliver(bench: &Bench) -> Result<Row> {
    let host = tessera::up(bench, "events", &[]).await?;
    let request = Request::post(format!("{}/publish", host.url), empty_file(bench)?);
    let pace = Pace::Open { rate: DELIVERED_PER_SECOND, connections: 16 };
    let time = bench.settings.duration() * u32::try_from(bench.settings.rounds)?;
    bench.generator.run(&request, pace, Duration::from_secs(1)).await?;
    settled(&host.url, 1).await?;
    let before = latencies(&host.url).await?.len();
    let begin = Instant::now();
    let published = bench.generator.run(&request, pace, time).await?;
    let took = begin.elapsed();
    ensure!(published.errors == 0, "{} publications failed", published.errors);
    let all = settled(&host.url, before + usize::try_from(published.requests)?).await?;
    let mut delivered = Latencies::new()?;
    all.into_iter().for_each(|latency| delivered.record(latency));
    let round = Round { sample: delivered.sample(0, took), ..Round::default() };
    let load = usize::try_from(DELIVERED_PER_SECOND)?;
    let figures = Figures::of("publish → handler", load, &[round]);
    eprintln!("    {}", figures.line());
    let target = [Target::AtMost(2.0)];
    let row = Row::of_value("events, delivered", "ms (p50)", figures.p50_ms, vec![], &target);
    let note = format!("An open loop of {DELIVERED_PER_SECOND} publications/s, each by a guest.");
    Ok(row.with_figures(vec![figures]).note(note))
}

fn empty_file(bench: &Bench) -> Result<std::path::PathBuf> {
    let file = bench.results().join("empty.bin");
    std::fs::write(&file, b"")?;
    Ok(file)
}

/// The latencies of at least this number of deliveries, once there are no others.
async fn settled(url: &str, expected: usize) -> Result<Vec<Duration>> {
    let begin = Instant::now();
    let mut before = 0;
    loop {
        let now = latencies(url).await?;
        if now.len() >= expected && now.len() == before {
            return Ok(now);
        }
        let count = now.len();
        ensure!(begin.elapsed() < DELIVERY_TIMEOUT, "{count} of {expected} events are delivered");
        before = count;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn latencies(url: &str) -> Result<Vec<Duration>> {
    let body = client::get(&format!("{url}/latencies")).await?;
    let lines = std::str::from_utf8(&body)?.lines();
    lines.map(|line| Ok(Duration::from_micros(line.parse().context("a latency")?))).collect()
}
