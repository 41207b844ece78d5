//! The requests of an experiment: each kind at its own rate, whether or not earlier ones have ended,
//! as users do.

use super::experiment::{Experiment, RequestKind};
use super::report::{PARTS_COUNT, Part, Sample};
use crate::capabilities::outbound_http::Client;
use crate::message::full_body;
use http::Request;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Requests of one kind in flight. Further ones count as failed.
const IN_FLIGHT_MAX: usize = 1_000;
/// The largest answer that is read.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// The requests that have ended so far.
#[derive(Default)]
pub(super) struct Samples(Mutex<Vec<(Instant, Sample)>>);

/// How often it is checked whether the requests of a part have ended.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// The running requests of an experiment. Dropping it ends them.
pub(super) struct Load {
    pub(super) samples: Arc<Samples>,
    part: Arc<Mutex<Part>>,
    /// Requests that have not ended, of all kinds, by their part.
    open: Arc<[AtomicUsize; PARTS_COUNT]>,
    _senders: JoinSet<()>,
}

impl Samples {
    fn add(&self, sample: Sample) {
        self.0.lock().push((Instant::now(), sample));
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Sample> {
        self.0.lock().iter().map(|(_, sample)| *sample).collect()
    }

    /// Those that ended in this time until now.
    pub(super) fn last(&self, window: Duration) -> Vec<Sample> {
        let samples = self.0.lock();
        let is_in = |(at, _): &&(Instant, Sample)| at.elapsed() <= window;
        samples.iter().rev().take_while(is_in).map(|(_, sample)| *sample).collect()
    }
}

impl Load {
    /// Begins to send requests to the application at this URL.
    pub(super) fn begin(experiment: &Experiment, url: &str, client: &Arc<Client>) -> Self {
        let samples = Arc::<Samples>::default();
        let part = Arc::new(Mutex::new(Part::Steady));
        let open = Arc::<[AtomicUsize; PARTS_COUNT]>::default();
        let mut senders = JoinSet::new();
        for (index, kind) in experiment.requests.iter().enumerate() {
            let sender = Sender {
                index,
                url: format!("{url}{}", kind.path),
                kind: kind.clone(),
                client: client.clone(),
                samples: samples.clone(),
                part: part.clone(),
                in_flight: AtomicUsize::new(0),
                open: open.clone(),
            };
            senders.spawn(Arc::new(sender).run());
        }
        Self { samples, part, open, _senders: senders }
    }

    /// Waits until all requests of a part have ended: each does at its timeout.
    pub(super) async fn ended(&self, part: Part) {
        let open = |part: Part| self.open.get(part as usize);
        while open(part).is_some_and(|open| open.load(Ordering::Relaxed) > 0) {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Requests that begin from now on belong to this part.
    pub(super) fn enter(&self, part: Part) {
        *self.part.lock() = part;
    }
}

struct Sender {
    index: usize,
    url: String,
    kind: RequestKind,
    client: Arc<Client>,
    samples: Arc<Samples>,
    part: Arc<Mutex<Part>>,
    in_flight: AtomicUsize,
    open: Arc<[AtomicUsize; PARTS_COUNT]>,
}

impl Sender {
    async fn run(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / self.kind.per_second);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut requests = JoinSet::new();
        loop {
            ticks.tick().await;
            while requests.try_join_next().is_some() {}
            if *self.part.lock() == Part::Over {
                continue;
            }
            if self.in_flight.load(Ordering::Relaxed) >= IN_FLIGHT_MAX {
                let part = *self.part.lock();
                self.record(part, Instant::now(), false);
                continue;
            }
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            let part = *self.part.lock();
            self.open(part).inspect(|open| _ = open.fetch_add(1, Ordering::Relaxed));
            requests.spawn(self.clone().send(part));
        }
    }

    fn open(&self, part: Part) -> Option<&AtomicUsize> {
        self.open.get(part as usize)
    }

    async fn send(self: Arc<Self>, part: Part) {
        let begun = Instant::now();
        let within = Duration::from_millis(self.kind.timeout_ms);
        let answer = tokio::time::timeout(within, self.exchange()).await;
        let succeeded = matches!(answer, Ok(Some(status)) if self.kind.is_success(status));
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.record(part, begun, succeeded);
        self.open(part).inspect(|open| _ = open.fetch_sub(1, Ordering::Relaxed));
    }

    /// The status of the answer, once all of it has arrived.
    async fn exchange(&self) -> Option<u16> {
        let mut request = Request::builder().method(self.kind.method.as_str()).uri(&self.url);
        for (name, value) in &self.kind.headers {
            request = request.header(name, value);
        }
        let request = request.body(full_body(self.kind.body.clone())).ok()?;
        let answer = self.client.exchange(request, ANSWER_MAX_BYTES).await.ok()?;
        Some(answer.status().as_u16())
    }

    fn record(&self, part: Part, begun: Instant, succeeded: bool) {
        let took = begun.elapsed();
        self.samples.add(Sample { kind: self.index, part, succeeded, took });
    }
}
