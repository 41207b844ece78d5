//! Databases on a libSQL server, by its HTTP interface ("Hrana over HTTP").
//!
//! A connection is a *stream* of the server. The server answers each request with a *baton*, which the
//! next one has to show, and forgets a stream that is not used for a while.

use super::database::{Rows, Value};
use super::hrana::{Answer, Executed, Question};
use crate::capabilities::endpoint::{self, Endpoint};
use crate::capabilities::outbound_http::Outbound;
use crate::telemetry::TraceContext;
use http::uri::Scheme;
use parking_lot::Mutex as SyncMutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// After this time, the server may have forgotten a stream. One in which no transaction is open is not
/// continued then.
const STREAM_IDLE_MAX: Duration = Duration::from_secs(5);

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    endpoint: Endpoint,
    /// Before the paths of the interface, without a slash at its end.
    path: String,
}

/// An open connection.
pub(super) struct Open {
    server: Arc<Server>,
    outbound: Arc<Outbound>,
    stream: Mutex<Option<Stream>>,
    last: SyncMutex<Last>,
}

/// What guests may ask about the last statement.
#[derive(Debug, Default, Clone, Copy)]
struct Last {
    changes: u64,
    insert_rowid: i64,
}

/// A stream of the server.
struct Stream {
    /// Where it continues.
    server: Server,
    baton: String,
    /// Whether no transaction is open.
    autocommit: bool,
    used: Instant,
}

impl Server {
    /// The database of a URL and a token.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub(crate) fn new(url: &str, token: &str) -> Result<Self, &'static str> {
        let endpoint = Self::parse(url)?;
        let token = endpoint.0.with_token(token).ok_or("a header field can't have its token")?;
        Ok(Self { endpoint: token, path: endpoint.1 })
    }

    fn parse(url: &str) -> Result<(Endpoint, String), &'static str> {
        let (endpoint, path) = Endpoint::parse(url)?;
        match endpoint.scheme() {
            "http" | "https" => Ok((endpoint, path)),
            "libsql" => Ok((endpoint.by(Scheme::HTTPS), path)),
            _ => Err("its scheme is none of `http`, `https` and `libsql`"),
        }
    }

    /// The same database at another address, which the server has named.
    fn at(&self, url: &str) -> Result<Self, String> {
        let (endpoint, path) =
            Self::parse(url).map_err(|fault| format!("the server named {url:?}: {fault}"))?;
        Ok(Self { endpoint: endpoint.with_token_of(&self.endpoint), path })
    }
}

impl Open {
    pub(super) fn new(server: Arc<Server>, outbound: Arc<Outbound>) -> Self {
        Self { server, outbound, stream: Mutex::default(), last: SyncMutex::default() }
    }

    /// Runs a statement. After a failure, or when the future was dropped, the next statement has
    /// another stream: whether a transaction was open is not known.
    pub(super) async fn execute(
        &self,
        statement: &str,
        parameters: Vec<Value>,
        trace: &TraceContext,
    ) -> Result<Rows, String> {
        let mut slot = self.stream.lock().await;
        let stream = slot.take().filter(Stream::continues);
        let (server, baton) = match &stream {
            Some(stream) => (&stream.server, Some(stream.baton.as_str())),
            None => (&*self.server, None),
        };
        let question = Question::execute(baton, statement, parameters)?;
        let answer = ask(server, &self.outbound, &question, trace).await?;
        let autocommit = answer.autocommit();
        if let Some(baton) = answer.baton {
            let server = match answer.base_url {
                Some(url) => server.at(&url)?,
                None => server.clone(),
            };
            *slot = Some(Stream { server, baton, autocommit, used: Instant::now() });
        }
        drop(slot);
        self.finish(answer.results.into_executed()?)
    }

    fn finish(&self, executed: Executed) -> Result<Rows, String> {
        let mut last = self.last.lock();
        last.changes = executed.changes;
        last.insert_rowid = executed.insert_rowid.unwrap_or(last.insert_rowid);
        Ok(executed.rows)
    }

    pub(super) fn last_insert_rowid(&self) -> i64 {
        self.last.lock().insert_rowid
    }

    pub(super) fn changes(&self) -> u64 {
        self.last.lock().changes
    }
}

impl Stream {
    /// Whether the next statement belongs to it. An open transaction is never left in silence: if the
    /// server has forgotten it, the next statement fails.
    fn continues(&self) -> bool {
        !self.autocommit || self.used.elapsed() < STREAM_IDLE_MAX
    }
}

/// A connection that is closed within a transaction tells the server, which would keep its locks for a
/// while.
impl Drop for Open {
    fn drop(&mut self) {
        let open = self.stream.get_mut().take().filter(|stream| !stream.autocommit);
        let Some((stream, runtime)) = open.zip(tokio::runtime::Handle::try_current().ok()) else {
            return;
        };
        let outbound = self.outbound.clone();
        runtime.spawn(async move {
            let (question, trace) = (Question::close(&stream.baton), TraceContext::root());
            let closed = ask(&stream.server, &outbound, &question, &trace);
            let _ = tokio::time::timeout(STREAM_IDLE_MAX, closed).await;
        });
    }
}

async fn ask(
    server: &Server,
    outbound: &Outbound,
    question: &Question<'_>,
    trace: &TraceContext,
) -> Result<Answer, String> {
    let Server { endpoint, path } = server;
    let path = format!("{path}/v3/pipeline");
    let endpoint::Answer { status, body } =
        endpoint.post(outbound.client(), &path, question, trace).await?;
    if !status.is_success() {
        let text = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        return Err(format!("{endpoint} answered {}: {text}", status.as_u16()));
    }
    serde_json::from_slice(&body)
        .map_err(|error| format!("{endpoint} answered something else than a result: {error}"))
}
