//! Sessions, pools and rows, with a driver that needs no server.

use super::pool::Pool;
use super::session::Session;
use super::*;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;

/// What the server does, seen by a test.
#[derive(Default)]
struct Server {
    events: Mutex<Vec<String>>,
    begun: Notify,
    canceled: Notify,
}

/// A connection. `endless` runs until it is canceled, `deaf` for ever, `rows <n>` has n rows of
/// 20 MiB, and `small <n>` n rows of 1 KiB.
struct Mock(Arc<Server>);

impl Server {
    fn happens(&self, event: impl Into<String>) {
        self.events.lock().push(event.into());
    }

    fn events(&self) -> Vec<String> {
        std::mem::take(&mut *self.events.lock())
    }
}

impl Results for Mock {
    type Column = ();
    type Row = usize;
    type Fault = Refusal;
}

impl Driver for Mock {
    const SCHEME: &'static str = "mock";
    const OPERATIONS: Operations = Operations { open: "open", execute: "execute", query: "query" };

    type Address = MockAddress;
    type Parameter = ();
    type Canceler = MockCanceler;

    fn pools(_: &Grants) -> &Pools<Self> {
        unreachable!("the tests make their own pools")
    }

    fn hosts(_: &MockAddress) -> Result<Vec<(String, Option<u16>)>, Refusal> {
        Ok(Vec::new())
    }

    fn counter(connections: &Connections) -> &Counter {
        &connections.mysql
    }

    async fn connect(address: &MockAddress, _: &Outbound) -> Result<Self, Refusal> {
        address.0.happens("connect");
        Ok(Self(address.0.clone()))
    }

    async fn is_alive(&mut self) -> bool {
        true
    }

    fn canceler(&self) -> MockCanceler {
        MockCanceler(self.0.clone())
    }

    async fn execute(&mut self, statement: Statement<Self>) -> Result<u64, Refusal> {
        self.0.happens(&*statement.text);
        self.0.begun.notify_one();
        match statement.text.as_str() {
            "endless" => self.0.canceled.notified().await,
            "deaf" => std::future::pending().await,
            _ => {}
        }
        Ok(1)
    }

    async fn query(&mut self, statement: Statement<Self>, answer: Answer<Self>) {
        let (kind, count) = statement.text.split_once(' ').unwrap();
        let bytes = if kind == "rows" { 20 << 20 } else { 1 << 10 };
        let mut rows = answer.begin(vec![()]);
        let mut outcome = Ok(());
        for number in 0..count.parse().unwrap() {
            outcome = outcome.and(rows.push(number, bytes).await);
        }
        rows.end(outcome).await;
        self.0.happens("end of rows");
    }

    async fn clean(&mut self) -> bool {
        self.0.happens("clean");
        true
    }

    async fn close(self) {
        self.0.happens("close");
        self.0.begun.notify_one();
    }
}

#[derive(Clone)]
struct MockAddress(Arc<Server>);

struct MockCanceler(Arc<Server>);

impl Canceler for MockCanceler {
    async fn cancel(&self) {
        self.0.happens("cancel");
        self.0.canceled.notify_one();
    }
}

fn statement(text: &str) -> Statement<Mock> {
    Statement { text: text.into(), parameters: Vec::new() }
}

async fn opened() -> (Arc<Server>, Arc<Pool<Mock>>, Session<Mock>) {
    let server = Arc::<Server>::default();
    let pool = Pools::default().of("key".into(), &MockAddress(server.clone()));
    let session = taken(&pool).await;
    (server, pool, session)
}

async fn taken(pool: &Arc<Pool<Mock>>) -> Session<Mock> {
    Session::start(pool.clone().take(&Outbound::to(&[])).await.unwrap())
}

#[tokio::test]
async fn an_abandoned_statement_is_canceled_before_the_next_one() {
    let (server, _, session) = opened().await;
    tokio::select! {
        _ = session.execute(statement("endless")) => panic!("it has no end"),
        () = server.begun.notified() => {}
    }
    session.execute(statement("next")).await.unwrap();
    assert_eq!(server.events(), ["connect", "endless", "cancel", "next"]);
}

#[tokio::test]
async fn the_connection_of_a_closed_session_is_cleaned_and_used_again() {
    let (server, pool, session) = opened().await;
    let endless = session.execute(statement("endless"));
    tokio::select! {
        _ = endless => panic!("it has no end"),
        () = server.begun.notified() => {}
    }
    drop(session);
    loop {
        if server.events.lock().iter().any(|event| event == "clean") {
            break;
        }
        tokio::task::yield_now().await;
    }
    let again = taken(&pool).await;
    again.execute(statement("next")).await.unwrap();
    assert_eq!(server.events(), ["connect", "endless", "cancel", "clean", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_statement_can_not_be_canceled_is_closed() {
    let (server, pool, session) = opened().await;
    tokio::select! {
        _ = session.execute(statement("deaf")) => panic!("it has no end"),
        () = server.begun.notified() => {}
    }
    let next = session.execute(statement("next")).await;
    assert_eq!(next, Err(Refusal::Connection("the connection is closed".into())));
    drop(session);
    let another = taken(&pool).await;
    another.execute(statement("next")).await.unwrap();
    let events = server.events();
    assert_eq!(events.iter().filter(|event| *event == "connect").count(), 2, "{events:?}");
    assert!(events.iter().filter(|event| *event == "cancel").count() > 1, "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stays_idle_is_closed() {
    let (server, _pool, session) = opened().await;
    session.execute(statement("one")).await.unwrap();
    server.begun.notified().await;
    drop(session);
    server.begun.notified().await;
    assert_eq!(server.events(), ["connect", "one", "clean", "close"]);
}

#[tokio::test]
async fn rows_have_a_limit_together() {
    let (server, _, session) = opened().await;
    let (_, rows) = session.query(statement("rows 1")).await.unwrap().collect().await.unwrap();
    assert_eq!(rows.len(), 1);
    let many = session.query(statement("rows 2")).await.unwrap().collect().await;
    let error = Refusal::Query("query result exceeds limit of 33554432 bytes".into());
    assert_eq!(many.map(drop), Err(error));
    // The rest is dropped.
    session.execute(statement("next")).await.unwrap();
    assert_eq!(server.events(), ["connect", "end of rows", "end of rows", "next"]);
}

#[tokio::test]
async fn streamed_rows_have_a_limit_only_for_each_row() {
    let (_, _, session) = opened().await;
    let session = Arc::new(session);
    let reply = session.query(statement("rows 3")).await.unwrap();
    // The guest has dropped its connection.
    let (_, mut rows, outcome) = reply.stream(session);
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += batch.len();
    }
    assert_eq!((count, outcome.await), (3, Ok(())));
}

#[tokio::test]
async fn a_few_rows_that_nobody_reads_do_not_hold_up_the_next_statement() {
    let (server, _, session) = opened().await;
    let reply = session.query(statement("small 9")).await.unwrap();
    session.execute(statement("next")).await.unwrap();
    assert_eq!(server.events(), ["connect", "end of rows", "next"]);
    let (_, rows) = reply.collect().await.unwrap();
    assert_eq!(rows, (0..9).collect::<Vec<_>>());
}
