//! A session: the statements of one guest's connection, one after the other.

use super::pool::Pooled;
use super::rows::{Answer, Reply};
use super::{Canceler as _, Driver, Refusal, Statement};
use std::pin::pin;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How many statements of one session may wait for their turn. Further ones wait to be accepted.
const WAITING_MAX: usize = 16;
/// How long a server may take to end a statement after it was told to. After that, the connection
/// is closed.
const CANCEL_MAX: Duration = Duration::from_secs(5);
/// How long a statement may go on before the server is told again: a first message that comes before
/// the statement has no effect.
const CANCEL_AGAIN: Duration = Duration::from_millis(250);
/// How long a server may take to undo what a session has left.
const CLEAN_MAX: Duration = Duration::from_secs(5);

/// The side of the guest. When it is dropped, a statement that still runs is canceled.
pub(in crate::capabilities) struct Session<D: Driver> {
    jobs: mpsc::Sender<Job<D>>,
    _open: DropGuard,
}

struct Job<D: Driver> {
    statement: Statement<D>,
    answer: AnswerTo<D>,
    /// Canceled if the caller no longer waits.
    given_up: CancellationToken,
}

enum AnswerTo<D: Driver> {
    Execute(oneshot::Sender<Result<u64, D::Fault>>),
    Query(Answer<D>),
}

impl<D: Driver> Session<D> {
    /// Starts a session on the current runtime, which is that of the connection.
    pub(super) fn start(pooled: Pooled<D>) -> Self {
        let (jobs, queue) = mpsc::channel(WAITING_MAX);
        let closed = CancellationToken::new();
        let open = closed.clone().drop_guard();
        Handle::current().spawn(serve(pooled, queue, closed));
        Self { jobs, _open: open }
    }

    pub(super) async fn execute(&self, statement: Statement<D>) -> Result<u64, D::Fault> {
        let (answer, answered) = oneshot::channel();
        self.run(statement, AnswerTo::Execute(answer), answered).await
    }

    pub(super) async fn query(&self, statement: Statement<D>) -> Result<Reply<D>, D::Fault> {
        let (answer, answered) = Answer::channel();
        self.run(statement, AnswerTo::Query(answer), answered).await
    }

    async fn run<T>(
        &self,
        statement: Statement<D>,
        answer: AnswerTo<D>,
        answered: oneshot::Receiver<Result<T, D::Fault>>,
    ) -> Result<T, D::Fault> {
        let given_up = CancellationToken::new();
        let waiting = given_up.clone().drop_guard();
        let closed = || D::Fault::from(Refusal::Connection("the connection is closed".into()));
        self.jobs.send(Job { statement, answer, given_up }).await.map_err(|_| closed())?;
        let answer = answered.await.map_err(|_| closed())?;
        waiting.disarm();
        answer
    }
}

async fn serve<D: Driver>(
    mut pooled: Pooled<D>,
    mut queue: mpsc::Receiver<Job<D>>,
    closed: CancellationToken,
) {
    while let Some(job) = queue.recv().await {
        if !job.run(&mut pooled.driver, &closed).await {
            return;
        }
    }
    if timeout(CLEAN_MAX, pooled.driver.clean()).await == Ok(true) {
        pooled.give_back();
    }
}

impl<D: Driver> Job<D> {
    /// Returns whether the connection can be used further.
    async fn run(self, driver: &mut D, closed: &CancellationToken) -> bool {
        let canceler = driver.canceler();
        let given_up = self.given_up.clone();
        if given_up.is_cancelled() || closed.is_cancelled() {
            return true;
        }
        let mut work = pin!(self.work(driver));
        tokio::select! {
            () = &mut work => return true,
            () = given_up.cancelled() => {}
            () = closed.cancelled() => {}
        }
        // The next statement does not begin before the server has got the message: it would be
        // canceled instead.
        let end = async {
            loop {
                canceler.cancel().await;
                if timeout(CANCEL_AGAIN, &mut work).await.is_ok() {
                    return;
                }
            }
        };
        timeout(CANCEL_MAX, end).await.is_ok()
    }

    async fn work(self, driver: &mut D) {
        match self.answer {
            // Whoever waited for it may be gone.
            AnswerTo::Execute(answer) => drop(answer.send(driver.execute(self.statement).await)),
            AnswerTo::Query(answer) => driver.query(self.statement, answer).await,
        }
    }
}
