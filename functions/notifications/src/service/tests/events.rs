use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use chassis::events::Event;
use chassis::store::interleavings::{Script, SteppedStore, at_once, explore};
use serde_json::{Value, json};

use super::*;
use users::UserChange;

const USER: &str = "usr_0192f0c1-0000-7000-8000-000000000001";

pub(crate) fn event(kind: &str, subject: &str, sequence: u64, data: &Value) -> Event {
    let sequence = ("sequence".to_owned(), sequence.to_string());
    Event {
        id: format!("{subject}.{}", sequence.1),
        source: "/shop/test".to_owned(),
        kind: format!("com.shop.{kind}.v1"),
        subject: Some(subject.to_owned()),
        time: Some("2096-10-02T07:06:39.000Z".to_owned()),
        data_content_type: Some("application/json".to_owned()),
        data_schema: None,
        extensions: BTreeMap::from([sequence]),
        data: data.to_string(),
    }
}

pub(crate) fn order(status: &str) -> Event {
    let data = json!({
        "order_id": "ord_1", "user_id": USER, "status": status,
        "total": {"amount": 1_200, "currency": "EUR"},
        "rejection": {"code": "x", "detail": "No."},
        "parcels": [{"id": "shp_1", "courier": "Swift", "tracking_code": "S-1"}],
    });
    event(&format!("orders.order.{status}"), "ord_1", 1, &data)
}

/// An event of the user.
pub(crate) fn user(kind: &str, sequence: u64, mut data: Value) -> Event {
    data["user_id"] = json!(USER);
    event(&format!("identity.user.{kind}"), USER, sequence, &data)
}

fn account(kind: &str, sequence: u64, email: &str) -> Event {
    user(kind, sequence, json!({"email": email, "name": "Ada", "language": "de", "roles": []}))
}

/// An event of the user with sealed members.
fn sealed(kind: &str, sequence: u64, members: &Value) -> Event {
    let sealed = chassis::sealed::seal(&[1; 32], &[2; 24], USER, members).unwrap();
    user(kind, sequence, json!({ "sealed": sealed }))
}

fn registered() -> Event {
    let members = json!({"email": "ada@example.org", "name": "Ada", "language": "de"});
    sealed("registered", 1, &members)
}

fn reset_mail(sequence: u64) -> Event {
    let request_id = format!("{USER}:password-reset:{sequence}");
    let variables = json!({"link": "https://shop.test/reset?token=t", "minutes": "30"});
    let members =
        json!({"template": "password-reset", "variables": variables, "request_id": request_id});
    sealed("mail", sequence, &members)
}

fn deleted() -> Event {
    user("deleted", 9, json!({}))
}

/// A world that has the key of the user's sealed data.
fn world_with_key() -> World {
    let world = World::new();
    world.persons.set(USER, Some([1; 32]));
    world
}

impl<S: Store> Shop<S> {
    async fn all(&self) -> Vec<Notification> {
        self.books(0, 100).await.unwrap().entries
    }

    /// The status of each notification, and how often it was sent.
    async fn sends(&self) -> Vec<(&'static str, usize)> {
        self.all().await.iter().map(|it| (it.state.as_str(), it.receipts.len())).collect()
    }
}

/// Another system has sent a message about order `ord_1`.
fn imported(request_id: &str) -> Event {
    let data = json!({
        "request_id": request_id, "user_id": USER, "template_code": "order-confirmed",
        "order_id": "ord_1", "sent_at": "2026-01-31T12:00:00Z",
    });
    event("notifications.message.imported", request_id, 1, &data)
}

#[tokio::test]
async fn a_message_of_another_system_is_listed_and_not_sent() {
    let shop = World::new().shop();
    for _ in 0..2 {
        shop.handle(&imported("ord_1:confirmed")).await.unwrap();
        // It is the same message, whichever event comes first.
        shop.handle(&order("confirmed")).await.unwrap();
    }
    assert_eq!(shop.sends().await, [("sent", 1)]);
    let (listed, _) = shop.list(USER, None, 10).await.unwrap();
    let [listed] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((listed.created_at_ms, listed.attempts), (1_769_860_800_000, 0));
}

#[tokio::test]
async fn a_message_that_was_sent_here_is_not_replaced_by_an_import() {
    let shop = world_with_key().shop();
    shop.handle(&registered()).await.unwrap();
    shop.handle(&order("confirmed")).await.unwrap();
    let before = shop.all().await;
    shop.handle(&imported("ord_1:confirmed")).await.unwrap();
    assert_eq!(shop.all().await, before);
}

#[tokio::test]
async fn a_repeated_event_sends_its_messages_once() {
    let world = World::new();
    let shop = world.shop();
    for _ in 0..3 {
        shop.handle(&order("shipped")).await.unwrap();
    }
    // A later version of the text.
    let mut changed = order("shipped");
    changed.data = changed.data.replace("S-1", "S-2");
    shop.handle(&changed).await.unwrap();
    assert_eq!(world.delivered(), 2);
    assert_eq!(shop.sends().await, [("sent", 1); 2]);
    let all = shop.all().await;
    let expected = [(Channel::Email, "ord_1"), (Channel::Push, "ord_1")];
    let found: Vec<_> = all.iter().map(|it| (it.channel, it.subject.as_deref().unwrap())).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_redelivered_event_sends_its_messages_once() {
    for operations in 0..80 {
        let world = World::new();
        let first = world.crashing(operations).handle(&order("delivered")).await;
        let shop = world.shop();
        shop.at(NOW + LEASE_MS + PAUSE_MS);
        if first.is_err() {
            shop.handle(&order("delivered")).await.unwrap();
        }
        shop.sweep().await.unwrap();
        assert_eq!(shop.sends().await, [("sent", 1); 2], "after {operations} operations");
        let ids: std::collections::BTreeSet<_> =
            world.messages(|message| message.id.clone()).into_iter().collect();
        assert_eq!(ids.len(), 2, "after {operations} operations");
    }
}

#[tokio::test]
async fn a_slow_provider_does_not_delay_events() {
    let world = World::new();
    let shop = world.shop();
    world.set_outcome(deferred());
    for number in 0..20 {
        let mut order = order("confirmed");
        order.data = order.data.replace("ord_1", &format!("ord_{number}"));
        shop.handle(&order).await.unwrap();
    }
    assert_eq!(world.delivered(), 1, "after one failure, only sweeps send");
    world.set_outcome(delivered());
    shop.at(NOW + 60_000).sweep().await.unwrap();
    assert_eq!(shop.sends().await, [("sent", 1); 20]);
}

#[tokio::test]
async fn the_newest_copy_of_a_user_is_used_instead_of_identity() {
    let world = World::new();
    let shop = world.shop();
    shop.handle(&account("registered", 1, "ada@old.example")).await.unwrap();
    assert_eq!(world.texts(), ["v1 de Ada"], "the welcome mail");
    shop.handle(&account("updated", 3, "ada@new.example")).await.unwrap();
    shop.handle(&account("updated", 2, "ada@between.example")).await.unwrap();
    shop.handle(&account("registered", 1, "ada@old.example")).await.unwrap();
    shop.handle(&order("confirmed")).await.unwrap();
    let addresses = world.messages(|message| message.email.clone());
    assert_eq!(addresses, ["ada@old.example", "ada@new.example"]);
    assert_eq!(world.change(|outside| outside.lookups), 0);
}

#[tokio::test]
async fn copies_are_counted_once_with_the_delay_of_the_newest() {
    let shop = World::new().shop();
    assert_eq!(shop.freshness().await.unwrap().newest, None);
    let happened_ms = chassis::clock::parse_rfc3339("2096-10-02T07:06:39.000Z").unwrap();
    for sequence in [1, 2, 2] {
        let event = account("updated", sequence, "ada@example.org");
        shop.at(happened_ms + 250).handle(&event).await.unwrap();
    }
    let freshness = shop.freshness().await.unwrap();
    let newest = freshness.newest.unwrap();
    assert_eq!((freshness.entries, newest.arrived_ms - newest.happened_ms), (1, 250));
}

fn user_change(number: usize, sequence: u64) -> UserChange {
    let (name, email, language) = ("Ada".into(), "ada@example.org".into(), "de".into());
    let id = format!("usr_{number}");
    UserChange { id, user: User { email, name, language }, sequence, at_ms: NOW }
}

#[test]
fn a_copy_is_counted_once_in_any_order_of_concurrent_and_crashed_deliveries() {
    fn store_user(
        store: SteppedStore,
        sequence: u64,
    ) -> Pin<Box<dyn Future<Output = bool> + Send>> {
        let shop = World::new().over(store).shop();
        Box::pin(async move { shop.store_user(&user_change(1, sequence)).await.is_ok() })
    }
    let actors: [Script<bool>; 2] = [|it| store_user(it, 1), |it| store_user(it, 2)];
    let shop = |store: &MemoryStore| World::new().over(store.clone()).shop();
    let entries = |store: &MemoryStore| at_once(shop(store).freshness()).unwrap().unwrap().entries;
    let explored = explore(
        MemoryStore::new,
        &actors,
        1,
        |store| assert!(entries(store) <= 1),
        |store, _| {
            at_once(shop(store).store_user(&user_change(1, 1))).unwrap().unwrap();
            assert_eq!(entries(store), 1);
        },
    );
    assert!(explored.unwrap().ends > 1);
}

#[tokio::test]
async fn the_size_of_a_write_does_not_grow_with_the_number_of_users() {
    let shop = World::new().shop();
    for number in 0..200 {
        shop.store_user(&user_change(number, 1)).await.unwrap();
    }
    assert_eq!(shop.freshness().await.unwrap().entries, 200);
    let mut longest = 0;
    for key in shop.store().keys().iter().filter(|key| key.starts_with("users/")) {
        longest = longest.max(shop.store().get(key).await.unwrap().unwrap().len());
    }
    assert!((1..=128).contains(&longest), "{longest} bytes");
}

#[tokio::test]
async fn temporary_and_permanent_errors_of_events_are_distinguished() {
    let world = World::new();
    let failed = world.crashing(0).handle(&order("confirmed")).await;
    assert!(matches!(failed, Err(Error::Unavailable(_))));

    let shop = world.shop();
    world.change(|outside| outside.has_user = false);
    let unknown = shop.handle(&order("confirmed")).await;
    assert!(matches!(unknown, Err(Error::Invalid(fault)) if fault.member == "user_id"));
    let mut broken = order("confirmed");
    broken.data = "{}".to_owned();
    let broken = shop.handle(&broken).await;
    assert!(matches!(broken, Err(Error::Invalid(fault)) if fault.member == "data"));
    shop.handle(&order("placed")).await.unwrap();
    assert_eq!(shop.all().await, []);
}

#[tokio::test]
async fn the_books_are_in_pages_in_the_order_of_acceptance() {
    let shop = World::new().shop();
    for number in 0..5 {
        shop.notify(request(&format!("r{number}"))).await.unwrap();
    }
    let (mut after, mut found) = (Some(0), Vec::new());
    while let Some(position) = after {
        let page = shop.books(position, 2).await.unwrap();
        found.extend(page.entries.into_iter().map(|it| it.request_id));
        after = page.next;
    }
    assert_eq!(found, ["r0", "r1", "r2", "r3", "r4"]);
}

#[tokio::test]
async fn a_mail_about_an_account_is_sent_once_regardless_of_preferences() {
    let world = world_with_key();
    let shop = world.shop();
    shop.handle(&registered()).await.unwrap();
    let nothing = Preferences { email: false, push: false };
    shop.set_preferences(USER, nothing).await.unwrap();
    let before = world.delivered();
    for _ in 0..2 {
        shop.handle(&reset_mail(2)).await.unwrap();
    }
    assert_eq!(world.delivered(), before + 1);
    let other = json!({"template": "welcome", "variables": {}, "request_id": "r"});
    let refused = shop.handle(&sealed("mail", 3, &other)).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "only some templates are allowed");
}

/// Nothing in the store contains the user's address, name, or the text of a mail to them.
async fn assert_erased(store: &MemoryStore) {
    for key in store.keys() {
        let value = store.get(&key).await.unwrap().unwrap_or_default();
        let value = String::from_utf8_lossy(&value).into_owned();
        for text in ["ada@example.org", "Ada", "token=t", "no mailbox"] {
            assert!(!value.contains(text), "{key}: {value}");
        }
    }
}

#[tokio::test]
async fn a_deleted_user_is_erased_and_gets_no_more_messages() {
    let world = world_with_key();
    let shop = world.shop();
    shop.handle(&registered()).await.unwrap();
    shop.handle(&order("confirmed")).await.unwrap();
    let before = world.delivered();

    world.persons.set(USER, None);
    let events =
        [deleted(), deleted(), registered(), reset_mail(2), order("shipped"), order("shipped")];
    for event in events {
        shop.handle(&event).await.unwrap();
    }
    assert_eq!(world.delivered(), before);
    assert_erased(&world.store).await;
    assert_eq!(shop.list(USER, None, 10).await.unwrap().0, []);
    shop.set_preferences(USER, Preferences { email: false, push: true }).await.unwrap();
    assert!(!world.store.keys().contains(&format!("preferences/{USER}")));
    // The books contain the messages, once for each request.
    let mut books: Vec<_> =
        shop.all().await.into_iter().map(|it| (it.request_id, it.state.as_str())).collect();
    books.retain(|(request, _)| request.starts_with("ord_1:shipped"));
    let expected = ["ord_1:shipped", "ord_1:shipped:push"].map(|id| (id.to_owned(), "suppressed"));
    assert_eq!(books, expected);
}

#[tokio::test]
async fn waiting_and_failed_messages_are_erased_with_their_user() {
    let world = world_with_key();
    let shop = world.shop();
    world.set_outcome(Outcome::Refused("there is no mailbox ada@example.org".into()));
    shop.handle(&registered()).await.unwrap();
    world.set_outcome(deferred());
    shop.handle(&reset_mail(2)).await.unwrap();
    let before = world.delivered();

    world.persons.set(USER, None);
    shop.handle(&deleted()).await.unwrap();
    assert_erased(&world.store).await;
    world.set_outcome(delivered());
    shop.at(NOW + 9_000_000).sweep().await.unwrap();
    assert_eq!(world.delivered(), before, "waiting messages are not sent");
    for queue in Queue::ALL {
        assert_eq!(shop.entries(queue).await.unwrap(), [], "{}", queue.name());
    }
    assert_eq!(shop.sends().await, [("suppressed", 0); 2]);
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_redelivered_event_erases_the_user() {
    for operations in 0..40 {
        let world = world_with_key();
        world.set_outcome(deferred());
        let shop = world.shop();
        shop.handle(&registered()).await.unwrap();
        shop.handle(&reset_mail(2)).await.unwrap();
        world.persons.set(USER, None);
        if world.crashing(operations).handle(&deleted()).await.is_err() {
            shop.handle(&deleted()).await.unwrap();
        }
        assert_erased(&world.store).await;
    }
}

#[tokio::test]
async fn a_message_that_is_created_during_the_erasure_is_erased_too() {
    for (step, operations) in (0..60).flat_map(|step| [(step, 1_000), (step, step + 3)]) {
        let world = world_with_key();
        let shop = world.shop();
        shop.handle(&registered()).await.unwrap();
        // The user deletes their account before this step. The call may crash later.
        let (left, deleting) = (Arc::new(AtomicI64::new(step)), shop.clone());
        let counter = left.clone();
        let store =
            ScriptedStore::failing_after(operations.try_into().unwrap(), world.store.clone());
        let store = ScriptedStore::new(store).before(move |_, _| {
            let (is_step, shop) = (counter.fetch_sub(1, SeqCst) == 0, deleting.clone());
            async move {
                if is_step {
                    shop.handle(&deleted()).await.unwrap();
                }
                Ok(())
            }
        });
        let handled = world.over(store).shop().handle(&order("confirmed")).await;
        assert!(handled.is_ok() || operations < 1_000, "{step}: {handled:?}");
        if left.load(SeqCst) >= 0 {
            shop.handle(&deleted()).await.unwrap();
        }
        if handled.is_err() {
            shop.handle(&order("confirmed")).await.unwrap();
        }
        assert_erased(&world.store).await;
    }
}
