//! Sends telemetry to a collector by OTLP, as the standard variables `OTEL_…` say.
//!
//! Each kind of telemetry has a task that takes batches out of its queue and sends them one at a
//! time. A collector that is slow or gone costs telemetry, which is counted, and never a call.

mod batches;
mod delivery;
mod grpc;
mod http;
mod settings;
mod transport;

pub(crate) use settings::Settings;

use crate::telemetry::otlp::{
    Counts, Export, Period, Receivers, Resource, Signal, logs_request, metrics_request,
    traces_request,
};
use batches::Batches;
use delivery::Delivery;
use futures::future::BoxFuture;
use settings::Target;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long the end of the process may wait for what is queued to be sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// Components' exports of metrics are sent together, after this time at the latest.
const GUEST_METRICS_DELAY: Duration = Duration::from_secs(1);
/// The maximum number of them in one request.
const GUEST_METRICS_PER_REQUEST_MAX: usize = 64;

/// Reads the metrics of the host, as OpenMetrics; none if that fails.
pub(crate) type ReadMetrics = Box<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync>;

/// The tasks that send telemetry.
pub(crate) struct Exporter {
    settings: Settings,
    export: Arc<Export>,
    receivers: Receivers,
    resource: Arc<Resource>,
    started: SystemTime,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    stop_metrics: CancellationToken,
    metric_tasks: Vec<JoinHandle<()>>,
    /// What is left of the time that the end of the process may wait.
    flush_time: Duration,
}

impl Exporter {
    /// The queues exist from now on, so that nothing is lost before the tasks are started.
    #[expect(clippy::disallowed_methods, reason = "metrics have the date from which they count")]
    pub(crate) fn new(settings: Settings) -> Self {
        let length = |batches: &Batches, target: &Option<Target>| {
            target.is_some().then_some(batches.queue_length_max)
        };
        let (export, receivers) = Export::new(
            settings.sampler,
            length(&settings.span_batches, &settings.traces),
            length(&settings.log_batches, &settings.logs),
            settings.metrics.is_some(),
        );
        Self {
            settings,
            export: Arc::new(export),
            receivers,
            resource: Arc::default(),
            started: SystemTime::now(),
            stop: CancellationToken::new(),
            tasks: Vec::new(),
            stop_metrics: CancellationToken::new(),
            metric_tasks: Vec::new(),
            flush_time: FLUSH_TIMEOUT,
        }
    }

    /// Where telemetry goes.
    pub(crate) fn export(&self) -> Arc<Export> {
        self.export.clone()
    }

    /// Logs what is wrong with the settings.
    pub(crate) fn warn(&self) {
        for warning in &self.settings.warnings {
            tracing::warn!("{warning}");
        }
    }

    /// Starts to send spans and the log. They are about this application.
    pub(crate) fn start(&mut self, name: &str, version: &str) -> anyhow::Result<()> {
        self.resource = Arc::new(self.settings.resource(name, version));
        if let (Some(spans), Some(delivery)) =
            (self.receivers.spans.take(), self.delivery(Signal::Traces)?)
        {
            let (resource, stop) = (self.resource.clone(), self.stop.clone());
            let encode = move |batch: &[_]| traces_request(&resource, batch);
            let send = self.settings.span_batches.clone().send(spans, delivery, encode, stop);
            self.tasks.push(spawn(send));
        }
        if let (Some(records), Some(delivery)) =
            (self.receivers.logs.take(), self.delivery(Signal::Logs)?)
        {
            let (resource, stop) = (self.resource.clone(), self.stop.clone());
            let encode = move |batch: &[_]| logs_request(&resource, batch);
            let send = self.settings.log_batches.clone().send(records, delivery, encode, stop);
            self.tasks.push(spawn(send));
        }
        Ok(())
    }

    /// Starts to send metrics.
    pub(crate) fn start_metrics(&mut self, read: ReadMetrics) -> anyhow::Result<()> {
        let Some(guests) = self.receivers.metrics.take() else { return Ok(()) };
        let Some(delivery) = self.delivery(Signal::Metrics)? else { return Ok(()) };
        let delivery = Arc::new(delivery);
        let batches = Batches {
            delay: GUEST_METRICS_DELAY,
            timeout: self.settings.metric_timeout,
            queue_length_max: crate::telemetry::otlp::GUEST_METRICS_MAX,
            batch_length_max: GUEST_METRICS_PER_REQUEST_MAX,
        };
        let (resource, started) = (self.resource.clone(), self.started);
        let stop = self.stop_metrics.clone();
        let encode = move |batch: &[_]| metrics_request(&resource, "", period(started), batch);
        self.metric_tasks.push(spawn(batches.send(guests, delivery.clone(), encode, stop)));

        let (resource, stop) = (self.resource.clone(), self.stop_metrics.clone());
        let (interval, timeout) = (self.settings.metric_interval, self.settings.metric_timeout);
        self.metric_tasks.push(spawn(async move {
            loop {
                let stopped = tokio::time::timeout(interval, stop.cancelled()).await.is_ok();
                if let Some(text) = read().await {
                    let request = metrics_request(&resource, &text, period(started), &[]);
                    delivery.deliver(request, 1, timeout).await;
                }
                if stopped {
                    return;
                }
            }
        }));
        Ok(())
    }

    /// Sends the last metrics. From now on, they are not read.
    pub(crate) async fn finish_metrics(&mut self) {
        self.stop_metrics.cancel();
        let tasks = std::mem::take(&mut self.metric_tasks);
        self.finish(tasks).await;
    }

    /// Sends what is queued, in the time that the last metrics have left.
    pub(crate) async fn shut_down(&mut self) {
        self.finish_metrics().await;
        self.stop.cancel();
        let tasks = std::mem::take(&mut self.tasks);
        self.finish(tasks).await;
    }

    /// Waits for tasks that were asked to stop.
    async fn finish(&mut self, tasks: Vec<JoinHandle<()>>) {
        let began = Instant::now();
        let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        let all = futures::future::join_all(tasks);
        if tokio::time::timeout(self.flush_time, all).await.is_err() {
            aborts.iter().for_each(AbortHandle::abort);
            let seconds = FLUSH_TIMEOUT.as_secs();
            tracing::warn!("some telemetry was not sent within {seconds} s, and is lost");
        }
        self.flush_time = self.flush_time.saturating_sub(began.elapsed());
    }

    fn delivery(&self, signal: Signal) -> anyhow::Result<Option<Delivery>> {
        let Some(target) = self.settings.target(signal) else { return Ok(None) };
        let counts: Arc<Counts> = self.export.counts(signal).cloned().unwrap_or_default();
        Delivery::new(signal, target.clone(), counts).map(Some)
    }
}

#[expect(clippy::disallowed_methods, reason = "these tasks are awaited at the end")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

/// From the start of the process until now.
#[expect(clippy::disallowed_methods, reason = "metrics have a date")]
fn period(started: SystemTime) -> Period {
    Period { started, now: SystemTime::now() }
}
