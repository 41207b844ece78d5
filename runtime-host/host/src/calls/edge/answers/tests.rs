//! Which answers are given again, and to whom.

use super::*;
use crate::telemetry::Telemetry;
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);
const LONG: Lifetime = Lifetime { fresh: Duration::MAX, stale: Duration::MAX };

fn answers() -> Answers {
    answers_in(&Arc::new(AnswerMemory::new(10_000)))
}

/// Those of one more edge, whose own limit is never reached.
fn answers_in(memory: &Arc<AnswerMemory>) -> Answers {
    let options =
        AnswerOptions { age_max: 100 * MS, stale_max: 1_000 * MS, size_max_bytes: 10_000 };
    let telemetry = Telemetry::default();
    let counts = telemetry.metrics.edge(&"a".into(), &"b".into());
    Answers::new(options, None, memory.clone(), counts)
}

async fn begin<'a>(answers: &'a Answers, key: &str) -> Begun<'a, u32> {
    begin_as(answers, key, Some(Priority::Interactive)).await
}

async fn begin_as<'a>(
    answers: &'a Answers,
    key: &str,
    priority: Option<Priority>,
) -> Begun<'a, u32> {
    answers.begin(key.as_bytes(), Deadline::after(1_000 * MS), priority).await.unwrap()
}

async fn leads<'a>(answers: &'a Answers, key: &str) -> Flight<'a> {
    match begin(answers, key).await {
        Begun::Leads(flight) => flight,
        _ => panic!("it does not lead"),
    }
}

async fn answer(answers: &Answers, key: &str) -> Option<u32> {
    match begin(answers, key).await {
        Begun::Answered(kept) => Some(*kept.value),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_given_for_its_key_while_it_is_fresh() {
    let answers = answers();
    leads(&answers, "a").await.keep(Arc::new(1_u32), 0, LONG);
    assert_eq!(answer(&answers, "a").await, Some(1));
    assert_eq!(answer(&answers, "b").await, None);
    tokio::time::advance(101 * MS).await;
    assert_eq!(answer(&answers, "a").await, None);
    assert_eq!(answers.stale::<u32>(b"a").map(|kept| *kept.value), Some(1));
    tokio::time::advance(1_000 * MS).await;
    assert!(answers.stale::<u32>(b"a").is_none());
}

#[tokio::test(start_paused = true)]
async fn equal_calls_at_the_same_time_become_one() {
    let answers = answers();
    let flight = leads(&answers, "a").await;
    let mut others: Vec<_> = (0..10).map(|_| Box::pin(answer(&answers, "a"))).collect();
    for other in &mut others {
        assert!(futures::poll!(other).is_pending());
    }
    flight.share(Arc::new(7_u32));
    for other in others {
        assert_eq!(other.await, Some(7));
    }
    assert_eq!(answer(&answers, "a").await, None, "it is not kept");
}

#[tokio::test(start_paused = true)]
async fn if_the_call_is_canceled_another_one_is_made() {
    let answers = answers();
    let flight = leads(&answers, "a").await;
    let mut second = Box::pin(leads(&answers, "a"));
    let mut third = Box::pin(answer(&answers, "a"));
    assert!(futures::poll!(&mut second).is_pending() && futures::poll!(&mut third).is_pending());
    drop(flight);
    let second = second.await;
    assert!(futures::poll!(&mut third).is_pending());
    second.share(Arc::new(2_u32));
    assert_eq!(third.await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_another_one_until_its_deadline() {
    let answers = answers();
    let _flight = leads(&answers, "a").await;
    let (soon, priority) = (Deadline::after(10 * MS), Some(Priority::Interactive));
    let late = answers.begin::<u32>(b"a", soon, priority).await;
    assert_eq!(late.err().map(|error| error.kind), Some(Kind::DeadlineExceeded));
}

#[tokio::test(start_paused = true)]
async fn calls_do_not_wait_for_an_answer_that_they_can_not_get() {
    let answers = answers();
    let flight = leads(&answers, "a").await;
    let mut second = Box::pin(begin(&answers, "a"));
    assert!(futures::poll!(&mut second).is_pending());
    flight.keep_apart();
    assert!(matches!(second.await, Begun::Alone));
    assert!(matches!(begin(&answers, "a").await, Begun::Alone));
    assert!(answers.stale::<u32>(b"a").is_none());
    tokio::time::advance(10_000 * MS).await;
    assert!(matches!(begin(&answers, "a").await, Begun::Leads(_)));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_priority_waits_for_none_and_none_waits_for_it() {
    let answers = answers();
    let _flight = leads(&answers, "a").await;
    let Begun::Leads(deep) = begin_as(&answers, "a", None).await else { panic!("it waits") };
    deep.keep(Arc::new(1_u32), 0, LONG);
    assert!(matches!(begin_as(&answers, "a", None).await, Begun::Answered(_)));
    let Begun::Leads(deep) = begin_as(&answers, "b", None).await else { panic!("it waits") };
    assert!(matches!(begin(&answers, "b").await, Begun::Leads(_)));
    drop(deep);
}

#[tokio::test(start_paused = true)]
async fn a_more_urgent_call_takes_the_place_of_one_in_flight() {
    let answers = answers();
    let background = begin_as(&answers, "a", Some(Priority::Background)).await;
    let Begun::Leads(background) = background else { panic!("it waits") };
    let urgent = leads(&answers, "a").await;
    drop(background);
    let mut other = Box::pin(begin_as(&answers, "a", Some(Priority::Background)));
    assert!(futures::poll!(&mut other).is_pending(), "the urgent one is still in flight");
    urgent.share(Arc::new(2_u32));
    assert!(matches!(other.await, Begun::Answered(kept) if *kept.value == 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_a_change_is_neither_kept_nor_shared_with_later_calls() {
    let answers = answers();
    let before = leads(&answers, "a").await;
    answers.drop_if(|_: &u32| false);
    let after = leads(&answers, "a").await;
    before.keep(Arc::new(1_u32), 0, LONG);
    before.share(Arc::new(1_u32));
    assert!(answers.stale::<u32>(b"a").is_none());
    let mut other = Box::pin(answer(&answers, "a"));
    assert!(futures::poll!(&mut other).is_pending());
    after.keep(Arc::new(2_u32), 0, LONG);
    after.share(Arc::new(2_u32));
    assert_eq!(other.await, Some(2));
    assert_eq!(answer(&answers, "a").await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn calls_whose_answers_are_only_for_failures_do_not_wait_for_each_other() {
    let answers = answers();
    let lifetime = Lifetime { fresh: Duration::ZERO, stale: 500 * MS };
    let first = leads(&answers, "a").await;
    first.keep_unshared(Arc::new(1_u32), 0, lifetime);
    first.failed();
    let _second = leads(&answers, "a").await;
    let _third = leads(&answers, "a").await;
    assert_eq!(answers.stale::<u32>(b"a").map(|kept| *kept.value), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_wait_for_one_that_fails_after_another() {
    let answers = answers();
    let first = leads(&answers, "a").await;
    let mut second = Box::pin(leads(&answers, "a"));
    let mut third = Box::pin(begin(&answers, "a"));
    assert!(futures::poll!(&mut second).is_pending() && futures::poll!(&mut third).is_pending());
    drop(first);
    let second = second.await;
    assert!(futures::poll!(&mut third).is_pending());
    let mut fourth = Box::pin(begin(&answers, "a"));
    assert!(futures::poll!(&mut fourth).is_pending());
    drop(second);
    let _fourth = fourth.await;
    assert!(matches!(third.await, Begun::Leads(_)), "it has waited twice");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_another_one_no_longer_than_the_timeout() {
    let mut answers = answers();
    answers.wait_max = 50 * MS;
    let _flight = leads(&answers, "a").await;
    let begun = Instant::now();
    let _second = leads(&answers, "a").await;
    assert!(begun.elapsed() >= 50 * MS);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_that_is_shared_has_its_age() {
    let answers = answers();
    leads(&answers, "a").await.keep(Arc::new(1_u32), 0, LONG);
    tokio::time::advance(300 * MS).await;
    let flight = leads(&answers, "a").await;
    let mut other = Box::pin(begin(&answers, "a"));
    assert!(futures::poll!(&mut other).is_pending());
    flight.share_kept(&answers.stale::<u32>(b"a").unwrap());
    assert!(matches!(other.await, Begun::Answered(kept) if kept.age == 300 * MS));
}

#[tokio::test(start_paused = true)]
async fn of_all_edges_the_answers_that_were_not_asked_for_longest_make_room() {
    let memory = Arc::new(AnswerMemory::new(10_000));
    let [one, other] = [answers_in(&memory), answers_in(&memory)];
    for (number, (answers, key)) in
        [(&one, "a"), (&other, "b"), (&one, "c"), (&other, "d")].into_iter().enumerate()
    {
        leads(answers, key).await.keep(Arc::new(number as u32), 2_000, LONG);
        tokio::time::advance(MS).await;
    }
    assert_eq!(answer(&one, "a").await, Some(0));
    tokio::time::advance(MS).await;
    leads(&one, "e").await.keep(Arc::new(4_u32), 2_000, LONG);
    assert_eq!(answer(&other, "b").await, None, "it was not asked for longest");
    for (answers, key, value) in [(&one, "a", 0), (&one, "c", 2), (&other, "d", 3), (&one, "e", 4)]
    {
        assert_eq!(answer(answers, key).await, Some(value), "{key}");
    }
    // What an edge has kept is free when there is no such edge any more.
    drop(one);
    for (number, key) in ["f", "g", "h"].into_iter().enumerate() {
        leads(&other, key).await.keep(Arc::new(number as u32), 2_000, LONG);
    }
    for key in ["d", "f", "g", "h"] {
        assert!(answer(&other, key).await.is_some(), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_all_edges_is_bounded_whatever_they_keep() {
    let memory = Arc::new(AnswerMemory::new(10_000));
    let all: Vec<_> = (0..20).map(|_| answers_in(&memory)).collect();
    for number in 0..2_000_usize {
        let flight = leads(&all[number % 20], &number.to_string()).await;
        flight.keep(Arc::new(number as u32), number % 3_000, LONG);
        drop(flight);
        let sizes = all.iter().map(|answers| answers.state.lock().cache.size_bytes());
        assert!(sizes.sum::<usize>() <= 10_000, "{number}");
    }
    let flight = leads(&all[0], "large").await;
    flight.keep(Arc::new(0_u32), 10_000, LONG);
    drop(flight);
    let kept: usize = all.iter().map(|answers| answers.state.lock().cache.len()).sum();
    assert!(kept > 2, "nothing made room for what can't be kept: {kept}");
}
