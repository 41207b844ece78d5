//! The component: the contract `tessera:events` over the host's store, and its `/rpc` routes.
//!
//! Due events are delivered after the response of a call, by a task in the same instance, so that
//! publishers do not wait for subscribers. A subscriber that publishes during a delivery would wait
//! for itself.

use axum::Router;
use bindings::exports::tessera::events::{log, producer};
use chassis::app::Unready;
use chassis::clock::SystemClock;
use chassis::http::SpinOutbound;
use chassis::store::SpinStore;
use tessera_events::{DeadLetter, Entry, Error as Refusal, Event, Reason};

use crate::domain::settings;
use crate::error::Error;
use crate::{HttpSubscriber, service};

contracts::function!("events");

struct Component;

type Broker = service::Broker<SpinStore, HttpSubscriber<SpinOutbound>, SystemClock>;

chassis::serve!(router);

async fn router() -> chassis::Result<Router> {
    let broker = open().await?;
    let store = broker.store.clone();
    Ok(bindings::complete(crate::routes::router(broker), store))
}

async fn open() -> Result<Broker, Unready> {
    let json = chassis::config::variable("subscriptions").await?;
    let subscriptions = settings::subscriptions(&json)
        .map_err(|error| chassis::config::ConfigError(error.to_string()))?;
    let store = bindings::store()?;
    let subscriber = HttpSubscriber { outbound: SpinOutbound };
    let broker = service::Broker::new(store, subscriber, SystemClock, subscriptions);
    Ok(broker.with_incarnation(chassis::incarnation::current()))
}

/// Delivers due events and removes old ones, after the response.
fn work_later(broker: Broker) {
    spin_sdk::wasip3::spawn(async move {
        broker.work().await;
        if let Err(error) = broker.tidy().await {
            eprintln!("old events were not removed: {error}");
        }
    });
}

impl producer::Guest for Component {
    async fn publish(events: Vec<producer::Event>) -> Result<(), producer::Error> {
        let unavailable = |error: Unready| producer::Error::Unavailable(error.to_string());
        let broker = open().await.map_err(unavailable)?;
        let events: Vec<Event> = events.into_iter().map(Into::into).collect();
        broker.publish(&events).await?;
        work_later(broker);
        Ok(())
    }
}

impl log::Guest for Component {
    async fn read(after: u64, limit: u32) -> Result<Vec<log::Entry>, log::Error> {
        let entries = open().await?.read(after, limit).await?;
        Ok(entries.into_iter().map(entry).collect())
    }

    async fn subscriptions() -> Result<Vec<log::Subscription>, log::Error> {
        let subscriptions = open().await?.subscriptions().await?;
        let subscription = |progress: tessera_events::Progress| log::Subscription {
            name: progress.name,
            components: progress.components,
            types: progress.types,
            lag: progress.lag_events,
            lag_ms: progress.lag_ms,
            held: progress.held_events,
            retrying: progress.retrying_events,
            dead: progress.dead_letters,
        };
        Ok(subscriptions.into_iter().map(subscription).collect())
    }

    async fn dead_letters(
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<log::DeadLetter>, log::Error> {
        let letters = open().await?.dead_letters(after.as_deref(), limit).await?;
        Ok(letters.into_iter().map(dead_letter).collect())
    }

    async fn replay(dead_letter_id: String) -> Result<(), log::Error> {
        let broker = open().await?;
        broker.replay(&dead_letter_id).await?;
        work_later(broker);
        Ok(())
    }

    async fn replay_key(subscription: String, key: String) -> Result<u64, log::Error> {
        let broker = open().await?;
        let count = broker.replay_key(&subscription, &key).await?;
        work_later(broker);
        Ok(count)
    }

    async fn discard(dead_letter_id: String) -> Result<(), log::Error> {
        let broker = open().await?;
        broker.discard(&dead_letter_id).await?;
        work_later(broker);
        Ok(())
    }

    async fn replay_range(subscription: String, from: u64, until: u64) -> Result<u64, log::Error> {
        let broker = open().await?;
        let count = broker.replay_range(&subscription, from, until).await?;
        work_later(broker);
        Ok(count)
    }
}

impl From<Unready> for log::Error {
    fn from(error: Unready) -> log::Error {
        log::Error::Unavailable(error.to_string())
    }
}

impl From<Error> for log::Error {
    fn from(error: Error) -> log::Error {
        match Refusal::from(error) {
            Refusal::NotFound(text) => log::Error::NotFound(text),
            Refusal::Invalid(text) => log::Error::Invalid(text),
            Refusal::Unavailable(text) | Refusal::Full(text) => log::Error::Unavailable(text),
        }
    }
}

impl From<Error> for producer::Error {
    fn from(error: Error) -> producer::Error {
        match Refusal::from(error) {
            Refusal::Invalid(text) | Refusal::NotFound(text) => producer::Error::Invalid(text),
            Refusal::Unavailable(text) | Refusal::Full(text) => producer::Error::Unavailable(text),
        }
    }
}

fn entry(entry: Entry) -> log::Entry {
    log::Entry {
        position: entry.position,
        recorded_at: entry.recorded_at_ms,
        event: entry.event.into(),
    }
}

fn dead_letter(letter: DeadLetter) -> log::DeadLetter {
    log::DeadLetter {
        id: letter.id,
        subscription: letter.subscription,
        entry: entry(letter.entry),
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
