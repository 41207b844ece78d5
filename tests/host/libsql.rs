//! SQLite databases on a libSQL server: a small one of the test, with the same interface.

use crate::support::{Application, application};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use harness::{Answer, Host};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// The server. It ends when the test ends.
struct LibSql {
    address: SocketAddr,
    streams: Arc<Streams>,
    _folder: TempDir,
}

/// The open streams, by their batons.
struct Streams {
    file: std::path::PathBuf,
    open: Mutex<HashMap<String, Connection>>,
    /// All batons ever given, so that each is new.
    given: Mutex<u64>,
    /// Statements, and the batons that they came with.
    executed: Mutex<Vec<(Option<String>, String)>>,
}

impl LibSql {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let streams = Arc::new(Streams {
            file: folder.path().join("far.db"),
            open: Mutex::default(),
            given: Mutex::default(),
            executed: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = streams.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let streams = shared.clone();
                let service = service_fn(move |request| answer(request, streams.clone()));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(socket), service));
            }
        });
        Self { address, streams, _folder: folder }
    }

    /// Forgets all streams, as a server does with those that are not used.
    fn forget(&self) {
        self.streams.open.lock().unwrap().clear();
    }

    fn open(&self) -> usize {
        self.streams.open.lock().unwrap().len()
    }

    /// The statements so far, and whether each came with a baton.
    fn executed(&self) -> Vec<(bool, String)> {
        let executed = self.streams.executed.lock().unwrap();
        executed.iter().map(|(baton, sql)| (baton.is_some(), sql.clone())).collect()
    }
}

async fn answer(
    request: Request<Incoming>,
    streams: Arc<Streams>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let token = request.headers().get("authorization").cloned();
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let answer = match token {
        Some(token) if token == "Bearer secret" && path == "/v3/pipeline" => {
            streams.pipeline(&serde_json::from_slice(&body).unwrap())
        }
        Some(token) if token == "Bearer secret" => Err((404, format!("no {path}"))),
        _ => Err((401, "wrong token".to_owned())),
    };
    let (status, text) = match answer {
        Ok(answer) => (200, answer.to_string()),
        Err((status, text)) => (status, text),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}

impl Streams {
    fn pipeline(&self, question: &Value) -> Result<Value, (u16, String)> {
        let baton = question["baton"].as_str();
        let connection = match baton {
            None => {
                let connection = Connection::open(&self.file).unwrap();
                // The test's only thread must not wait for a lock.
                connection.busy_timeout(std::time::Duration::ZERO).unwrap();
                connection
            }
            Some(baton) => {
                let found = self.open.lock().unwrap().remove(baton);
                found.ok_or((400, "the stream has expired".to_owned()))?
            }
        };
        let mut closed = false;
        let mut results = Vec::new();
        for request in question["requests"].as_array().unwrap() {
            let response = match request["type"].as_str().unwrap() {
                "execute" => {
                    let sql = request["stmt"]["sql"].as_str().unwrap().to_owned();
                    self.executed.lock().unwrap().push((baton.map(str::to_owned), sql));
                    match execute(&connection, &request["stmt"]) {
                        Ok(result) => json!({ "type": "execute", "result": result }),
                        Err(error) => {
                            let error = json!({ "message": error.to_string(), "code": "SQL" });
                            results.push(json!({ "type": "error", "error": error }));
                            continue;
                        }
                    }
                }
                "get_autocommit" => {
                    let is_autocommit = connection.is_autocommit();
                    json!({ "type": "get_autocommit", "is_autocommit": is_autocommit })
                }
                "close" => {
                    closed = true;
                    json!({ "type": "close" })
                }
                other => panic!("{other}"),
            };
            results.push(json!({ "type": "ok", "response": response }));
        }
        let baton = (!closed).then(|| {
            let mut given = self.given.lock().unwrap();
            *given += 1;
            let baton = format!("baton-{given}");
            self.open.lock().unwrap().insert(baton.clone(), connection);
            baton
        });
        Ok(json!({ "baton": baton, "base_url": null, "results": results }))
    }
}

fn execute(connection: &Connection, statement: &Value) -> rusqlite::Result<Value> {
    let mut prepared = connection.prepare(statement["sql"].as_str().unwrap())?;
    let cols: Vec<_> = prepared.column_names().map(|name| json!({ "name": name })).collect();
    let parameters = statement["args"].as_array().unwrap().iter().map(to_sql);
    let mut found = prepared.query(params_from_iter(parameters))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..cols.len()).map(|column| row.get_ref(column).map(to_json));
        rows.push(values.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    Ok(json!({
        "cols": cols,
        "rows": rows,
        "affected_row_count": connection.changes(),
        "last_insert_rowid": connection.last_insert_rowid().to_string(),
    }))
}

fn to_sql(value: &Value) -> SqlValue {
    let text = || value["value"].as_str().unwrap();
    match value["type"].as_str().unwrap() {
        "null" => SqlValue::Null,
        "integer" => SqlValue::Integer(text().parse().unwrap()),
        "float" => SqlValue::Real(value["value"].as_f64().unwrap()),
        "text" => SqlValue::Text(text().to_owned()),
        "blob" => {
            SqlValue::Blob(STANDARD_NO_PAD.decode(value["base64"].as_str().unwrap()).unwrap())
        }
        other => panic!("{other}"),
    }
}

fn to_json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => json!({ "type": "null" }),
        ValueRef::Integer(value) => json!({ "type": "integer", "value": value.to_string() }),
        ValueRef::Real(value) => json!({ "type": "float", "value": value }),
        ValueRef::Text(text) => {
            json!({ "type": "text", "value": String::from_utf8_lossy(text) })
        }
        ValueRef::Blob(bytes) => json!({ "type": "blob", "base64": STANDARD_NO_PAD.encode(bytes) }),
    }
}

/// A host whose guest may use this database as `far`.
async fn started(server: &LibSql, token: &str) -> (Application, Host) {
    let config = format!(
        "[sqlite_database.far]\ntype = \"libsql\"\nurl = \"http://{}/\"\ntoken = {token:?}\n",
        server.address
    );
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n[component.guest]\n\
         source = \"$services\"\nsqlite_databases = [\"far\"]\n",
    );
    let app = app.with_file("rc.toml", config);
    let file = app.folder().join("rc.toml");
    let host = app.host().argument("--runtime-config-file").argument(file).start().await;
    (app, host)
}

/// Runs statements on one connection.
async fn run(host: &Host, statements: Value) -> Answer {
    let body = Bytes::from(statements.to_string());
    host.client().send(Method::POST, "/sql?label=far", None, body).await
}

#[tokio::test]
async fn values_of_every_type_are_stored_and_come_back() {
    let server = LibSql::start().await;
    let (_app, host) = started(&server, "secret").await;
    let row = json!([i64::MIN, 0.5, "ü", [0, 255], null]);
    let answer = run(
        &host,
        json!([
            ["create table t (a, b, c, d, e)", []],
            ["insert into t values (?, ?, ?, ?, ?)", row],
            ["insert into t (a) values (1), (2)", []],
        ]),
    )
    .await
    .expect(200)
    .json();
    assert_eq!((&answer["rowid"], &answer["changes"]), (&json!(3), &json!(2)));
    let found =
        run(&host, json!([["select * from t where b > ?", [0.1]]])).await.expect(200).json();
    let expected = json!([{ "columns": ["a", "b", "c", "d", "e"], "rows": [row] }]);
    assert_eq!(found["results"], expected);
}

#[tokio::test]
async fn a_connection_is_one_stream_so_transactions_work() {
    let server = LibSql::start().await;
    let (_app, host) = started(&server, "secret").await;
    run(&host, json!([["create table t (a)", []]])).await.expect(200);
    let rolled_back = json!([
        ["begin", []],
        ["insert into t values (1)", []],
        ["rollback", []],
        ["select count(*) from t", []],
    ]);
    let answer = run(&host, rolled_back).await.expect(200).json();
    assert_eq!(answer["results"][3]["rows"], json!([[0]]));
    let sent: Vec<_> = server.executed().into_iter().map(|(continued, _)| continued).collect();
    assert_eq!(sent, [false, false, true, true, true]);
}

#[tokio::test]
async fn a_transaction_that_is_left_open_is_closed_on_the_server() {
    let server = LibSql::start().await;
    let (_app, host) = started(&server, "secret").await;
    run(&host, json!([["create table t (a)", []]])).await.expect(200);
    let open = json!([["begin immediate", []], ["insert into t values (1)", []]]);
    run(&host, open).await.expect(200);
    crate::support::eventually(async || {
        // What a stream of the server holds, no other one can have.
        let text = run(&host, json!([["insert into t values (2)", []]])).await;
        (text.status.as_u16() == 200).then_some(())
    })
    .await;
    let found = run(&host, json!([["select a from t", []]])).await.expect(200).json();
    assert!(found["results"][0]["rows"].as_array().unwrap().iter().all(|row| *row == json!([2])));
}

#[tokio::test]
async fn errors_of_the_server_are_those_of_the_guest() {
    let server = LibSql::start().await;
    let (_app, host) = started(&server, "secret").await;
    let text = run(&host, json!([["select * from absent", []]])).await.expect(502).text();
    assert!(text.contains("no such table: absent"), "{text}");
    // A stream that the server has forgotten is another one's beginning.
    assert!(server.open() > 0);
    server.forget();
    run(&host, json!([["select 1", []]])).await.expect(200);
    let (_app, stranger) = started(&server, "wrong").await;
    let text = run(&stranger, json!([["select 1", []]])).await.expect(502).text();
    assert!(text.contains("answered 401: wrong token"), "{text}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_an_error_that_says_so() {
    let server = LibSql::start().await;
    let (_app, host) = started(&server, "secret").await;
    let text = run(&host, json!([["select hex(zeroblob(17000000))", []]])).await.expect(502).text();
    assert!(text.contains("exceeds the limit of 33554432 bytes"), "{text}");
    run(&host, json!([["select 1", []]])).await.expect(200);
}
