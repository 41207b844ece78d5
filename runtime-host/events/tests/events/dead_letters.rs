//! What subscribers could not be given.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tessera_events::{Error, Log, Options, Outcome, Reason};

use crate::harness::{
    Folder, PATIENCE, Subscribers, event, publish, quick, settled, subscription, until,
};

/// Subscribers that reject everything until a switch is set.
fn refusing() -> (Subscribers, Arc<AtomicBool>) {
    let content = Arc::new(AtomicBool::new(false));
    let is_content = Arc::clone(&content);
    let subscribers = Subscribers::new(move |_| match is_content.load(Ordering::SeqCst) {
        true => Outcome::Done,
        false => Outcome::Rejected("never".into()),
    });
    (subscribers, content)
}

#[tokio::test]
async fn a_refused_event_is_a_dead_letter_at_once_and_survives_a_restart() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (subscribers, _) = refusing();
    let handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    settled(&log, "all").await;
    publish(&log, "b", 1..=1).await;
    let progress = settled(&log, "all").await;
    assert_eq!(progress.dead_letters, 2);
    assert_eq!(subscribers.ids(), ["a.1", "b.1"]);
    assert!(handle.drain(PATIENCE).await);
    log.close().await.unwrap();

    let log = folder.open(quick(), &[subscription("all")]).await;
    let all = log.dead_letters(None, 100).await.unwrap();
    assert_eq!(
        all.iter().map(|dead| &dead.entry.event).collect::<Vec<_>>(),
        [&event("a", 1), &event("b", 1)]
    );
    let first = &all[0];
    assert_eq!((first.reason, first.attempts, &*first.detail), (Reason::Rejected, 1, "never"));
    assert_eq!(first.subscription, "all");
    assert!(first.first_seen_at_ms <= first.died_at_ms);
    let page = log.dead_letters(Some(all[0].id.clone()), 1).await.unwrap();
    assert_eq!(page, all[1..]);
    assert_eq!(crate::harness::progress(&log, "all").await.dead_letters, 2);
}

#[tokio::test]
async fn a_replayed_dead_letter_has_all_its_attempts_again() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let subscribers = Subscribers::new(|_| Outcome::failed("no"));
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    settled(&log, "all").await;
    let id = log.dead_letters(None, 1).await.unwrap().remove(0).id;

    log.replay(id.clone()).await.unwrap();
    until(&log, "all", |progress| progress.dead_letters == 1).await;
    let attempts = subscribers.seen().iter().map(|seen| seen.attempt).collect::<Vec<_>>();
    assert_eq!(attempts, [1, 2, 3, 1, 2, 3]);
    let again = log.dead_letters(None, 2).await.unwrap();
    assert_eq!(again.len(), 1);
    assert_ne!(again[0].id, id, "an id names one death");
    assert!(matches!(log.replay(id).await, Err(Error::NotFound(_))));
    assert!(matches!(log.replay("x".into()).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_replayed_dead_letter_goes_before_the_younger_events_of_its_key() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (subscribers, content) = refusing();
    let handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    settled(&log, "all").await;
    assert!(handle.drain(PATIENCE).await);
    publish(&log, "a", 2..=3).await;
    let id = log.dead_letters(None, 1).await.unwrap().remove(0).id;
    log.replay(id).await.unwrap();
    assert_eq!(crate::harness::progress(&log, "all").await.dead_letters, 0);

    content.store(true, Ordering::SeqCst);
    let _handle = subscribers.start(&log);
    settled(&log, "all").await;
    assert_eq!(subscribers.ids()[1..], ["a.1", "a.2", "a.3"]);
}

/// Subscribers that refuse one event until this is switched off.
fn refusing_one(id: &'static str) -> (Subscribers, Arc<AtomicBool>) {
    let content = Arc::new(AtomicBool::new(false));
    let is_content = Arc::clone(&content);
    let subscribers = Subscribers::new(move |delivery| {
        let bad = delivery.entries.iter().any(|entry| entry.event.id == id);
        match bad && !is_content.load(Ordering::SeqCst) {
            true => Outcome::Rejected("never".into()),
            false => Outcome::Done,
        }
    });
    (subscribers, content)
}

#[tokio::test]
async fn events_after_a_dead_letter_wait_and_then_continue_in_order() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (subscribers, content) = refusing_one("a.2");
    let handle = subscribers.start(&log);
    publish(&log, "a", 1..=4).await;
    publish(&log, "b", 1..=2).await;
    let held = until(&log, "all", |progress| progress.held_events == 2).await;
    assert_eq!((held.dead_letters, held.retrying_events), (1, 0));
    settled(&log, "all").await;
    assert_eq!(subscribers.ids_of("a"), ["a.1", "a.2"]);
    assert_eq!(subscribers.ids_of("b"), ["b.1", "b.2"], "other keys continue");
    assert!(handle.drain(PATIENCE).await);
    log.close().await.unwrap();

    let log = folder.open(quick(), &[subscription("all")]).await;
    let _handle = subscribers.start(&log);
    publish(&log, "a", 5..=5).await;
    publish(&log, "b", 3..=3).await;
    assert_eq!(settled(&log, "all").await.held_events, 3);
    assert_eq!(subscribers.ids_of("b").last().unwrap(), "b.3");
    assert_eq!(subscribers.ids_of("a").len(), 2, "after a restart, too");

    content.store(true, Ordering::SeqCst);
    assert_eq!(log.replay_key("all".into(), "a".into()).await, Ok(4));
    let progress = settled(&log, "all").await;
    assert_eq!((progress.lag_events, progress.dead_letters), (0, 0));
    assert_eq!(subscribers.ids_of("a")[2..], ["a.2", "a.3", "a.4", "a.5"]);
    publish(&log, "a", 6..=6).await;
    settled(&log, "all").await;
    assert_eq!(subscribers.ids_of("a").last().unwrap(), "a.6");
    for (name, key) in [("all", "a"), ("unknown", "a")] {
        let missing = log.replay_key(name.into(), key.into()).await;
        assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
    }
}

#[tokio::test]
async fn a_discarded_dead_letter_holds_no_events() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (subscribers, _) = refusing_one("a.1");
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=3).await;
    until(&log, "all", |progress| progress.held_events == 2).await;
    let id = log.dead_letters(None, 1).await.unwrap().remove(0).id;
    log.discard(id.clone()).await.unwrap();
    let progress = until(&log, "all", |progress| progress.lag_events == 0).await;
    assert_eq!((progress.dead_letters, log.statistics().lost_dead_letters), (0, 0));
    assert_eq!(subscribers.ids(), ["a.1", "a.2", "a.3"]);
    assert!(matches!(log.discard(id).await, Err(Error::NotFound(_))));
    assert!(matches!(log.discard("x".into()).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn at_the_limit_of_dead_letters_a_failed_event_is_retried() {
    let folder = Folder::new();
    let options = Options { dead_letters_max: 1, detail_bytes_max: 2, ..quick() };
    let log = folder.open(options, &[subscription("all")]).await;
    let (subscribers, _) = refusing();
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    settled(&log, "all").await;
    publish(&log, "b", 1..=1).await;
    subscribers.wait_for(4).await;
    let progress = crate::harness::progress(&log, "all").await;
    assert_eq!((progress.dead_letters, progress.lag_events), (1, 1));
    let kept = log.dead_letters(None, 100).await.unwrap();
    assert_eq!((kept[0].entry.event.id.as_str(), kept[0].detail.as_str()), ("a.1", "ne"));
    log.discard(kept[0].id.clone()).await.unwrap();
    settled(&log, "all").await;
    let kept = log.dead_letters(None, 100).await.unwrap();
    assert_eq!(kept[0].entry.event.id, "b.1", "now there is room");
    assert_eq!(log.statistics().lost_dead_letters, 0);
}
