//! Several events in a request.

use tessera_events::{Log, Mode, Options, Outcome, Reason, Subscription};

use crate::harness::{
    Folder, Subscribers, member, progress, publish, quick, settled, subscription,
};

fn batching(events_max: usize) -> Subscription {
    let mut batching = subscription("all");
    batching.members = vec![member("all", Mode::Batch { events_max })];
    batching
}

#[tokio::test]
async fn a_batch_has_events_of_one_key_in_order() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[batching(4)]).await;
    publish(&log, "a", 1..=6).await;
    publish(&log, "b", 1..=1).await;
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    settled(&log, "all").await;
    let mut batches = subscribers.seen().into_iter().map(|seen| seen.ids).collect::<Vec<_>>();
    batches.sort();
    assert_eq!(batches, [vec!["a.1", "a.2", "a.3", "a.4"], vec!["a.5", "a.6"], vec!["b.1"]]);
}

#[tokio::test]
async fn a_batch_has_a_limit_in_bytes() {
    let folder = Folder::new();
    let options = Options { delivery_bytes_max: 1, ..quick() };
    let log = folder.open(options, &[batching(4)]).await;
    publish(&log, "a", 1..=3).await;
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    settled(&log, "all").await;
    assert!(subscribers.seen().iter().all(|seen| seen.ids.len() == 1));
}

#[tokio::test]
async fn only_the_event_at_fault_dies() {
    for refusal in [true, false] {
        let folder = Folder::new();
        let log = folder.open(quick(), &[batching(10)]).await;
        publish(&log, "a", 1..=12).await;
        let subscribers = Subscribers::new(move |delivery| {
            let poisoned = delivery.entries.iter().any(|entry| entry.event.id == "a.3");
            match (poisoned, refusal) {
                (false, _) => Outcome::Done,
                (true, true) => Outcome::Rejected("no".into()),
                (true, false) => Outcome::failed("no"),
            }
        });
        let _handle = subscribers.start(&log);
        settled(&log, "all").await;
        let dead = log.dead_letters(None, 10).await.unwrap();
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0].entry.event.id, "a.3");
        let reason = if refusal { Reason::Rejected } else { Reason::AttemptsExhausted };
        assert_eq!(dead[0].reason, reason);
        // The others wait for it, and continue without it.
        log.discard(dead[0].id.clone()).await.unwrap();
        settled(&log, "all").await;

        let done = subscribers.seen().into_iter().filter(|seen| !seen.ids.contains(&"a.3".into()));
        let done = done.flat_map(|seen| seen.ids).collect::<Vec<_>>();
        let expected = (1..=12).filter(|n| *n != 3).map(|n| format!("a.{n}")).collect::<Vec<_>>();
        assert_eq!(done, expected, "each once, in order");
        let last = subscribers.seen().pop().unwrap().ids;
        assert_eq!(last, ["a.11", "a.12"], "batches again after the failed one");
    }
}

#[tokio::test]
async fn a_failed_batch_counts_once_as_retrying() {
    let folder = Folder::new();
    let mut options = quick();
    options.backoff.base = std::time::Duration::from_secs(3_600);
    options.backoff.max = options.backoff.base;
    options.random = tessera_events::RandomSource::new(|| 3_600_000);
    let log = folder.open(options, &[batching(5)]).await;
    publish(&log, "a", 1..=5).await;
    let subscribers = Subscribers::new(|_| Outcome::failed("no"));
    let _handle = subscribers.start(&log);
    crate::harness::until(&log, "all", |progress| progress.retrying_events > 0).await;
    let progress = progress(&log, "all").await;
    assert_eq!((progress.lag_events, progress.retrying_events), (5, 1));
}
