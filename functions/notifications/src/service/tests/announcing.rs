use super::*;
use chassis::events::Event;
use chassis::store::interleavings::{Script, SteppedStore, at_once, explore};
use serde_json::json;
use std::pin::Pin;

const USER: &str = "usr_0192f0c1-0000-7000-8000-000000000001";

pub(crate) fn event(kind: &str, subject: &str, sequence: u64, data: &serde_json::Value) -> Event {
    let sequence = ("sequence".to_owned(), sequence.to_string());
    Event {
        id: format!("{subject}.{}", sequence.1),
        source: "/shop/test".to_owned(),
        kind: kind.to_owned(),
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
    event(&format!("com.shop.orders.order.{status}.v1"), "ord_1", 1, &data)
}

fn account(kind: &str, sequence: u64, email: &str) -> Event {
    let data = json!({
        "user_id": USER, "email": email, "name": "Ada", "language": "de", "roles": ["customer"],
    });
    event(&format!("com.shop.identity.user.{kind}.v1"), USER, sequence, &data)
}

fn addresses(world: &World) -> Vec<String> {
    world.0.lock().unwrap().delivered.iter().map(|m| m.email.clone()).collect()
}

async fn records<S: Store>(shop: &Shop<S>) -> Vec<Record> {
    shop.records(0, 100).await.unwrap().entries
}

#[tokio::test]
async fn an_event_makes_its_messages_once_however_often_it_comes() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    for _ in 0..3 {
        shop.receive(&order("shipped"), NOW).await.unwrap();
    }
    assert_eq!(world.delivered(), 2);
    let records = records(&shop).await;
    let told: Vec<_> = records.iter().map(|it| (it.channel, it.status, it.sends)).collect();
    assert_eq!(told, [(Channel::Email, "sent", 1), (Channel::Push, "sent", 1)]);
    assert!(records.iter().all(|it| it.subject.as_deref() == Some("ord_1")));
}

#[tokio::test]
async fn a_status_is_told_once_even_if_it_is_told_in_other_words() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    shop.receive(&order("shipped"), NOW).await.unwrap();
    let mut again = order("shipped");
    again.data = again.data.replace("S-1", "S-2");
    shop.receive(&again, NOW).await.unwrap();
    assert_eq!(world.delivered(), 2);
}

#[tokio::test]
async fn killed_at_any_step_an_event_that_comes_again_is_told_once_and_listed_once() {
    for operations in 0..80 {
        let world = World::new();
        let store = MemoryStore::new();
        let dying = shop(FailingStore::after(operations, store.clone()), &world);
        let first = dying.receive(&order("delivered"), NOW).await;
        let shop = shop(store, &world);
        let now = NOW + LEASE_MS + REST_MS;
        if first.is_err() {
            shop.receive(&order("delivered"), now).await.unwrap();
        }
        shop.sweep(now).await.unwrap();
        let records = records(&shop).await;
        assert_eq!(records.len(), 2, "after {operations} operations");
        assert!(records.iter().all(|it| it.status == "sent" && it.sends == 1), "{records:?}");
        let ids: std::collections::BTreeSet<_> =
            world.0.lock().unwrap().delivered.iter().map(|m| m.id.clone()).collect();
        assert_eq!(ids.len(), 2, "after {operations} operations");
    }
}

#[tokio::test]
async fn a_slow_provider_does_not_hold_up_events() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    world.answer(later());
    for number in 0..20 {
        let mut order = order("confirmed");
        order.data = order.data.replace("ord_1", &format!("ord_{number}"));
        shop.receive(&order, NOW).await.unwrap();
    }
    assert_eq!(world.delivered(), 1, "after one setback the rest is left to the sweeps");
    world.answer(taken());
    shop.sweep(NOW + 60_000).await.unwrap();
    assert!(records(&shop).await.iter().all(|it| it.status == "sent"));
}

#[tokio::test]
async fn copies_of_users_spare_identity() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    shop.receive(&account("registered", 1, "ada@old.example"), NOW).await.unwrap();
    assert_eq!(world.texts(), ["v1 de Ada"], "welcome");
    shop.receive(&account("updated", 3, "ada@new.example"), NOW).await.unwrap();
    shop.receive(&account("updated", 2, "ada@between.example"), NOW).await.unwrap();
    shop.receive(&account("registered", 1, "ada@old.example"), NOW).await.unwrap();
    shop.receive(&order("confirmed"), NOW).await.unwrap();
    assert_eq!(addresses(&world), ["ada@old.example", "ada@new.example"]);
    assert_eq!(world.0.lock().unwrap().asked, 0, "identity was not needed");
}

#[tokio::test]
async fn copies_are_counted_once_and_say_how_late_they_came() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    assert_eq!(shop.freshness().await.unwrap().newest, None);
    let happened_ms = chassis::clock::parse_rfc3339("2096-10-02T07:06:39.000Z").unwrap();
    for sequence in [1, 2, 2] {
        let event = account("updated", sequence, "ada@example.org");
        shop.receive(&event, happened_ms + 250).await.unwrap();
    }
    let freshness = shop.freshness().await.unwrap();
    let newest = freshness.newest.unwrap();
    assert_eq!((freshness.entries, newest.arrived_ms - newest.happened_ms), (1, 250));
}

fn user_change(number: usize, sequence: u64) -> people::Change {
    let (name, email, language) = ("Ada".into(), "ada@example.org".into(), "de".into());
    let id = format!("usr_{number}");
    people::Change { id, user: User { email, name, language }, sequence, at_ms: NOW }
}

#[tokio::test]
async fn killed_at_any_step_a_copy_that_comes_again_is_counted_once() {
    for operations in 0..20 {
        let world = World::new();
        let store = MemoryStore::new();
        let dying = shop(FailingStore::after(operations, store.clone()), &world);
        let _ = dying.keep(&user_change(1, 1), NOW).await;
        let shop = shop(store, &world);
        for sequence in [1, 2] {
            shop.keep(&user_change(1, sequence), NOW).await.unwrap();
            let entries = shop.freshness().await.unwrap().entries;
            assert_eq!(entries, 1, "after {operations} operations");
        }
    }
}

fn keep(store: SteppedStore, sequence: u64) -> Pin<Box<dyn Future<Output = bool> + Send>> {
    let shop = shop(store, &World::new());
    Box::pin(async move { shop.keep(&user_change(1, sequence), NOW).await.is_ok() })
}

#[test]
fn however_deliveries_of_a_new_user_meet_the_copy_is_counted_once() {
    let actors: [Script<bool>; 2] = [|it| keep(it, 1), |it| keep(it, 2)];
    let entries = |store: &MemoryStore| {
        at_once(shop(store.clone(), &World::new()).freshness()).unwrap().unwrap().entries
    };
    let explored = explore(
        MemoryStore::new,
        &actors,
        1,
        |store| assert!(entries(store) <= 1),
        |store, _| {
            let shop = shop(store.clone(), &World::new());
            at_once(shop.keep(&user_change(1, 1), NOW)).unwrap().unwrap();
            assert_eq!(entries(store), 1);
        },
    );
    assert!(explored.unwrap().ends > 1);
}

#[tokio::test]
async fn what_each_change_writes_does_not_grow_with_the_users() {
    let world = World::new();
    let store = MemoryStore::new();
    let shop = shop(store.clone(), &world);
    for number in 0..200 {
        shop.keep(&user_change(number, 1), NOW).await.unwrap();
    }
    assert_eq!(shop.freshness().await.unwrap().entries, 200);
    let mut longest = 0;
    for key in store.keys().iter().filter(|key| key.starts_with("users/")) {
        longest = longest.max(store.get(key).await.unwrap().unwrap().len());
    }
    assert!((1..=128).contains(&longest), "{longest} bytes");
}

#[tokio::test]
async fn what_can_not_be_acted_on_is_told_from_what_can_not_now() {
    let world = World::new();
    let shop = shop(FailingStore::after(0, MemoryStore::new()), &world);
    let now = shop.receive(&order("confirmed"), NOW).await;
    assert!(matches!(now, Err(Refusal::Unavailable(_))));

    let shop = super::shop(MemoryStore::new(), &world);
    world.0.lock().unwrap().user = false;
    let stranger = shop.receive(&order("confirmed"), NOW).await;
    assert!(matches!(stranger, Err(Refusal::Invalid(fault)) if fault.place == "user_id"));
    let mut broken = order("confirmed");
    broken.data = "{}".to_owned();
    let broken = shop.receive(&broken, NOW).await;
    assert!(matches!(broken, Err(Refusal::Invalid(fault)) if fault.place == "data"));
    assert_eq!(shop.receive(&order("placed"), NOW).await.map_err(|e| e.to_string()), Ok(()));
    assert_eq!(records(&shop).await, []);
}

#[tokio::test]
async fn the_books_come_in_pages_in_the_order_of_acceptance() {
    let world = World::new();
    let shop = shop(MemoryStore::new(), &world);
    for number in 0..5 {
        shop.notify(request(&format!("r{number}")), NOW).await.unwrap();
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = shop.records(after, 2).await.unwrap();
        seen.extend(page.entries.into_iter().map(|it| it.request_id));
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen, ["r0", "r1", "r2", "r3", "r4"]);
}

/// The event with some of its members sealed for the user.
fn sealed(kind: &str, sequence: u64, members: &serde_json::Value) -> Event {
    let sealed = chassis::sealed::seal(&[1; 32], &[2; 24], USER, members).unwrap();
    let data = json!({"user_id": USER, "sealed": sealed});
    event(&format!("com.shop.identity.user.{kind}.v1"), USER, sequence, &data)
}

fn reset_mail(sequence: u64) -> Event {
    let request_id = format!("{USER}:password-reset:{sequence}");
    let variables = json!({"link": "https://shop.test/reset?token=t", "minutes": "30"});
    let members =
        json!({"template": "password-reset", "variables": variables, "request_id": request_id});
    sealed("mail", sequence, &members)
}

fn registered() -> Event {
    let members = json!({"email": "ada@example.org", "name": "Ada", "language": "de"});
    sealed("registered", 1, &members)
}

fn know(world: &World, key: Option<[u8; 32]>) {
    world.0.lock().unwrap().persons.set(USER, key);
}

#[tokio::test]
async fn a_mail_about_an_account_is_sent_once_regardless_of_preferences() {
    let world = World::new();
    know(&world, Some([1; 32]));
    let shop = shop(MemoryStore::new(), &world);
    shop.receive(&registered(), NOW).await.unwrap();
    let nothing = Preferences { email: false, push: false };
    shop.prefer(USER, nothing).await.unwrap();
    let before = world.delivered();
    for _ in 0..2 {
        shop.receive(&reset_mail(2), NOW).await.unwrap();
    }
    assert_eq!(world.delivered(), before + 1);
    let other = json!({"template": "welcome", "variables": {}, "request_id": "r"});
    let refused = shop.receive(&sealed("mail", 3, &other), NOW).await;
    assert!(matches!(refused, Err(Refusal::Invalid(_))), "no template is free to choose");
}

#[tokio::test]
async fn a_deleted_user_is_erased_and_gets_no_more_messages() {
    let world = World::new();
    know(&world, Some([1; 32]));
    let store = MemoryStore::new();
    let shop = shop(store.clone(), &world);
    shop.receive(&registered(), NOW).await.unwrap();
    shop.receive(&order("confirmed"), NOW).await.unwrap();
    let before = world.delivered();

    know(&world, None);
    let gone = event("com.shop.identity.user.deleted.v1", USER, 3, &json!({"user_id": USER}));
    for _ in 0..2 {
        shop.receive(&gone, NOW).await.unwrap();
    }
    for late in [registered(), reset_mail(2), order("shipped")] {
        shop.receive(&late, NOW).await.unwrap();
    }
    assert_eq!(world.delivered(), before);
    assert_forgotten(&store).await;
    assert_eq!(shop.list(USER, None, 10, NOW).await.unwrap().0, []);
    shop.prefer(USER, Preferences { email: false, push: true }).await.unwrap();
    assert!(!store.keys().contains(&format!("preferences/{USER}")));
    // The books contain the messages, once for each request.
    shop.receive(&order("shipped"), NOW).await.unwrap();
    let mut recorded: Vec<_> =
        records(&shop).await.into_iter().map(|it| (it.request_id, it.status)).collect();
    recorded.retain(|(request, _)| request.starts_with("ord_1:shipped"));
    let expected = ["ord_1:shipped", "ord_1:shipped:push"].map(|id| (id.to_owned(), "suppressed"));
    assert_eq!(recorded, expected);
}

/// Nothing in the store contains her address, her name, or the text of a mail to her.
async fn assert_forgotten(store: &MemoryStore) {
    for key in store.keys() {
        let value = store.get(&key).await.unwrap().unwrap_or_default();
        let value = String::from_utf8_lossy(&value).into_owned();
        for text in ["ada@example.org", "Ada", "token=t", "no mailbox"] {
            assert!(!value.contains(text), "{key}: {value}");
        }
    }
}

fn deleted() -> Event {
    event("com.shop.identity.user.deleted.v1", USER, 9, &json!({"user_id": USER}))
}

#[tokio::test]
async fn waiting_and_failed_messages_are_erased_with_their_reader() {
    let world = World::new();
    know(&world, Some([1; 32]));
    let store = MemoryStore::new();
    let shop = shop(store.clone(), &world);
    world.answer(Outcome::Refused("there is no mailbox ada@example.org".into()));
    shop.receive(&registered(), NOW).await.unwrap();
    world.answer(later());
    shop.receive(&reset_mail(2), NOW).await.unwrap();
    let before = world.delivered();

    know(&world, None);
    shop.receive(&deleted(), NOW).await.unwrap();
    assert_forgotten(&store).await;
    world.answer(taken());
    shop.sweep(NOW + 9_000_000).await.unwrap();
    assert_eq!(world.delivered(), before, "what waited is not sent");
    for queue in QueueName::ALL {
        assert_eq!(shop.queued(queue).await.unwrap(), [], "{}", queue.as_str());
    }
    let statuses: Vec<_> = records(&shop).await.into_iter().map(|it| it.status).collect();
    assert_eq!(statuses, ["suppressed"; 2]);
}

#[tokio::test]
async fn after_a_crash_at_any_step_a_redelivered_event_erases_the_user() {
    for operations in 0..40 {
        let world = World::new();
        know(&world, Some([1; 32]));
        let store = MemoryStore::new();
        world.answer(later());
        let before = shop(store.clone(), &world);
        before.receive(&registered(), NOW).await.unwrap();
        before.receive(&reset_mail(2), NOW).await.unwrap();
        know(&world, None);
        let dying = shop(FailingStore::after(operations, store.clone()), &world);
        if dying.receive(&deleted(), NOW).await.is_err() {
            shop(store.clone(), &world).receive(&deleted(), NOW).await.unwrap();
        }
        assert_forgotten(&store).await;
    }
}

/// A store whose reader deletes their account after a number of operations. It may crash later.
#[derive(Clone)]
struct Overtaken {
    store: FailingStore<MemoryStore>,
    memory: MemoryStore,
    world: World,
    left: Arc<Mutex<usize>>,
}

impl Overtaken {
    async fn step(&self) {
        let now = {
            let mut left = self.left.lock().unwrap();
            *left = left.wrapping_sub(1);
            *left == usize::MAX
        };
        if now {
            shop(self.memory.clone(), &self.world).receive(&deleted(), NOW).await.unwrap();
        }
    }
}

impl Store for Overtaken {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.step().await;
        self.store.get(key).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.step().await;
        self.store.set(key, value).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.step().await;
        self.store.delete(key).await
    }

    async fn increment(&self, key: &str, delta: i64) -> Result<i64, StoreError> {
        self.step().await;
        self.store.increment(key, delta).await
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        self.step().await;
        self.store.compare_and_swap(key, expected, new).await
    }
}

#[tokio::test]
async fn a_message_created_during_the_erasure_is_erased_too() {
    for (steps, operations) in (0..60).flat_map(|steps| [(steps, 1_000), (steps, steps + 3)]) {
        let world = World::new();
        know(&world, Some([1; 32]));
        let memory = MemoryStore::new();
        let surviving = shop(memory.clone(), &world);
        surviving.receive(&registered(), NOW).await.unwrap();
        let left = Arc::new(Mutex::new(steps));
        let store = FailingStore::after(operations, memory.clone());
        let slow = Overtaken { store, memory: memory.clone(), world: world.clone(), left };
        let over = shop(slow.clone(), &world).receive(&order("confirmed"), NOW).await;
        assert!(over.is_ok() || operations < 1_000, "{steps}: {over:?}");
        if *slow.left.lock().unwrap() <= steps {
            surviving.receive(&deleted(), NOW).await.unwrap();
        }
        if over.is_err() {
            surviving.receive(&order("confirmed"), NOW).await.unwrap();
        }
        assert_forgotten(&memory).await;
    }
}
