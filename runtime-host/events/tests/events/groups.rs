//! Consumer groups.

use std::collections::{BTreeMap, BTreeSet};

use tessera_events::{Log, Mode};

use crate::harness::{
    Folder, Subscribers, event, member, publish, quick, settled, subscription, typed, types,
};

#[tokio::test]
async fn every_group_gets_an_event_and_one_member_of_each_takes_it() {
    let folder = Folder::new();
    let mut team = subscription("team");
    team.members = ["x", "y", "z"].map(|name| member(name, Mode::Binary)).to_vec();
    let log = folder.open(quick(), &[team, subscription("single")]).await;
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    for key in 0..40 {
        log.publish((1..=3).map(|n| event(&format!("k{key}"), n)).collect()).await.unwrap();
    }
    settled(&log, "team").await;
    settled(&log, "single").await;

    let mut takers = BTreeMap::<_, BTreeSet<_>>::new();
    for seen in subscribers.seen().into_iter().filter(|seen| seen.subscription == "team") {
        let key = seen.ids[0].split_once('.').unwrap().0.to_owned();
        takers.entry(key).or_default().insert(seen.component);
    }
    assert!(takers.values().all(|components| components.len() == 1), "a key has one member");
    let all = takers.into_values().flatten().collect::<BTreeSet<_>>();
    assert_eq!(all, ["x", "y", "z"].map(str::to_owned).into());
    assert_eq!(subscribers.seen().len(), 240);
}

#[tokio::test]
async fn a_subscription_gets_the_types_that_it_asks_for() {
    let folder = Folder::new();
    let mut orders = subscription("orders");
    orders.types = types(&["com.shop.orders.*", "com.shop.users.gone.v1"]);
    let log = folder.open(quick(), &[orders]).await;
    let subscribers = Subscribers::content();
    let _handle = subscribers.start(&log);
    let kinds = [
        "com.shop.orders.placed.v1",
        "com.shop.users.gone.v1",
        "com.shop.users.gone.v2",
        "com.shop.order",
    ];
    let events = kinds.iter().zip(1..).map(|(kind, number)| typed(kind, "a", number));
    log.publish(events.collect()).await.unwrap();
    settled(&log, "orders").await;
    assert_eq!(subscribers.ids(), ["a.1", "a.2"]);
}

#[tokio::test]
async fn events_that_are_not_delivered_are_the_lag() {
    let folder = Folder::new();
    let clock = crate::harness::ManualClock::at(10_000);
    let options = tessera_events::Options { clock: clock.clock(), ..quick() };
    let log = folder.open(options, &[subscription("all")]).await;
    publish(&log, "a", 1..=2).await;
    clock.set(12_000);
    publish(&log, "b", 1..=1).await;
    clock.set(13_500);
    let progress = crate::harness::progress(&log, "all").await;
    assert_eq!((progress.lag_events, progress.lag_ms), (3, 3_500));
    assert_eq!((progress.components, progress.types), (vec!["all".into()], vec!["*".into()]));
    let _handle = Subscribers::content().start(&log);
    let progress = settled(&log, "all").await;
    assert_eq!((progress.lag_events, progress.lag_ms), (0, 0));
}
