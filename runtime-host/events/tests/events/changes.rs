//! Subscriptions that come, change and go between two starts.

use tessera_events::{Event, Log, StartAt, Subscription};

use crate::harness::{
    Folder, PATIENCE, Subscribers, event, progress, publish, quick, settled, subscription, types,
};

/// Opens the log with these subscriptions, delivers everything, and gives the ids of what came.
async fn delivered(folder: &Folder, subscriptions: &[Subscription]) -> Vec<String> {
    let log = folder.open(quick(), subscriptions).await;
    let subscribers = Subscribers::content();
    let handle = subscribers.start(&log);
    for subscription in subscriptions {
        settled(&log, &subscription.name).await;
    }
    assert!(handle.drain(PATIENCE).await);
    log.close().await.unwrap();
    let mut ids = subscribers.ids();
    ids.sort();
    ids
}

async fn publish_closed(folder: &Folder, subscriptions: &[Subscription], numbers: [u64; 2]) {
    let log = folder.open(quick(), subscriptions).await;
    for number in numbers[0]..=numbers[1] {
        let kinds = [typed("com.x.v1", "x", number), typed("com.y.v1", "y", number)];
        log.publish(kinds.to_vec()).await.unwrap();
    }
    log.close().await.unwrap();
}

fn typed(kind: &str, key: &str, number: u64) -> Event {
    Event { kind: kind.to_owned(), ..event(key, number) }
}

fn asking(name: &str, patterns: &[&str], start_at: StartAt) -> Subscription {
    Subscription { types: types(patterns), start_at, ..subscription(name) }
}

#[tokio::test]
async fn a_new_subscription_starts_with_the_oldest_or_the_next_event() {
    let folder = Folder::new();
    publish_closed(&folder, &[], [1, 2]).await;
    let start = asking("start", &["com.x.*"], StartAt::Start);
    let now = asking("now", &["com.x.*"], StartAt::Now);
    assert_eq!(delivered(&folder, std::slice::from_ref(&start)).await, ["x.1", "x.2"]);
    assert_eq!(delivered(&folder, std::slice::from_ref(&now)).await, Vec::<String>::new());
    publish_closed(&folder, &[start.clone(), now.clone()], [3, 3]).await;
    assert_eq!(delivered(&folder, &[start, now]).await, ["x.3", "x.3"]);
}

#[tokio::test]
async fn processed_events_are_not_delivered_after_a_restart() {
    let folder = Folder::new();
    let all = [subscription("all")];
    publish_closed(&folder, &all, [1, 2]).await;
    assert_eq!(delivered(&folder, &all).await, ["x.1", "x.2", "y.1", "y.2"]);
    assert_eq!(delivered(&folder, &all).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_subscription_that_returns_gets_the_events_that_it_missed() {
    let folder = Folder::new();
    for start_at in [StartAt::Start, StartAt::Now] {
        let folder = if start_at == StartAt::Start { &folder } else { &Folder::new() };
        let one = [asking("one", &["com.x.*"], start_at)];
        drop(folder.open(quick(), &one).await);
        publish_closed(folder, &one, [1, 1]).await;
        assert_eq!(delivered(folder, &one).await, ["x.1"]);
        publish_closed(folder, &one, [2, 2]).await;
        publish_closed(folder, &[], [3, 4]).await;
        publish_closed(folder, &[], [5, 5]).await;
        assert_eq!(delivered(folder, &one).await, ["x.2", "x.3", "x.4", "x.5"]);
    }
}

#[tokio::test]
async fn added_types_include_past_events_unless_the_subscription_starts_now() {
    for (start_at, past) in [(StartAt::Start, true), (StartAt::Now, false)] {
        let folder = Folder::new();
        let narrow = [asking("one", &["com.x.*"], start_at)];
        let wide = [asking("one", &["com.x.*", "com.y.v1"], start_at)];
        drop(folder.open(quick(), &narrow).await);
        publish_closed(&folder, &narrow, [1, 1]).await;
        assert_eq!(delivered(&folder, &narrow).await, ["x.1"]);
        let expected: &[&str] = if past { &["y.1"] } else { &[] };
        assert_eq!(delivered(&folder, &wide).await, expected);
        publish_closed(&folder, &wide, [2, 2]).await;
        assert_eq!(delivered(&folder, &wide).await, ["x.2", "y.2"]);
    }
}

#[tokio::test]
async fn events_of_removed_types_are_not_delivered() {
    let folder = Folder::new();
    let wide = [asking("one", &["*"], StartAt::Start)];
    let narrow = [asking("one", &["com.y.*"], StartAt::Start)];
    publish_closed(&folder, &wide, [1, 2]).await;
    assert_eq!(delivered(&folder, &narrow).await, ["y.1", "y.2"]);
}

#[tokio::test]
async fn a_removed_subscription_is_not_listed_and_keeps_its_dead_letters() {
    let folder = Folder::new();
    let one = [subscription("one")];
    let log = folder.open(quick(), &one).await;
    publish(&log, "a", 1..=1).await;
    let refusing = Subscribers::new(|_| tessera_events::Outcome::Rejected("no".into()));
    let handle = refusing.start(&log);
    settled(&log, "one").await;
    let id = log.dead_letters(None, 1).await.unwrap().remove(0).id;
    assert!(handle.drain(PATIENCE).await);
    log.close().await.unwrap();

    let log = folder.open(quick(), &[]).await;
    assert_eq!(log.subscriptions().await.unwrap(), []);
    assert_eq!(log.dead_letters(None, 10).await.unwrap(), []);
    let replayed = log.replay(id.clone()).await;
    assert!(matches!(replayed, Err(tessera_events::Error::NotFound(_))));
    log.close().await.unwrap();

    let log = folder.open(quick(), &one).await;
    assert_eq!(progress(&log, "one").await.dead_letters, 1);
    log.replay(id).await.unwrap();
    assert_eq!(progress(&log, "one").await.lag_events, 1);
}
