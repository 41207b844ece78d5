//! The tests of the guarantees of an event broker, for every implementation.
//!
//! [`contract_tests!`](crate::contract_tests) turns each case into a separate test against brokers
//! that a function starts, so that a failure names the broken guarantee. No case depends on time.

#![expect(clippy::unwrap_used, reason = "the body of tests")]

mod dead_letters;
mod delivery;
mod log;
mod subscribers;

use std::collections::BTreeMap;

use futures::future::BoxFuture;

pub use self::{dead_letters::*, delivery::*, log::*, subscribers::Subscribers};
use crate::{Error, Event, Log, Member, Mode, Pattern, Progress, StartAt, Subscription};

/// A broker under test, which delivers to [`Subscribers`].
pub trait Broker: Send + Sync {
    /// Its log.
    fn log(&self) -> &dyn Log;

    /// Delivers, with all retries, until every pending event waits for a dead letter.
    fn settle(&self) -> BoxFuture<'_, ()>;
}

/// Starts a broker with an empty log.
pub trait Start<B>: AsyncFn(Vec<Subscription>, Subscribers) -> B {}

impl<B, F: AsyncFn(Vec<Subscription>, Subscribers) -> B> Start<B> for F {}

/// One test per guarantee of an event broker.
///
/// Takes a [`Start`].
#[macro_export]
macro_rules! contract_tests {
    ($start:expr) => {
        $crate::contract_tests! { @each $start,
            keeps_events_in_order
            keeps_an_event_once
            refuses_malformed_publications_as_a_whole
            limits_pages
            delivers_matching_events_in_order
            delivers_batches_of_one_key
            delivers_each_key_to_one_member_of_a_group
            retries_a_failed_event_before_later_ones
            isolates_the_failing_event_of_a_batch
            a_rejected_event_holds_its_key
            an_event_that_fails_too_often_becomes_a_dead_letter
            replays_single_dead_letters
            discards_dead_letters
            lists_dead_letters_in_pages
            replays_a_period_with_its_dead_letters
            refuses_unknown_names
        }
    };
    (@each $start:expr, $($case:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::contract::$case($start).await;
            }
        )*
    };
}

/// A subscription of one component to all events, one by one, with three attempts.
pub fn subscription(name: &str) -> Subscription {
    Subscription {
        name: name.to_owned(),
        members: vec![Member {
            component: name.to_owned(),
            path: "/events".to_owned(),
            mode: Mode::Binary,
        }],
        types: vec![Pattern::parse("*").unwrap()],
        concurrency_max: 4,
        attempts_max: 3,
        start_at: StartAt::Start,
    }
}

/// The same with batches of three.
pub fn batches(name: &str) -> Subscription {
    let mut subscription = subscription(name);
    subscription.members[0].mode = Mode::Batch { events_max: 3 };
    subscription
}

/// The event of a key with this number.
pub fn event(key: &str, number: u64) -> Event {
    let extension = |name: &str, value: String| (name.to_owned(), value);
    Event {
        id: format!("{key}.{number}"),
        source: "/contract".to_owned(),
        kind: "com.example.changed.v1".to_owned(),
        subject: Some(key.to_owned()),
        time: Some("2026-01-31T12:00:00.000Z".to_owned()),
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: BTreeMap::from([
            extension("partitionkey", key.to_owned()),
            extension("sequence", number.to_string()),
        ]),
        data: "{}".to_owned(),
    }
}

/// The first events of a key.
pub fn events(key: &str, count: u64) -> Vec<Event> {
    (1..=count).map(|number| event(key, number)).collect()
}

/// The ids of all events in the log.
async fn ids(broker: &impl Broker) -> Vec<String> {
    let entries = broker.log().read(0, 500).await.unwrap();
    entries.into_iter().map(|entry| entry.event.id).collect()
}

async fn progress(broker: &impl Broker, name: &str) -> Progress {
    let all = broker.log().subscriptions().await.unwrap();
    all.into_iter().find(|progress| progress.name == name).unwrap()
}

fn assert_invalid<T: std::fmt::Debug>(outcome: crate::Result<T>) {
    assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
}

fn assert_not_found<T: std::fmt::Debug>(outcome: crate::Result<T>) {
    assert!(matches!(outcome, Err(Error::NotFound(_))), "{outcome:?}");
}
