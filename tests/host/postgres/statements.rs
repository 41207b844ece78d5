//! Statements that end with their call, and results that are too large.

use super::{host, host_with};
use crate::support::sql::{error, query, run, value};
use crate::support::{Backend, assert_problem, eventually, postgres};
use harness::Host;
use serde_json::json;

/// Waits until the server runs no statement that contains this text.
async fn no_statement(host: &Host, address: &str, text: &str) {
    let running = format!(
        "select count(*) from pg_stat_activity where query like '%{text}%' and state <> 'idle' \
         and pid <> pg_backend_pid()"
    );
    eventually(async || {
        let done = run(host, "pg4", address, json!([query(&running)])).await;
        (value(&done[0]) == "Int64(0)").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_statement_is_canceled_on_the_server_when_the_deadline_has_passed() {
    let Some(server) = postgres() else { return };
    let limits = "tool.tessera.limits = { deadline_ms = 1500 }\n";
    let (host, watching) = (host_with(limits).await, host().await);
    let address = server.address("");
    for interface in ["pg4", "pg4-sync", "pg1"] {
        let marked = format!("select pg_sleep(600) /* late {interface} */");
        let work = json!({ "address": address, "steps": [query(&marked)] });
        let answer = host.client().post(&format!("/{interface}"), &work).await;
        assert_problem(&answer, 504, "deadline-exceeded");
        no_statement(&watching, &address, &format!("late {interface}")).await;
    }
}

#[tokio::test]
async fn rows_come_while_the_statement_runs_and_it_ends_with_the_call() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let mut backend = Backend::start().await;
    let address = server.address("");
    let steps = json!([
        {
            "query": "select generate_series(1, 1000000000000) /* endless */",
            "take": 3,
            "then": backend.url("/row"),
        },
    ]);
    let client = host.client();
    let work = json!({ "address": address, "steps": steps });
    let (answer, ()) = tokio::join!(client.post("/pg4", &work), async {
        let row = backend.next().await;
        let running = "select count(*) from pg_stat_activity where query like '%/* endless */%' \
             and state = 'active' and pid <> pg_backend_pid()";
        let done = run(&host, "pg4", &address, json!([query(running)])).await;
        assert_eq!(value(&done[0]), "Int64(1)");
        row.answer(200, "");
    });
    let answer = answer.expect(200).json();
    assert_eq!(answer[0]["rows"], json!([["Int64(1)"], ["Int64(2)"], ["Int64(3)"]]));
    no_statement(&host, &address, "/* endless */").await;
}

#[tokio::test]
async fn a_result_above_the_limit_is_refused_and_the_connection_stays() {
    let Some(server) = postgres() else { return };
    let limits = "tool.tessera.limits = { memory_max_mib = 512 }\n";
    let host = host_with(limits).await;
    let steps = json!([query("select repeat('x', 40000000)"), query("select 1"),]);
    for interface in ["pg4", "pg4-sync", "pg3", "pg2"] {
        let done = run(&host, interface, &server.address(""), steps.clone()).await;
        assert!(error(&done[0]).contains("exceeds limit"), "{interface}: {done:?}");
        assert!(value(&done[1]).contains("Int32(1)"), "{interface}: {done:?}");
    }
    let many = json!([query("select repeat('x', 1000000) from generate_series(1, 40)")]);
    let done = run(&host, "pg4-sync", &server.address(""), many).await;
    assert!(error(&done[0]).contains("exceeds limit"), "{done:?}");
}
