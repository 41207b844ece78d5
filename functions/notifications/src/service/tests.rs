#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod delivery;
pub(crate) mod events;
mod operators;

use std::sync::{Arc, Mutex};

use chassis::auth::KeySet;
use chassis::sealed::{PersonKey, PersonKeys, Unreadable};
use chassis::testing::{Issuer, ManualClock, MemoryKeys, MemoryStore, ScriptedStore};

use super::*;
use crate::domain::{Channel, LEASE_MS, Outcome, Preferences, Priority, State};
use crate::ports::Message;

/// The ports: one user, one template in two versions, and a provider with a preset outcome that
/// stores the messages it gets.
#[derive(Clone)]
pub(crate) struct World<S = MemoryStore> {
    pub(crate) store: S,
    pub(crate) clock: ManualClock,
    persons: MemoryKeys,
    keys: KeySet,
    outside: Arc<Mutex<Outside>>,
}

struct Outside {
    outcome: Outcome,
    /// The outcome for mails instead.
    mail_outcome: Option<Outcome>,
    delivered: Vec<Message>,
    newest_version: u32,
    has_user: bool,
    /// How often the user was looked up.
    lookups: usize,
}

pub(crate) type Shop<S = MemoryStore> = Notifications<World<S>>;

impl World {
    pub(crate) fn new() -> Self {
        let outside = Outside {
            outcome: delivered(),
            mail_outcome: None,
            delivered: Vec::new(),
            newest_version: 1,
            has_user: true,
            lookups: 0,
        };
        World {
            store: MemoryStore::new(),
            clock: ManualClock::new(NOW),
            persons: MemoryKeys::default(),
            keys: Issuer::new().key_set(),
            outside: Arc::new(Mutex::new(outside)),
        }
    }
}

impl<S: Store> World<S> {
    pub(crate) fn shop(&self) -> Shop<S> {
        Notifications::new(self.clone())
    }

    /// The same world with another store.
    fn over<T>(&self, store: T) -> World<T> {
        let World { clock, persons, keys, outside, .. } = self.clone();
        World { store, clock, persons, keys, outside }
    }

    /// A shop whose store fails after this many operations.
    fn crashing(&self, operations: usize) -> Shop<ScriptedStore<S>> {
        self.over(ScriptedStore::failing_after(operations, self.store.clone())).shop()
    }

    pub(crate) fn set_outcome(&self, outcome: Outcome) {
        self.change(|outside| outside.outcome = outcome);
    }

    fn change<R>(&self, change: impl FnOnce(&mut Outside) -> R) -> R {
        change(&mut self.outside.lock().unwrap())
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.messages(|message| message.content.text.clone())
    }

    fn messages(&self, read: fn(&Message) -> String) -> Vec<String> {
        self.change(|outside| outside.delivered.iter().map(read).collect())
    }

    pub(crate) fn delivered(&self) -> usize {
        self.change(|outside| outside.delivered.len())
    }
}

impl<S: Store> PersonKeys for World<S> {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        self.persons.key(user_id).await
    }
}

impl<S: Store> Ports for World<S> {
    type Store = S;
    type Clock = ManualClock;
    type Keys = KeySet;

    fn store(&self) -> &S {
        &self.store
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn keys(&self) -> &KeySet {
        &self.keys
    }

    async fn render(
        &self,
        code: &str,
        version: Option<u32>,
        language: &str,
        variables: &[(String, String)],
    ) -> Result<Rendered, RenderError> {
        if code == "missing" {
            return Err(RenderError::NotFound(format!("there is no template {code}")));
        }
        let needs_nothing = ["welcome", "password-reset"].contains(&code);
        if !needs_nothing && !variables.iter().any(|(name, _)| name == "order_id") {
            return Err(RenderError::MissingVariables(vec!["order_id".into()]));
        }
        let version = version.unwrap_or_else(|| self.change(|outside| outside.newest_version));
        let name = &variables.iter().find(|(name, _)| name == "name").unwrap().1;
        let text = format!("v{version} {language} {name}");
        let (language, subject) = (language.to_owned(), format!("Hello {name}"));
        Ok(Rendered { version, language, subject, html: String::new(), text })
    }

    async fn user(&self, id: &str) -> Result<Option<User>, String> {
        let has_user = self.change(|outside| {
            outside.lookups += 1;
            outside.has_user && id.starts_with("usr_")
        });
        let (email, name, language) = ("ada@example.org".into(), "Ada".into(), "pt-BR".into());
        Ok(has_user.then_some(User { email, name, language }))
    }

    async fn deliver(&self, message: &Message) -> Outcome {
        self.change(|outside| {
            outside.delivered.push(message.clone());
            let mail_outcome = outside.mail_outcome.clone();
            let outcome = mail_outcome.filter(|_| message.channel == Channel::Email);
            outcome.unwrap_or_else(|| outside.outcome.clone())
        })
    }
}

impl<S: Store> Shop<S> {
    /// The same shop at this time.
    pub(crate) fn at(&self, now_ms: u64) -> &Self {
        self.ports.clock.set(now_ms);
        self
    }

    async fn attempts(&self) -> usize {
        self.sweep().await.unwrap().messages.looked_at
    }

    /// The only notification of the user. An attempt is not due at this time.
    async fn only(&self) -> Notification {
        let (list, more) = self.at(0).list("usr_1", None, 10).await.unwrap();
        assert_eq!((list.len(), more), (1, false));
        list.into_iter().next().unwrap()
    }
}

pub(crate) fn request(id: &str) -> Request {
    let variables = vec![("order_id".into(), "7".into())];
    Request { variables, ..Request::mail(id, "usr_1", "greeting") }
}

fn push(id: &str) -> Request {
    Request { channel: Channel::Push, ..request(id) }
}

fn delivered() -> Outcome {
    Outcome::Delivered("msg_1".into())
}

fn deferred() -> Outcome {
    Outcome::deferred("503")
}

const NOW: u64 = 4_000_000_000_000;

#[tokio::test]
async fn a_message_is_accepted_and_sent_in_the_users_language() {
    let world = World::new();
    let shop = world.shop();
    shop.notify(request("r")).await.unwrap();
    assert_eq!(world.texts(), ["v1 pt-BR Ada"]);
    assert_eq!(shop.attempts().await, 0);
    assert_eq!(shop.only().await.state, State::Sent { at_ms: NOW });
}

#[tokio::test]
async fn the_same_request_id_with_other_content_is_a_conflict() {
    let world = World::new();
    let shop = world.shop();
    shop.notify(request("r")).await.unwrap();
    let changes: [fn(&mut Request); 4] = [
        |r| r.user_id = "usr_2".into(),
        |r| r.channel = Channel::Push,
        |r| r.variables[0].1 = "8".into(),
        |r| r.language = Some("de".into()),
    ];
    for change in changes {
        let mut other = request("r");
        change(&mut other);
        assert!(matches!(shop.notify(other).await, Err(Error::Conflict)));
    }
    assert_eq!(world.delivered(), 1);
}

#[tokio::test]
async fn the_accepted_version_of_a_template_is_sent_when_the_message_is_due() {
    let world = World::new();
    let shop = world.shop();
    world.set_outcome(deferred());
    shop.notify(request("r")).await.unwrap();
    world.change(|outside| outside.newest_version = 2);
    world.set_outcome(delivered());
    assert_eq!(shop.at(NOW + 1_000).attempts().await, 0, "it is too early");
    assert_eq!(shop.at(NOW + 60_000).attempts().await, 1);
    assert_eq!(world.texts(), ["v1 pt-BR Ada", "v1 pt-BR Ada"]);
    let ids = world.messages(|message| message.id.clone());
    assert_eq!(ids[0], ids[1], "the idempotency key for the provider");
}

#[tokio::test]
async fn opting_out_includes_waiting_messages() {
    let world = World::new();
    let shop = world.shop();
    world.set_outcome(deferred());
    shop.notify(request("r")).await.unwrap();
    let only_push = Preferences { email: false, push: true };
    shop.set_preferences("usr_1", only_push).await.unwrap();
    assert_eq!(shop.at(NOW + 60_000).attempts().await, 1);
    assert_eq!(world.delivered(), 1, "nothing was sent after the opt-out");
    assert_eq!(shop.only().await.state, State::Suppressed);
    shop.at(NOW + 60_000).notify(push("p")).await.unwrap();
    assert_eq!(world.delivered(), 2);
}

#[tokio::test]
async fn a_message_fails_after_a_hard_bounce_and_without_an_account() {
    let world = World::new();
    let shop = world.shop();
    world.set_outcome(Outcome::Refused("no such mailbox".into()));
    shop.notify(request("r")).await.unwrap();
    assert_eq!(shop.only().await.state, State::Failed { reason: "no such mailbox".into() });
    assert_eq!(shop.at(NOW + 9_000_000).attempts().await, 0);

    world.set_outcome(deferred());
    shop.at(NOW).notify(request("s")).await.unwrap();
    world.change(|outside| outside.has_user = false);
    shop.at(NOW + 9_000_000).sweep().await.unwrap();
    let (list, _) = shop.list("usr_1", None, 1).await.unwrap();
    assert_eq!(list[0].state.as_str(), "failed");
    assert_eq!(world.delivered(), 2);
}

#[tokio::test]
async fn reading_a_list_delivers_due_messages() {
    let world = World::new();
    let shop = world.shop();
    world.set_outcome(deferred());
    shop.notify(request("r")).await.unwrap();
    world.set_outcome(delivered());
    let (list, _) = shop.at(NOW + 60_000).list("usr_1", None, 10).await.unwrap();
    assert_eq!(list[0].state.as_str(), "sent");
}

#[tokio::test]
async fn a_repetition_of_a_message_that_has_left_the_list_does_not_hide_newer_ones() {
    let shop = World::new().shop();
    let mut ids = Vec::new();
    for n in 0..=LIST_LENGTH_MAX {
        ids.push(shop.notify(request(&format!("r{n}"))).await.unwrap());
    }
    shop.notify(request("r0")).await.unwrap();
    shop.notify(request("r7")).await.unwrap();
    ids.reverse();
    ids.truncate(LIST_LENGTH_MAX);
    let (list, more) = shop.list("usr_1", None, LIST_LENGTH_MAX + 1).await.unwrap();
    let list: Vec<_> = list.into_iter().map(|it| it.id).collect();
    assert_eq!((list, more), (ids, false));
}

#[tokio::test]
async fn after_a_crash_at_any_step_an_accepted_message_is_sent_and_a_repetition_accepts_it() {
    for (operations, is_repeated) in (0..60).flat_map(|n| [(n, false), (n, true)]) {
        let world = World::new();
        let accepted = world.crashing(operations).notify(request("r")).await;
        let shop = world.shop();
        // The crashed attempt holds its lease until then.
        shop.at(NOW + LEASE_MS);
        if is_repeated || accepted.is_err() {
            let id = shop.notify(request("r")).await.unwrap();
            assert!(accepted.is_err() || accepted.is_ok_and(|accepted| accepted == id));
        }
        shop.sweep().await.unwrap();
        let notification = shop.only().await;
        assert_eq!(notification.state.as_str(), "sent", "after {operations} operations");
        let ids = world.messages(|message| message.id.clone());
        assert!(!ids.is_empty() && ids.iter().all(|id| *id == notification.id), "{ids:?}");
    }
}
