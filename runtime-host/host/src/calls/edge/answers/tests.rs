//! Which answers are given again, and to whom.

use super::*;
use crate::telemetry::Telemetry;

const MS: Duration = Duration::from_millis(1);
const LONG: Lifetime = Lifetime { fresh: Duration::MAX, stale: Duration::MAX };

fn answers() -> Answers {
    let options =
        AnswerOptions { age_max: 100 * MS, stale_max: 1_000 * MS, size_max_bytes: 10_000 };
    let telemetry = Telemetry::default();
    Answers::new(options, telemetry.metrics.edge(&"a".into(), &"b".into()))
}

async fn begin<'a>(answers: &'a Answers, key: &str) -> Begun<'a, u32> {
    answers.begin(key.as_bytes(), Deadline::after(1_000 * MS)).await.unwrap()
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
    let late = answers.begin::<u32>(b"a", Deadline::after(10 * MS)).await;
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
