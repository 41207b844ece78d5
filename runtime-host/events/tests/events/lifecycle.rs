//! Opening, closing, draining.

use std::time::Duration;

use tessera_events::{Error, Log, embedded::Embedded};

use crate::harness::{
    Folder, PATIENCE, Subscribers, event, member, progress, publish, quick, settled, subscription,
};

#[tokio::test]
async fn a_second_process_gets_the_id_of_the_first_one() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[]).await;
    let error = Embedded::open(&folder.path(), quick(), vec![]).err().unwrap();
    let pid = std::process::id().to_string();
    assert!(matches!(&error, Error::Unavailable(text) if text.contains(&pid)), "{error}");
    log.close().await.unwrap();
    Embedded::open(&folder.path(), quick(), vec![]).unwrap();
}

#[tokio::test]
async fn a_file_of_another_program_is_not_changed() {
    let folder = Folder::new();
    let other = rusqlite::Connection::open(folder.path()).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(other);
    let error = Embedded::open(&folder.path(), quick(), vec![]).err().unwrap();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
}

#[tokio::test]
async fn malformed_subscriptions_are_refused() {
    let folder = Folder::new();
    let mut empty = subscription("empty");
    empty.members.clear();
    let mut greedy = subscription("greedy");
    greedy.concurrency_max = 100_000;
    let mut twice = subscription("twice");
    twice.members.push(member("twice", tessera_events::Mode::Structured));
    let same = [subscription("same"), subscription("same")];
    for broken in [vec![empty], vec![greedy], vec![twice], same.to_vec()] {
        let error = Embedded::open(&folder.path(), quick(), broken).err().unwrap();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
    }
}

#[tokio::test]
async fn a_closed_log_is_unavailable() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[]).await;
    log.close().await.unwrap();
    let published = log.publish(vec![event("a", 1)]).await;
    assert!(matches!(published, Err(Error::Unavailable(_))));
    assert!(matches!(log.read(0, 1).await, Err(Error::Unavailable(_))));
}

#[tokio::test]
async fn a_drain_lets_deliveries_end_and_starts_no_more() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (subscribers, gate) = Subscribers::gated();
    let handle = subscribers.start(&log);
    publish(&log, "a", 1..=3).await;
    subscribers.wait_for(1).await;

    let drain = tokio::spawn(handle.drain(PATIENCE));
    tokio::task::yield_now().await;
    gate.add_permits(3);
    assert!(drain.await.unwrap());
    assert_eq!(subscribers.ids(), ["a.1"]);
    assert_eq!(progress(&log, "all").await.lag_events, 2, "the outcome was recorded");

    let next = Subscribers::content();
    let _handle = next.start(&log);
    settled(&log, "all").await;
    assert_eq!(next.ids(), ["a.2", "a.3"]);
}

#[tokio::test]
async fn a_drain_has_a_timeout_and_aborted_deliveries_are_repeated() {
    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let (subscribers, _gate) = Subscribers::gated();
    let handle = subscribers.start(&log);
    publish(&log, "a", 1..=1).await;
    subscribers.wait_for(1).await;
    assert!(!handle.drain(Duration::from_millis(10)).await);

    log.close().await.unwrap();
    let log = folder.open(quick(), &[subscription("all")]).await;
    let next = Subscribers::content();
    let _handle = next.start(&log);
    settled(&log, "all").await;
    assert_eq!(next.ids(), ["a.1"]);
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_advice() {
    use std::os::unix::fs::FileExt;

    let folder = Folder::new();
    let log = folder.open(quick(), &[subscription("all")]).await;
    for number in 1..=200 {
        publish(&log, "a", number..=number).await;
    }
    log.close().await.unwrap();
    drop(log);
    let pages = std::fs::metadata(folder.path()).unwrap().len() / 4_096;
    let file = std::fs::File::options().write(true).open(folder.path()).unwrap();
    for page in pages / 2..pages {
        file.write_all_at(&[0xff; 4_096], page * 4_096).unwrap();
    }
    let refused = Embedded::open(&folder.path(), quick(), vec![subscription("all")]);
    let Err(Error::Invalid(advice)) = refused else { panic!("a damaged log was opened") };
    for word in ["events.db", "damaged", "backup", "move it"] {
        assert!(advice.contains(word), "{advice}");
    }
}
