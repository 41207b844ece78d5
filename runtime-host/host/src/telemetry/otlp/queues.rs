//! The queues between the work that is described and the tasks that send its description.

use super::items::Item;
use super::protobuf::Message;
use super::sampler::Sampler;
use super::spans::Details;
use crate::telemetry::TraceContext;
use crate::telemetry::span::EndedSpan;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Telemetry of a component that is larger is dropped.
const GUEST_ITEM_MAX_BYTES: usize = 64 * 1024;
/// Metrics that a component exports at once; larger ones are dropped.
const GUEST_METRICS_MAX_BYTES: usize = 1024 * 1024;
/// Exports of metrics of components that wait to be sent.
pub(crate) const GUEST_METRICS_MAX: usize = 512;
/// The size of what waits in one queue, whatever its length: many large items would take the memory
/// of the application.
const QUEUE_MAX_BYTES: usize = 32 * 1024 * 1024;

/// The kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// What became of spans, log records or metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) exported: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// A span that waits to be sent.
#[derive(Debug)]
pub(crate) enum SpanItem {
    /// Of the host.
    Ended(EndedSpan, Option<Arc<Details>>),
    /// Of a component.
    Guest(Encoded),
}

/// A message in its final form, and the instrumentation scope that it belongs to.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Empty for that of the host.
    pub(crate) scope: Message,
    pub(crate) message: Message,
}

/// Metrics that a component has exported.
#[derive(Debug)]
pub(crate) struct GuestMetrics {
    pub(crate) component: Arc<str>,
    /// The attributes of its resource, as JSON.
    pub(crate) resource: Vec<(String, String)>,
    /// The fields `scope_metrics` of `ResourceMetrics`.
    pub(crate) scopes: Message,
}

#[derive(Debug)]
struct Queue<T> {
    sender: mpsc::Sender<Queued<T>>,
    bytes: Arc<Semaphore>,
    counts: Arc<Counts>,
}

/// An item that counts for its queue until it is taken out.
#[derive(Debug)]
pub(crate) struct Queued<T> {
    item: T,
    _bytes: OwnedSemaphorePermit,
}

impl<T> Queued<T> {
    pub(crate) fn take(self) -> T {
        self.item
    }
}

#[cfg(test)]
impl<T> Queued<T> {
    /// An item that is in no queue.
    pub(crate) fn alone(item: T) -> Self {
        let none = Arc::new(Semaphore::new(0)).try_acquire_many_owned(0);
        Self { item, _bytes: none.expect("it takes no bytes") }
    }
}

impl<T: Item> Queue<T> {
    fn push(&self, item: T) {
        let bytes = u32::try_from(item.size_bytes()).unwrap_or(u32::MAX);
        let Ok(permit) = self.bytes.clone().try_acquire_many_owned(bytes) else {
            return self.drop_one();
        };
        if self.sender.try_send(Queued { item, _bytes: permit }).is_err() {
            self.drop_one();
        }
    }

    fn drop_one(&self) {
        self.counts.dropped.fetch_add(1, Relaxed);
    }
}

/// Where telemetry goes that is exported. By default nowhere.
#[derive(Debug, Default)]
pub(crate) struct Export {
    sampler: Sampler,
    spans: Option<Queue<SpanItem>>,
    logs: Option<Queue<Encoded>>,
    metrics: Option<Queue<GuestMetrics>>,
}

/// The other ends of the queues.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    pub(crate) spans: Option<mpsc::Receiver<Queued<SpanItem>>>,
    pub(crate) logs: Option<mpsc::Receiver<Queued<Encoded>>>,
    pub(crate) metrics: Option<mpsc::Receiver<Queued<GuestMetrics>>>,
}

impl Export {
    /// Queues of these lengths; none for what is not exported.
    pub(crate) fn new(
        sampler: Sampler,
        spans_max: Option<usize>,
        logs_max: Option<usize>,
        metrics: bool,
    ) -> (Self, Receivers) {
        let (spans, received_spans) = queue(spans_max);
        let (logs, received_logs) = queue(logs_max);
        let (metrics, received_metrics) = queue(metrics.then_some(GUEST_METRICS_MAX));
        let receivers =
            Receivers { spans: received_spans, logs: received_logs, metrics: received_metrics };
        (Self { sampler, spans, logs, metrics }, receivers)
    }

    /// Decides whether a new span within `parent` is exported.
    pub(crate) fn sample(&self, parent: &TraceContext, context: &mut TraceContext) {
        if self.spans.is_some() {
            context.set_sampled(self.sampler.samples(parent));
        }
    }

    /// Whether spans within this context are exported, as far as it can be known before they begin.
    pub(crate) fn wants(&self, parent: &TraceContext) -> bool {
        self.spans.is_some() && self.sampler.samples(parent)
    }

    pub(crate) fn exports_spans(&self) -> bool {
        self.spans.is_some()
    }

    pub(crate) fn exports_logs(&self) -> bool {
        self.logs.is_some()
    }

    pub(crate) fn exports_metrics(&self) -> bool {
        self.metrics.is_some()
    }

    /// A span of the host has ended.
    pub(crate) fn span(
        &self,
        context: &TraceContext,
        details: Option<Arc<Details>>,
        ended: impl FnOnce() -> EndedSpan,
    ) {
        if let Some(queue) = &self.spans
            && self.takes(context)
        {
            queue.push(SpanItem::Ended(ended(), details));
        }
    }

    /// Whether the span of this context is exported.
    pub(crate) fn takes(&self, context: &TraceContext) -> bool {
        self.spans.is_some() && context.is_sampled()
    }

    /// A span of a component has ended.
    pub(crate) fn guest_span(&self, span: Encoded) {
        if let Some(queue) = &self.spans {
            match span.fits() {
                true => queue.push(SpanItem::Guest(span)),
                false => queue.drop_one(),
            }
        }
    }

    /// Something was logged.
    pub(crate) fn log(&self, record: Encoded) {
        if let Some(queue) = &self.logs {
            match record.fits() {
                true => queue.push(record),
                false => queue.drop_one(),
            }
        }
    }

    /// A component has exported metrics.
    pub(crate) fn guest_metrics(&self, metrics: GuestMetrics) {
        if let Some(queue) = &self.metrics {
            match metrics.size_bytes() <= GUEST_METRICS_MAX_BYTES {
                true => queue.push(metrics),
                false => queue.drop_one(),
            }
        }
    }

    /// What became of this kind of telemetry; none if it is not exported.
    pub(crate) fn counts(&self, signal: Signal) -> Option<&Arc<Counts>> {
        match signal {
            Signal::Traces => self.spans.as_ref().map(|queue| &queue.counts),
            Signal::Metrics => self.metrics.as_ref().map(|queue| &queue.counts),
            Signal::Logs => self.logs.as_ref().map(|queue| &queue.counts),
        }
    }
}

type Ends<T> = (Option<Queue<T>>, Option<mpsc::Receiver<Queued<T>>>);

fn queue<T>(length_max: Option<usize>) -> Ends<T> {
    let Some(length_max) = length_max else { return (None, None) };
    let (sender, receiver) = mpsc::channel(length_max);
    let bytes = Arc::new(Semaphore::new(QUEUE_MAX_BYTES));
    (Some(Queue { sender, bytes, counts: Arc::default() }), Some(receiver))
}

impl Encoded {
    fn fits(&self) -> bool {
        self.size_bytes() <= GUEST_ITEM_MAX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_a_component_are_dropped_if_their_resource_is_too_large() {
        let (export, receivers) = Export::new(Sampler::default(), None, None, true);
        for length in [1, GUEST_METRICS_MAX_BYTES] {
            let resource = vec![("key".to_owned(), "a".repeat(length))];
            let scopes = Message::default();
            export.guest_metrics(GuestMetrics { component: "c".into(), resource, scopes });
        }
        assert_eq!(receivers.metrics.unwrap().len(), 1);
        assert_eq!(export.counts(Signal::Metrics).unwrap().dropped.load(Relaxed), 1);
    }

    #[test]
    fn what_waits_has_a_size_in_total_until_it_is_taken_out() {
        let (export, mut receivers) = Export::new(Sampler::default(), None, None, true);
        let push = || {
            let resource = vec![("key".to_owned(), "a".repeat(GUEST_METRICS_MAX_BYTES / 2))];
            let scopes = Message::default();
            export.guest_metrics(GuestMetrics { component: "c".into(), resource, scopes });
        };
        (0..GUEST_METRICS_MAX).for_each(|_| push());
        let metrics = receivers.metrics.as_mut().unwrap();
        let queued = metrics.len();
        assert!(queued < QUEUE_MAX_BYTES / (GUEST_METRICS_MAX_BYTES / 2), "{queued}");
        push();
        assert_eq!(metrics.len(), queued);
        metrics.try_recv().unwrap().take();
        push();
        assert_eq!(metrics.len(), queued);
    }
}
