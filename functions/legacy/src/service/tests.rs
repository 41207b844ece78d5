#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chassis::testing::{ManualClock, MemoryProducer, MemoryStore, ScriptedStore};
use serde_json::Value;

use super::*;
use crate::domain::{Message, NewOrder, Order, State};
use crate::ports::Mail;

const NOON_MS: u64 = 1_769_860_800_000;

/// Everything in memory. Passwords are stored as they are.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    /// What is used of it.
    used: ScriptedStore,
    pub(crate) log: MemoryProducer,
    clock: ManualClock,
    mails: Arc<Mutex<Vec<Mail>>>,
    is_down: Arc<Mutex<bool>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (store, log, clock) =
            (MemoryStore::new(), MemoryProducer::new(), ManualClock::new(NOON_MS));
        let used = ScriptedStore::new(store.clone());
        World { store, used, log, clock, mails: Arc::default(), is_down: Arc::default() }
    }

    fn set_down(&self, is_down: bool) {
        *self.is_down.lock().unwrap() = is_down;
    }

    fn mailed(&self) -> Vec<String> {
        self.mails.lock().unwrap().iter().map(|mail| mail.key.clone()).collect()
    }
}

impl Ports for World {
    type Store = ScriptedStore;
    type Producer = MemoryProducer;
    type Clock = ManualClock;

    fn store(&self) -> &ScriptedStore {
        &self.used
    }

    fn producer(&self) -> &MemoryProducer {
        &self.log
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn random(&self) -> Result<[u8; 16], Unavailable> {
        static NEXT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
        Ok([NEXT.fetch_add(1, Ordering::Relaxed); 16])
    }

    async fn hash(&self, password: &str) -> Result<String, Unavailable> {
        Ok(password.to_owned())
    }

    async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, Unavailable> {
        Ok(stored == Some(password))
    }

    /// Like a provider, it sends one mail for one key.
    async fn send(&self, mail: &Mail) -> Result<(), Unavailable> {
        if *self.is_down.lock().unwrap() {
            return Err(Unavailable("the provider is down".to_owned()));
        }
        let mut mails = self.mails.lock().unwrap();
        if !mails.iter().any(|sent| sent.key == mail.key) {
            mails.push(mail.clone());
        }
        Ok(())
    }
}

fn user(email: &str) -> NewUser {
    let (name, language) = ("Ada".to_owned(), "en".to_owned());
    NewUser { email: email.to_owned(), name, language, password: "long enough".to_owned() }
}

async fn customer(legacy: &Legacy<World>) -> u64 {
    legacy.register_user(user("ada@example.org")).await.unwrap().0
}

fn tea(reference: &str) -> NewOrder {
    NewOrder { reference: reference.to_owned(), articles: vec![("OLD-0001".to_owned(), 2)] }
}

fn ids(world: &World) -> Vec<String> {
    world.log.events().into_iter().map(|event| event.id).collect()
}

#[tokio::test]
async fn an_address_has_one_account() {
    let legacy = Legacy::new(World::new());
    let (id, session) = legacy.register_user(user("ada@example.org")).await.unwrap();
    assert_eq!(id, 1001);
    assert!(session.starts_with("1001-"));
    assert_eq!(legacy.customer(&session).await, Ok(1001));
    assert_eq!(legacy.register_user(user("ada@example.org")).await, Err(Refusal::Taken));
    let other = legacy.sign_in("ada@example.org", "long enough").await.unwrap();
    assert_ne!(other, session);
    for (email, password) in [("ada@example.org", "wrong"), ("eve@example.org", "long enough")] {
        assert_eq!(legacy.sign_in(email, password).await, Err(Refusal::Unauthorized));
    }
    legacy.sign_out(&session).await.unwrap();
    assert_eq!(legacy.customer(&session).await, Err(Refusal::Unauthorized));
    assert_eq!(legacy.customer(&other).await, Ok(1001));
}

#[tokio::test]
async fn a_session_expires() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let (_, session) = legacy.register_user(user("ada@example.org")).await.unwrap();
    world.clock.advance(SESSION_MS);
    assert_eq!(legacy.customer(&session).await, Err(Refusal::Unauthorized));
    world.clock.advance(86_400_000);
    for _ in 0..10 {
        legacy.sweep().await.unwrap();
    }
    assert!(world.store.keys().iter().all(|key| !key.starts_with("session/")));
}

#[tokio::test]
async fn one_reference_places_one_order() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let ada = customer(&legacy).await;
    let order = legacy.place(ada, &tea("a")).await.unwrap();
    assert_eq!((order.order.as_str(), order.state), ("1001", State::Paid));
    assert_eq!(legacy.place(ada, &tea("a")).await, Ok(order.clone()));
    let other = legacy.place(ada, &tea("b")).await.unwrap();
    assert_eq!(legacy.orders(ada).await, Ok(vec![other, order]));
    assert_eq!(legacy.order(ada + 1, "1001").await, Err(Refusal::NotFound("order")));
    assert_eq!(world.mailed(), ["1001:paid", "1002:paid"]);
    assert!(world.log.events().is_empty(), "it does not publish yet");
}

#[tokio::test]
async fn an_outage_of_the_mail_provider_delays_messages_only() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let ada = customer(&legacy).await;
    world.set_down(true);
    legacy.place(ada, &tea("a")).await.unwrap();
    assert_eq!(legacy.messages(ada).await, Ok(vec![]));
    assert!(legacy.sweep().await.is_err());
    world.set_down(false);
    assert_eq!(legacy.sweep().await.unwrap().sent, 1);
    assert_eq!(legacy.sweep().await.unwrap().sent, 0);
    assert_eq!(legacy.messages(ada).await.unwrap()[0].sent, "2026-01-31 12:00:00");
}

#[tokio::test]
async fn the_past_is_published_once() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let ada = customer(&legacy).await;
    for number in 0..PAGE_ROWS_MAX + 10 {
        legacy.place(ada, &tea(&number.to_string())).await.unwrap();
    }
    let first = legacy.publish_past(Progress::default()).await.unwrap();
    assert_eq!(first.events, 100);
    let second = legacy.publish_past(first.next.unwrap()).await.unwrap();
    assert_eq!((second.events, second.next), (20, None));
    let again = legacy.publish_past(Progress::default()).await.unwrap();
    assert_eq!(again.events, 0);
    let events = world.log.events();
    assert_eq!(events.len(), 120);
    let data: Value = serde_json::from_str(&events[0].data).unwrap();
    assert_eq!((&data["order"], &data["past"]), (&"1001".into(), &true.into()));
}

#[tokio::test]
async fn once_it_publishes_it_leaves_messages_to_the_receiver_of_its_events() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let ada = customer(&legacy).await;
    assert_eq!(legacy.publish_past(Progress::default()).await.unwrap().next, None);
    legacy.place(ada, &tea("a")).await.unwrap();
    assert_eq!((ids(&world), world.mailed()), (vec!["1001.1".to_owned()], vec![]));

    let (kind, order, sent) = ("paid".to_owned(), "1001".to_owned(), String::new());
    let message = Message { request: "r".to_owned(), customer: ada, kind, order, sent };
    for _ in 0..2 {
        legacy.send(&message).await.unwrap();
    }
    assert_eq!(world.mailed(), ["r"]);
    assert_eq!(ids(&world), ["1001.1", "r.1"]);
    assert_eq!(legacy.messages(ada).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_written_while_publishing_begins_is_published() {
    for written in ["order/1001", "message/1001:paid"] {
        let mut world = World::new();
        let ada = customer(&Legacy::new(world.clone())).await;
        let (operator, has_begun) = (Legacy::new(world.clone()), AtomicBool::new(false));
        // Before the row is there, and after it was decided that it has no event.
        world.used = world.used.before(move |operation, key| {
            let begins =
                operation.is_write() && key == written && !has_begun.swap(true, Ordering::SeqCst);
            let operator = operator.clone();
            async move {
                if begins {
                    operator.publish_past(Progress::default()).await.unwrap();
                }
                Ok(())
            }
        });
        let legacy = Legacy::new(world.clone());
        legacy.place(ada, &tea("a")).await.unwrap();
        assert_eq!(ids(&world), ["1001.1", "1001:paid.1"], "{written}");
        assert_eq!(world.mailed(), ["1001:paid"], "{written}");
        assert_eq!(legacy.publish_past(Progress::default()).await.unwrap().events, 0);
    }
}

#[tokio::test]
async fn a_correction_by_hand_is_published_with_the_past() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let ada = customer(&legacy).await;
    legacy.publish_past(Progress::default()).await.unwrap();
    legacy.place(ada, &tea("a")).await.unwrap();
    legacy.correct("1001", "1.00").await.unwrap();
    assert_eq!(ids(&world), ["1001.1"]);
    assert_eq!(legacy.publish_past(Progress::default()).await.unwrap().events, 1);
    assert_eq!(ids(&world), ["1001.1", "1001.2"]);
    assert_eq!(legacy.correct("9", "1.00").await, Err(Refusal::NotFound("order")));
}

#[tokio::test]
async fn an_event_that_the_log_did_not_take_is_published_by_a_sweep() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let ada = customer(&legacy).await;
    legacy.publish_past(Progress::default()).await.unwrap();
    world.log.set_down(true);
    legacy.place(ada, &tea("a")).await.unwrap();
    assert!(ids(&world).is_empty());
    world.log.set_down(false);
    assert_eq!(legacy.sweep().await.unwrap().published, 1);
    assert_eq!(ids(&world), ["1001.1"]);
}

#[tokio::test]
async fn of_two_copies_the_newer_is_kept() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let ada = customer(&legacy).await;
    let copy = |state| Order { state, ..Order::place("ord_1", &tea("").articles, 0).unwrap() };
    for (state, sequence) in [(State::Sent, 3), (State::Paid, 2), (State::Sent, 3)] {
        legacy.copy_order(ada, &copy(state), sequence).await.unwrap();
    }
    assert_eq!(legacy.orders(ada).await, Ok(vec![copy(State::Sent)]));
    let own = Order { order: "1001".to_owned(), ..copy(State::Paid) };
    assert!(matches!(legacy.copy_order(ada, &own, 1).await, Err(Refusal::Invalid(_))));
    assert_eq!(legacy.publish_past(Progress::default()).await.unwrap().events, 0);
}

#[tokio::test]
async fn a_copy_of_a_message_is_not_sent() {
    let world = World::new();
    let legacy = Legacy::new(world.clone());
    let ada = customer(&legacy).await;
    let (request, sent) = ("ord_1:confirmed".to_owned(), "2026-01-31 11:00:00".to_owned());
    let (kind, order) = ("paid".to_owned(), "ord_1".to_owned());
    let message = Message { request, customer: ada, kind, order, sent };
    legacy.copy_message(&message).await.unwrap();
    legacy.send(&message).await.unwrap();
    assert_eq!((legacy.messages(ada).await.unwrap().len(), world.mailed().len()), (1, 0));
}
