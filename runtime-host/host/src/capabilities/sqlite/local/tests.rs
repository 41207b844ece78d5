//! Connections of guests to databases in memory.

use super::super::database::ROWS_MAX_BYTES;
use super::*;
use rusqlite::hooks::Action;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

async fn open(allow_attach_file: bool) -> Open {
    Arc::new(Local { path: None, allow_attach_file }).open().await.unwrap()
}

async fn run(open: &Open, sql: &str, parameters: Vec<Value>) -> Result<Rows, String> {
    open.execute(sql.into(), parameters, Deadline::after(Duration::from_secs(60))).await
}

#[tokio::test]
async fn values_of_every_type_come_back() {
    let open = open(false).await;
    run(&open, "create table t (a, b, c, d, e)", vec![]).await.unwrap();
    let row = vec![
        Value::Integer(i64::MIN),
        Value::Real(0.5),
        Value::Text("ü".into()),
        Value::Blob(vec![0, 255]),
        Value::Null,
    ];
    run(&open, "insert into t values (?, ?, ?, ?, ?)", row.clone()).await.unwrap();
    let rows = run(&open, "select * from t", vec![]).await.unwrap();
    assert_eq!(rows.columns, ["a", "b", "c", "d", "e"]);
    assert_eq!(rows.rows, [row]);
    assert_eq!((open.last_insert_rowid().await, open.changes().await), (1, 1));
}

#[tokio::test]
async fn errors_are_those_of_sqlite() {
    let open = open(false).await;
    let error = run(&open, "select * from absent", vec![]).await.unwrap_err();
    assert!(error.contains("no such table: absent"), "{error}");
}

#[tokio::test]
async fn files_can_be_attached_only_where_the_configuration_allows_it() {
    let folder = tempfile::tempdir().unwrap();
    let attach = format!("attach '{}' as other", folder.path().join("x.db").display());
    let error = run(&open(false).await, &attach, vec![]).await.unwrap_err();
    assert!(error.contains("not authorized"), "{error}");
    run(&open(false).await, "attach ':memory:' as other", vec![]).await.unwrap();
    run(&open(true).await, &attach, vec![]).await.unwrap();
}

#[tokio::test]
async fn a_statement_without_an_end_is_interrupted_at_the_deadline() {
    let open = open(false).await;
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) \
                   select count(*) from n";
    let deadline = Deadline::after(Duration::from_millis(50));
    let error = open.execute(endless.into(), vec![], deadline).await.unwrap_err();
    assert!(error.contains("deadline"), "{error}");
    // The connection is free again.
    assert_eq!(run(&open, "select 1", vec![]).await.unwrap().rows, [[Value::Integer(1)]]);
}

/// A connection to a table, in which each change is reported and waits until the test allows it.
async fn watched() -> (Open, Receiver<()>, Sender<()>) {
    let open = open(false).await;
    run(&open, "create table t (a)", vec![]).await.unwrap();
    let ((changing, changes), (allow, allowed)) = (channel(), channel());
    let hook = move |_: Action, _: &str, _: &str, _: i64| {
        changing.send(()).unwrap();
        allowed.recv().unwrap();
    };
    open.sqlite.lock().await.update_hook(Some(hook)).unwrap();
    (open, changes, allow)
}

const TWO_CHANGES: &str = "insert into t values (1), (2)";

#[tokio::test]
async fn a_statement_that_waits_and_is_canceled_does_not_interrupt_the_one_that_runs() {
    let (open, changes, allow) = watched().await;
    let mut running = Box::pin(run(&open, TWO_CHANGES, vec![]));
    assert!(futures::poll!(&mut running).is_pending());
    let changes = blocking(move || changes.recv().map(|()| changes)).await.unwrap();
    let mut waiting = Box::pin(run(&open, "select 1", vec![]));
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(waiting);
    (0..2).for_each(|_| allow.send(()).unwrap());
    running.await.unwrap();
    drop(changes);
}

#[tokio::test]
async fn a_statement_that_has_ended_does_not_interrupt_the_next_one() {
    let (open, changes, allow) = watched().await;
    let mut ended = Box::pin(run(&open, "select 1", vec![]));
    assert!(futures::poll!(&mut ended).is_pending());
    let mut running = Box::pin(run(&open, TWO_CHANGES, vec![]));
    let changes = tokio::select! {
        _ = &mut running => panic!("its changes are not allowed yet"),
        changes = blocking(move || changes.recv().map(|()| changes)) => changes.unwrap(),
    };
    // Its result is not needed.
    drop(ended);
    (0..2).for_each(|_| allow.send(()).unwrap());
    running.await.unwrap();
    drop(changes);
}

#[tokio::test]
async fn a_statement_that_runs_is_interrupted_when_its_call_ends() {
    let (open, changes, allow) = watched().await;
    let mut running = Box::pin(run(&open, TWO_CHANGES, vec![]));
    assert!(futures::poll!(&mut running).is_pending());
    let changes = blocking(move || changes.recv().map(|()| changes)).await.unwrap();
    drop(running);
    (0..2).for_each(|_| allow.send(()).unwrap());
    let rows = run(&open, "select count(*) from t", vec![]).await.unwrap();
    assert_eq!(rows.rows, [[Value::Integer(0)]]);
    drop(changes);
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn rows_have_a_maximum_size() {
    let open = open(false).await;
    let sql = format!("select zeroblob({})", ROWS_MAX_BYTES);
    let error = run(&open, &sql, vec![]).await.unwrap_err();
    assert!(error.contains("exceeds limit"), "{error}");
}

async fn query(open: &Open, sql: &str) -> Result<Streamed, String> {
    let deadline = Deadline::after(Duration::from_secs(60));
    open.query(sql.into(), vec![], deadline, &Streams::default()).await
}

/// Rows of 100 KiB.
const MANY: &str = "with recursive n(i) as (select 1 union all select i + 1 from n limit 1000) \
                    select i, zeroblob(102400) from n";
const ENDLESS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n) \
                       select i, zeroblob(1024) from n";

#[tokio::test]
async fn rows_that_are_read_one_by_one_have_a_limit_only_for_each_row() {
    let open = open(false).await;
    let streamed = query(&open, MANY).await.unwrap();
    let (columns, mut rows, outcome) = streamed.reply.stream(streamed.cancel);
    assert_eq!(columns, ["i", "zeroblob(102400)"]);
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += batch.len();
    }
    assert_eq!((count, outcome.await), (1000, Ok(())));
    let large = query(&open, "select 1, zeroblob(33554432)").await.unwrap();
    let (_, mut rows, outcome) = large.reply.stream(large.cancel);
    assert!(rows.next().await.is_none());
    assert!(outcome.await.unwrap_err().contains("exceeds limit"));
}

#[tokio::test]
async fn a_statement_ends_when_its_rows_are_no_longer_read() {
    let open = open(false).await;
    let streamed = query(&open, ENDLESS).await.unwrap();
    let (_, mut rows, outcome) = streamed.reply.stream(streamed.cancel);
    assert!(!rows.next().await.unwrap().is_empty());
    drop(rows);
    outcome.await.unwrap_err();
    assert_eq!(run(&open, "select 1", vec![]).await.unwrap().rows, [[Value::Integer(1)]]);
}

#[tokio::test]
async fn changes_stay_when_the_rows_that_they_return_are_not_read() {
    let open = open(false).await;
    run(&open, "create table t (a, b)", vec![]).await.unwrap();
    drop(query(&open, &format!("insert into t {MANY} returning *")).await.unwrap());
    let rows = run(&open, "select count(*) from t", vec![]).await.unwrap();
    assert_eq!(rows.rows, [[Value::Integer(1000)]]);
}

#[tokio::test]
async fn a_few_rows_that_nobody_reads_do_not_hold_up_the_next_statement() {
    let open = open(false).await;
    let unread = query(&open, "values (1), (2), (3)").await.unwrap();
    assert_eq!(run(&open, "select 1", vec![]).await.unwrap().rows, [[Value::Integer(1)]]);
    drop(unread);
}

#[tokio::test]
async fn an_error_before_the_first_row_is_that_of_sqlite() {
    let error = query(&open(false).await, "select * from absent").await.map(drop).unwrap_err();
    assert!(error.contains("no such table: absent"), "{error}");
}
