#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(crate) mod announcing;
mod delivery;
mod operating;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chassis::sealed::{MemoryKeys, PersonKey, PersonKeys, Unreadable};
use chassis::store::{FailingStore, MemoryStore};

use super::*;
use crate::domain::{Channel, LEASE_MS, Outcome, Preferences, Priority, RETRY_MS, State};
use crate::ports::Message;

/// The outside world: one user, one template in two versions, a provider that is told what to
/// answer and remembers what it got.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

struct Inner {
    outcome: Outcome,
    /// The outcome for mails instead.
    mails: Option<Outcome>,
    delivered: Vec<Message>,
    newest: u32,
    user: bool,
    asked: usize,
    persons: MemoryKeys,
}

impl World {
    pub(crate) fn new() -> Self {
        let outcome = taken();
        let (delivered, newest, user, asked) = (Vec::new(), 1, true, 0);
        let (mails, persons) = (None, MemoryKeys::default());
        World(Arc::new(Mutex::new(Inner {
            outcome,
            mails,
            delivered,
            newest,
            user,
            asked,
            persons,
        })))
    }

    pub(crate) fn answer(&self, outcome: Outcome) {
        self.0.lock().unwrap().outcome = outcome;
    }

    fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().delivered.iter().map(|m| m.content.text.clone()).collect()
    }

    fn delivered(&self) -> usize {
        self.0.lock().unwrap().delivered.len()
    }
}

impl Templates for World {
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
        let version = version.unwrap_or(self.0.lock().unwrap().newest);
        let name = &variables.iter().find(|(name, _)| name == "name").unwrap().1;
        let text = format!("v{version} {language} {name}");
        let (language, subject) = (language.to_owned(), format!("Hello {name}"));
        Ok(Rendered { version, language, subject, html: String::new(), text })
    }
}

impl PersonKeys for World {
    async fn key(&self, user_id: &str) -> Result<Option<PersonKey>, Unreadable> {
        let persons = self.0.lock().unwrap().persons.clone();
        persons.key(user_id).await
    }
}

impl Users for World {
    async fn get(&self, id: &str) -> Result<Option<User>, String> {
        let mut inner = self.0.lock().unwrap();
        inner.asked += 1;
        let known = id.starts_with("usr_") && inner.user;
        Ok(known.then(|| User {
            email: "ada@example.org".into(),
            name: "Ada".into(),
            language: "pt-BR".into(),
        }))
    }
}

impl Provider for World {
    async fn deliver(&self, message: &Message) -> Outcome {
        let mut inner = self.0.lock().unwrap();
        inner.delivered.push(message.clone());
        let mails = inner.mails.clone().filter(|_| message.channel == Channel::Email);
        mails.unwrap_or_else(|| inner.outcome.clone())
    }
}

pub(crate) type Shop<S> = Notifications<S, World, World, World>;

pub(crate) fn shop<S: Store>(store: S, world: &World) -> Shop<S> {
    let (templates, users, provider) = (world.clone(), world.clone(), world.clone());
    Notifications { store, templates, users, provider }
}

pub(crate) fn request(id: &str) -> Request {
    Request {
        request_id: id.into(),
        channel: Channel::Email,
        user_id: "usr_1".into(),
        template_code: "greeting".into(),
        variables: vec![("order_id".into(), "7".into())],
        language: None,
        priority: Priority::Normal,
        metadata: BTreeMap::new(),
        subject: None,
    }
}

fn taken() -> Outcome {
    Outcome::Delivered("msg_1".into())
}

fn later() -> Outcome {
    Outcome::Deferred { detail: "503".into(), retry_after_ms: None }
}

async fn attempts<S: Store>(shop: &Shop<S>, now_ms: u64) -> usize {
    shop.sweep(now_ms).await.unwrap().attempts
}

async fn only<S: Store>(shop: &Shop<S>) -> Notification {
    let (list, more) = shop.list("usr_1", None, 10, 0).await.unwrap();
    assert_eq!((list.len(), more), (1, false));
    list.into_iter().next().unwrap()
}

const NOW: u64 = 4_000_000_000_000;

#[tokio::test]
async fn a_message_is_accepted_rendered_and_sent_in_the_readers_language() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    shop.notify(request("r"), NOW).await.unwrap();
    assert_eq!(world.texts(), ["v1 pt-BR Ada"]);
    assert_eq!(only(&shop).await.state, State::Sent { at_ms: NOW });
    assert_eq!(attempts(&shop, NOW).await, 0);
}

#[tokio::test]
async fn a_repetition_gets_the_same_receipt_and_sends_nothing_more() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    let first = shop.notify(request("r"), NOW).await.unwrap();
    assert_eq!(shop.notify(request("r"), NOW + 9).await.unwrap(), first);
    assert_eq!(world.delivered(), 1);
    only(&shop).await;
}

#[tokio::test]
async fn the_same_id_with_another_content_is_a_conflict() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    shop.notify(request("r"), NOW).await.unwrap();
    let changes: [fn(&mut Request); 4] = [
        |r| r.user_id = "usr_2".into(),
        |r| r.channel = Channel::Push,
        |r| r.variables[0].1 = "8".into(),
        |r| r.language = Some("de".into()),
    ];
    for change in changes {
        let mut other = request("r");
        change(&mut other);
        assert!(matches!(shop.notify(other, NOW).await, Err(Refusal::Conflict)));
    }
    assert_eq!(world.delivered(), 1);
}

#[tokio::test]
async fn what_can_never_be_sent_is_not_accepted() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    let with = async |change: fn(&mut Request)| {
        let mut request = request("r");
        change(&mut request);
        shop.notify(request, NOW).await.unwrap_err()
    };
    let missing = with(|r| r.variables.clear()).await;
    assert!(matches!(missing, Refusal::MissingVariables(names) if names == ["order_id"]));
    assert!(matches!(with(|r| r.template_code = "missing".into()).await, Refusal::Invalid(_)));
    assert!(matches!(with(|r| r.user_id = "nobody".into()).await, Refusal::Invalid(_)));
    assert!(matches!(with(|r| r.request_id.clear()).await, Refusal::Invalid(_)));
    assert_eq!(world.delivered(), 0);
    shop.notify(request("r"), NOW).await.unwrap();
}

#[tokio::test]
async fn the_version_of_the_acceptance_is_sent_whatever_is_published_later() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    world.answer(later());
    shop.notify(request("r"), NOW).await.unwrap();
    world.0.lock().unwrap().newest = 2;
    world.answer(taken());
    assert_eq!(attempts(&shop, NOW + 60_000).await, 1);
    assert_eq!(world.texts(), ["v1 pt-BR Ada", "v1 pt-BR Ada"]);
    let ids: Vec<_> = world.0.lock().unwrap().delivered.iter().map(|m| m.id.clone()).collect();
    assert_eq!(ids[0], ids[1], "the provider can tell that it is the same message");
}

#[tokio::test]
async fn opting_out_holds_for_what_is_waiting_already() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    world.answer(later());
    shop.notify(request("r"), NOW).await.unwrap();
    shop.prefer("usr_1", Preferences { email: false, push: true }).await.unwrap();
    assert_eq!(attempts(&shop, NOW + 60_000).await, 1);
    assert_eq!(world.delivered(), 1, "nothing was sent after the opt-out");
    assert_eq!(only(&shop).await.state, State::Suppressed);
    let mut push = request("p");
    push.channel = Channel::Push;
    shop.notify(push, NOW + 60_000).await.unwrap();
    assert_eq!(world.delivered(), 2);
}

#[tokio::test]
async fn a_hard_bounce_ends_it_and_so_does_a_vanished_account() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    world.answer(Outcome::Refused("no such mailbox".into()));
    shop.notify(request("r"), NOW).await.unwrap();
    assert_eq!(only(&shop).await.state, State::Failed { reason: "no such mailbox".into() });
    assert_eq!(attempts(&shop, NOW + 9_000_000).await, 0);

    world.answer(later());
    shop.notify(request("s"), NOW).await.unwrap();
    world.0.lock().unwrap().user = false;
    shop.sweep(NOW + 9_000_000).await.unwrap();
    let (list, _) = shop.list("usr_1", None, 1, 0).await.unwrap();
    assert_eq!(list[0].state.word(), "failed");
    assert_eq!(world.delivered(), 2);
}

#[tokio::test]
async fn attempts_are_spread_out_and_come_to_an_end() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    world.answer(later());
    shop.notify(request("r"), NOW).await.unwrap();
    assert_eq!(attempts(&shop, NOW + 1_000).await, 0, "it is too early");
    let mut now = NOW;
    while now < NOW + RETRY_MS {
        assert_eq!(only(&shop).await.state.word(), "pending");
        now += 9_000_000;
        assert_eq!(attempts(&shop, now).await, 1);
    }
    assert_eq!(attempts(&shop, now + 9_000_000).await, 0);
    assert_eq!(only(&shop).await.state.word(), "failed");
}

#[tokio::test]
async fn looking_at_the_list_delivers_what_is_due() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    world.answer(later());
    shop.notify(request("r"), NOW).await.unwrap();
    world.answer(taken());
    let (list, _) = shop.list("usr_1", None, 10, NOW + 60_000).await.unwrap();
    assert_eq!(list[0].state.word(), "sent");
}

#[tokio::test]
async fn lists_are_ones_own_newest_first_and_in_pages() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(shop.notify(request(&format!("r{n}")), NOW).await.unwrap());
    }
    let mut other = request("other");
    other.user_id = "usr_2".into();
    let foreign = shop.notify(other, NOW).await.unwrap();
    let (first, more) = shop.list("usr_1", None, 2, NOW).await.unwrap();
    assert_eq!((first[0].id.as_str(), first[1].id.as_str(), more), (&*ids[4], &*ids[3], true));
    let (rest, more) = shop.list("usr_1", Some(&ids[3]), 10, NOW).await.unwrap();
    assert_eq!((rest.len(), rest[0].id.as_str(), more), (3, &*ids[2], false));
    assert_eq!(shop.find(&foreign).await.unwrap().unwrap().user_id, "usr_2");
    assert_eq!(shop.find("ntf_../x").await, Ok(None));
}

#[tokio::test]
async fn a_repetition_of_what_has_left_the_list_does_not_hide_newer_ones() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    let mut ids = Vec::new();
    for n in 0..=LIST_LENGTH_MAX {
        ids.push(shop.notify(request(&format!("r{n}")), NOW).await.unwrap());
    }
    shop.notify(request("r0"), NOW).await.unwrap();
    shop.notify(request("r7"), NOW).await.unwrap();
    ids.reverse();
    ids.truncate(LIST_LENGTH_MAX);
    let (first, more) = shop.list("usr_1", None, 2, NOW).await.unwrap();
    assert_eq!((first[0].id.as_str(), first[1].id.as_str(), more), (&*ids[0], &*ids[1], true));
    let (rest, more) = shop.list("usr_1", Some(&ids[1]), LIST_LENGTH_MAX, NOW).await.unwrap();
    let rest: Vec<_> = rest.into_iter().map(|it| it.id).collect();
    assert_eq!((rest.as_slice(), more), (&ids[2..], false));
}

#[tokio::test]
async fn killed_at_any_step_an_acknowledged_message_is_sent_and_a_repetition_mends_the_rest() {
    for operations in 0..60 {
        let world = World::new();
        let store = MemoryStore::new();
        let dying = shop(FailingStore::after(operations, store.clone()), &world);
        let receipt = dying.notify(request("r"), NOW).await;
        let shop = shop(store, &world);
        // The attempt that died holds its lease until then.
        let now = NOW + LEASE_MS;
        let again = shop.notify(request("r"), now).await.unwrap();
        if let Ok(receipt) = receipt {
            assert_eq!(receipt, again, "after {operations} operations");
        }
        shop.sweep(now).await.unwrap();
        assert_eq!(only(&shop).await.state.word(), "sent", "after {operations} operations");
        let ids: Vec<_> = world.0.lock().unwrap().delivered.iter().map(|m| m.id.clone()).collect();
        assert!(!ids.is_empty() && ids.iter().all(|id| *id == again), "{ids:?}");
    }
}

#[tokio::test]
async fn an_acknowledged_message_needs_no_repetition() {
    for operations in 0..60 {
        let world = World::new();
        let store = MemoryStore::new();
        let dying = shop(FailingStore::after(operations, store.clone()), &world);
        if dying.notify(request("r"), NOW).await.is_ok() {
            let shop = shop(store, &world);
            shop.sweep(NOW + LEASE_MS).await.unwrap();
            assert_eq!(only(&shop).await.state.word(), "sent", "after {operations} operations");
        }
    }
}
