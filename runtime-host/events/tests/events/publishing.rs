//! What a producer can rely on.

use tessera_events::{Error, Log, Options, Published, embedded::Embedded};

use crate::harness::{Folder, ManualClock, event, quick, subscription};

async fn ids(log: &Embedded) -> Vec<String> {
    let entries = log.read(0, 500).await.unwrap();
    entries.into_iter().map(|entry| entry.event.id).collect()
}

#[tokio::test]
async fn the_log_keeps_what_was_published_in_order() {
    let folder = Folder::new();
    let clock = ManualClock::at(1_000);
    let options = Options { clock: clock.clock(), ..quick() };
    let log = folder.open(options, &[]).await;
    log.publish(vec![event("a", 1), event("b", 1)]).await.unwrap();
    clock.set(900);
    log.publish(vec![event("a", 2)]).await.unwrap();

    let entries = log.read(0, 500).await.unwrap();
    assert_eq!(
        entries.iter().map(|entry| &entry.event).cloned().collect::<Vec<_>>(),
        [event("a", 1), event("b", 1), event("a", 2)]
    );
    assert!(entries.is_sorted_by(|one, other| one.position < other.position));
    let times = entries.iter().map(|entry| entry.recorded_at_ms).collect::<Vec<_>>();
    assert_eq!(times, [1_000, 1_000, 1_000], "time does not go back");
    let rest = log.read(entries[0].position, 1).await.unwrap();
    assert_eq!(rest, entries[1..2]);
    assert_eq!(log.read(entries[2].position, 1).await.unwrap(), []);
}

#[tokio::test]
async fn an_event_is_kept_once_by_source_and_id() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let mut elsewhere = event("a", 1);
    elsewhere.source = "/other".to_owned();
    let mut repeated = event("a", 1);
    repeated.data = "{}".to_owned();

    log.publish(vec![event("a", 1), event("a", 2)]).await.unwrap();
    let batch = vec![repeated, event("a", 3), elsewhere, event("a", 3)];
    let published = log.publish(batch).await.unwrap();
    assert_eq!(published, Published { fresh: 2, duplicates: 2 });
    assert_eq!(ids(&log).await, ["a.1", "a.2", "a.3", "a.1"]);
    assert_eq!(log.read(0, 1).await.unwrap()[0].event, event("a", 1), "the first one stays");

    log.close().await.unwrap();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let published = log.publish(vec![event("a", 2), event("a", 3)]).await.unwrap();
    assert_eq!(published, Published { fresh: 0, duplicates: 2 });
    assert_eq!(log.subscriptions().await.unwrap()[0].lag_events, 4);
}

#[tokio::test]
async fn a_malformed_event_keeps_its_whole_batch_out() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[]).await;
    let mut without_id = event("a", 2);
    without_id.id.clear();
    let mut long = event("a", 2);
    long.data = "x".repeat(256 * 1024 + 1);
    let mut wide = event("a", 2);
    wide.extensions = (0..20).map(|n| (format!("x{n}"), "x".repeat(1_000))).collect();
    for broken in [without_id, long, wide] {
        let error = log.publish(vec![event("a", 1), broken, event("a", 3)]).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
    }
    let many = (0..101).map(|number| event("a", number)).collect();
    assert!(matches!(log.publish(many).await, Err(Error::Invalid(_))));
    assert_eq!(ids(&log).await, Vec::<String>::new());
    assert_eq!(log.publish(vec![]).await.unwrap(), Published::default());
}

#[tokio::test]
async fn a_full_file_refuses_whole_batches_and_harms_nothing() {
    let folder = Folder::new();
    let options = Options { database_bytes_max: 400 * 1024, ..quick() };
    let log = folder.open(options, &[subscription("all")]).await;
    let big = |number| {
        let mut event = event("a", number);
        event.data = "x".repeat(30 * 1024);
        event
    };
    let mut kept = 0;
    let error = loop {
        match log.publish(vec![big(2 * kept + 1), big(2 * kept + 2)]).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert!(kept > 0);
    assert_eq!(ids(&log).await.len() as u32, 2 * kept);
    assert_eq!(log.statistics().entries, u64::from(2 * kept));
    assert_eq!(log.subscriptions().await.unwrap()[0].lag_events, u64::from(2 * kept));
}

#[tokio::test]
async fn limits_of_pages_are_checked() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[]).await;
    for limit in [0, 501] {
        assert!(matches!(log.read(0, limit).await, Err(Error::Invalid(_))));
    }
    for limit in [0, 101] {
        assert!(matches!(log.dead_letters(None, limit).await, Err(Error::Invalid(_))));
    }
    let odd = log.dead_letters(Some("odd".to_owned()), 1).await;
    assert!(matches!(odd, Err(Error::Invalid(_))));
}
