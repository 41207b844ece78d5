//! A subscriber that is far behind.

use tessera_events::{Log, Subscription};

use crate::harness::{
    Folder, Subscribers, batching, event, progress, quick, settled, subscription, types,
};

/// Events that wait when delivery starts.
const EVENTS: u64 = 100_000;

const KEYS: u64 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_events_are_delivered_in_order() {
    let folder = Folder::new();
    let behind = Subscription { concurrency_max: 64, ..batching("behind", 50) };
    let mut single = subscription("single");
    single.types = types(&["com.none"]);
    let log = folder.open(quick(), &[behind, single]).await;
    for round in 0..EVENTS / 100 {
        let numbers = (0..100).map(|n| round * 100 + n);
        let events = numbers.map(|n| event(&format!("k{}", n % KEYS), n / KEYS + 1)).collect();
        log.publish(events).await.unwrap();
    }
    assert_eq!(progress(&log, "behind").await.lag_events, EVENTS);

    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    settled(&log, "behind").await;
    let mut last = std::collections::HashMap::<String, u64>::new();
    for id in subscribers.ids() {
        let (key, number) = id.split_once('.').unwrap();
        let number = number.parse::<u64>().unwrap();
        let before = last.insert(key.to_owned(), number).unwrap_or_default();
        assert_eq!(number, before + 1, "{key}");
    }
    assert_eq!(last.len() as u64, KEYS);
    assert!(last.values().all(|number| *number == EVENTS / KEYS));
}
