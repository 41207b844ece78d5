//! `tessera:events/producer` and `tessera:events/log`, answered by the host's own log.

use crate::calls::Kind;
use crate::capabilities::State;
use crate::chaos::traced;
use crate::engine::fits;
use crate::telemetry::{Outcome, Span, SpanKind};
use std::collections::BTreeMap;
use std::convert::identity;
use std::sync::Arc;
use tessera_events::{DeadLetter, Entry, Error, Event, Log, Progress, Reason};
use tessera_resilience::Deadline;
use wasmtime::component::{Accessor, Linker};

wasmtime::component::bindgen!({
    path: "../../wit/events",
    world: "client",
    inline: "
        package tessera:host;
        world client {
            import tessera:events/producer@1.0.0;
            import tessera:events/log@1.0.0;
        }
    ",
});

use tessera::events::{log, producer};

pub(crate) const PRODUCER: &str = "tessera:events/producer@1.0.0";
pub(crate) const LOG: &str = "tessera:events/log@1.0.0";

/// The name of the platform in spans.
const PLATFORM: &str = "host";

/// Whether the event log provides a dependency.
pub(crate) fn is_events_interface(dependency: &str) -> bool {
    [PRODUCER, LOG].iter().any(|interface| fits(dependency, interface))
}

pub(crate) fn define_producer(
    linker: &mut Linker<State>,
    log: &Arc<dyn Log>,
) -> anyhow::Result<()> {
    let mut instance = linker.instance(PRODUCER).map_err(anyhow::Error::from)?;
    let log = log.clone();
    instance
        .func_wrap_concurrent("publish", move |accessor, (events,): (Vec<producer::Event>,)| {
            let log = log.clone();
            Box::pin(async move { Ok((publish(accessor, &*log, events).await,)) })
        })
        .map_err(anyhow::Error::from)
}

async fn publish(
    accessor: &Accessor<State>,
    log: &dyn Log,
    events: Vec<producer::Event>,
) -> Result<(), producer::Error> {
    let bytes = |event: &producer::Event| size_of::<producer::Event>() + event.data.len();
    let bytes: usize = events.iter().map(bytes).sum();
    let (component, faults, mut span, deadline, _arguments) = accessor.with(|mut access| {
        let state = access.get();
        let faults = state.guest.grants.faults().cloned();
        let span = state.span(SpanKind::Publish, "publish");
        let arguments = state.in_flight.count(bytes);
        (state.component.clone(), faults, span, state.call.deadline, arguments)
    });
    // What an event causes belongs to the trace of its publisher.
    let parent = span.context.parent_text();
    let events = events.into_iter().map(|event| from_contract(event, &parent)).collect();
    let context = span.context.clone();
    let publishing = traced(faults.as_ref(), &component.id, &context, log.publish(events));
    let published = limited(&mut span, deadline, publishing).await?;
    let metrics = &component.telemetry.metrics;
    metrics.published(&component.id, published.fresh, published.duplicates);
    Ok(())
}

/// The answer of the log, as long as the caller waits for it; ends the span.
async fn limited<T>(
    span: &mut Span,
    deadline: Deadline,
    work: impl Future<Output = tessera_events::Result<T>>,
) -> tessera_events::Result<T> {
    let answer = deadline.limit(work).await.unwrap_or_else(|_| {
        let text = "the deadline of the call has passed; whether it took effect is not known";
        Err(Error::Unavailable(text.to_owned()))
    });
    span.end(match &answer {
        Ok(_) => Outcome::Ok,
        Err(Error::Invalid(_) | Error::NotFound(_)) => Outcome::Refused,
        Err(error) => {
            tracing::warn!("event log: {error}");
            Kind::Host.outcome()
        }
    });
    answer
}

/// Defines functions of an instance: each is one call of the log. The last expression converts the
/// answer.
macro_rules! define_calls {
    ($instance:ident, $log:ident,
        $($name:literal: $method:ident($($argument:ident: $type:ty),*) => $convert:expr;)*) => {
        $({
            let log = $log.clone();
            type Arguments = ($($type,)*);
            let defined = $instance.func_wrap_concurrent(
                $name,
                move |accessor, ($($argument,)*): Arguments| {
                    let log = log.clone();
                    Box::pin(async move {
                        let work = log.$method($($argument),*);
                        Ok((ask(accessor, concat!("log.", $name), work).await.map($convert),))
                    })
                },
            );
            defined.map_err(anyhow::Error::from)?;
        })*
    };
}

pub(crate) fn define_log(linker: &mut Linker<State>, log: &Arc<dyn Log>) -> anyhow::Result<()> {
    let mut instance = linker.instance(LOG).map_err(anyhow::Error::from)?;
    define_calls! { instance, log,
        "read": read(after: u64, limit: u32) => listed::<_, log::Entry>;
        "subscriptions": subscriptions() => listed::<_, log::Subscription>;
        "dead-letters": dead_letters(after: Option<String>, limit: u32)
            => listed::<_, log::DeadLetter>;
        "replay": replay(id: String) => identity;
        "replay-key": replay_key(subscription: String, key: String) => identity;
        "discard": discard(id: String) => identity;
        "replay-range": replay_range(subscription: String, from_ms: u64, until_ms: u64) => identity;
    }
    Ok(())
}

/// Asks the log within a span of the caller's call.
async fn ask<T>(
    accessor: &Accessor<State>,
    operation: &'static str,
    work: impl Future<Output = tessera_events::Result<T>>,
) -> Result<T, log::Error> {
    let (mut span, deadline) = accessor.with(|mut access| {
        let State { component, call, .. } = access.get();
        let telemetry = &component.telemetry;
        let mut span = telemetry.span(SpanKind::Link, &PLATFORM.into(), operation, &call.trace);
        span.caller = Some(component.id.clone());
        (span, call.deadline)
    });
    Ok(limited(&mut span, deadline, work).await?)
}

fn listed<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

fn from_contract(event: producer::Event, parent: &str) -> Event {
    let mut extensions = BTreeMap::from([
        ("partitionkey".to_owned(), event.partition_key),
        ("traceparent".to_owned(), event.trace_parent.unwrap_or_else(|| parent.to_owned())),
    ]);
    if let Some(sequence) = event.sequence {
        extensions.insert("sequence".to_owned(), sequence.to_string());
    }
    Event {
        id: event.id,
        source: event.source,
        kind: event.type_,
        subject: event.subject,
        time: Some(event.time),
        data_content_type: Some(event.data_content_type),
        data_schema: None,
        extensions,
        data: event.data,
    }
}

impl From<Event> for producer::Event {
    fn from(event: Event) -> Self {
        Self {
            partition_key: event.partition_key().to_owned(),
            sequence: event.sequence(),
            trace_parent: event.extensions.get("traceparent").cloned(),
            id: event.id,
            source: event.source,
            type_: event.kind,
            subject: event.subject,
            time: event.time.unwrap_or_default(),
            data_content_type: event.data_content_type.unwrap_or_default(),
            data: event.data,
        }
    }
}

impl From<Entry> for log::Entry {
    fn from(entry: Entry) -> Self {
        Self {
            position: entry.position,
            recorded_at: entry.recorded_at_ms,
            event: entry.event.into(),
        }
    }
}

impl From<Progress> for log::Subscription {
    fn from(progress: Progress) -> Self {
        Self {
            name: progress.name,
            components: progress.components,
            types: progress.types,
            lag: progress.lag_events,
            lag_ms: progress.lag_ms,
            held: progress.held_events,
            retrying: progress.retrying_events,
            dead: progress.dead_letters,
        }
    }
}

impl From<DeadLetter> for log::DeadLetter {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            subscription: letter.subscription,
            entry: letter.entry.into(),
            reason: match letter.reason {
                Reason::Rejected => log::Reason::Rejected,
                Reason::AttemptsExhausted => log::Reason::AttemptsExhausted,
            },
            detail: letter.detail,
            attempts: letter.attempts,
            first_seen_at: letter.first_seen_at_ms,
            died_at: letter.died_at_ms,
        }
    }
}

impl From<Error> for producer::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(text) | Error::NotFound(text) => Self::Invalid(text),
            Error::Unavailable(text) | Error::Full(text) => Self::Unavailable(text),
        }
    }
}

impl From<Error> for log::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(text) => Self::Invalid(text),
            Error::NotFound(text) => Self::NotFound(text),
            Error::Unavailable(text) | Error::Full(text) => Self::Unavailable(text),
        }
    }
}
