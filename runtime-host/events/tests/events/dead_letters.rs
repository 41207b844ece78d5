//! Dead letters, beyond the contract.

use tessera_events::{Log, Options, Outcome};

use crate::harness::{
    Folder, PATIENCE, Subscribers, progress, publish, quick, settled, subscription,
};

#[tokio::test]
async fn dead_letters_and_the_events_behind_them_survive_a_restart() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let subscribers = Subscribers::new(|delivery| match &*delivery.entries[0].event.id {
        "a.2" => Outcome::Rejected("never".into()),
        _ => Outcome::Done,
    });
    let handle = subscribers.start(&log);
    publish(&log, "a", 1..=4).await;
    assert_eq!(settled(&log, "all").await.held_events, 2);
    let letters = log.dead_letters(None, 100).await.unwrap();
    assert!(handle.drain(PATIENCE).await);
    log.close().await.unwrap();

    let log = folder.open(quick(), &[subscription("all")]).await;
    assert_eq!(log.dead_letters(None, 100).await.unwrap(), letters);
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    publish(&log, "a", 5..=5).await;
    publish(&log, "b", 1..=1).await;
    let held = settled(&log, "all").await;
    assert_eq!((held.held_events, held.dead_letters), (3, 1));
    assert_eq!(subscribers.ids(), ["b.1"]);
    assert_eq!(log.replay_key("all".into(), "a".into()).await, Ok(4));
    assert_eq!(settled(&log, "all").await.lag_events, 0);
    assert_eq!(subscribers.ids_of("a"), ["a.2", "a.3", "a.4", "a.5"]);
}

#[tokio::test]
async fn at_the_limit_of_dead_letters_a_failed_event_is_retried() {
    let folder = Folder::new();
    let options = Options { dead_letters_max: 1, detail_bytes_max: 2, ..quick() };
    let log = folder.open(options, &[subscription("all")]).await;
    let subscribers = Subscribers::new(|_| Outcome::Rejected("never".into()));
    let _handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    settled(&log, "all").await;
    publish(&log, "b", 1..=1).await;
    subscribers.wait_for(4).await;
    let full = progress(&log, "all").await;
    assert_eq!((full.dead_letters, full.lag_events), (1, 1));
    let kept = log.dead_letters(None, 100).await.unwrap();
    assert_eq!((kept[0].entry.event.id.as_str(), kept[0].detail.as_str()), ("a.1", "ne"));
    log.discard(kept[0].id.clone()).await.unwrap();
    settled(&log, "all").await;
    let kept = log.dead_letters(None, 100).await.unwrap();
    assert_eq!(kept[0].entry.event.id, "b.1", "now there is room");
    assert_eq!(log.statistics().lost_dead_letters, 0);
}
