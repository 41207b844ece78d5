//! Opening connections, and what a session leaves to the next one.

use super::host;
use crate::support::sql::{error, execute, query, run, run_work, sql_guest, value};
use crate::support::{eventually, own, postgres};
use serde_json::json;
use servers::POSTGRES;

#[tokio::test]
async fn a_server_that_the_manifest_does_not_name_is_refused() {
    let Some(server) = postgres() else { return };
    let other = format!("\"postgres://127.0.0.2:*\", \"mysql://127.0.0.1:{}\"", server.port());
    let host = sql_guest(&other, "").host().start().await;
    let port = server.port();
    for address in [
        server.address(""),
        format!("host=127.0.0.2,127.0.0.1 port={port} user=app password=x"),
        format!("host=127.0.0.2 hostaddr=127.0.0.1 port={port} user=app password=x"),
    ] {
        for interface in ["pg4", "pg4-sync", "pg3", "pg2", "pg1"] {
            let done = run(&host, interface, &address, json!([query("select 1")])).await;
            let expected = format!("address postgres://127.0.0.1:{port} is not permitted");
            assert!(error(&done[0]).contains(&expected), "{interface}: {done:?}");
        }
    }
    let work =
        json!({ "address": server.address(""), "ca_root": server.certificate(), "steps": [] });
    let done = run_work(&host, "pg4", work).await;
    assert!(error(&done[0]).contains("is not permitted"), "{done:?}");
    let done = run(&host, "pg4", "host=/var/run/postgresql user=app", json!([])).await;
    assert!(error(&done[0]).contains("Unix sockets"), "{done:?}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_in_no_log() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let address = server.address_with("wrong-and-hidden", "");
    let done = run(&host, "pg4", &address, json!([query("select 1")])).await;
    assert!(error(&done[0]).contains("ConnectionFailed"), "{done:?}");
    assert!(error(&done[0]).contains("password authentication failed"), "{done:?}");
    let log = format!("{:?}", host.log());
    assert!(!log.contains("wrong-and-hidden"), "{log}");
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let Some((mut process, server)) = own(&POSTGRES).await else { return };
    let host = host().await;
    let one = json!([query("select 1")]);
    let address = server.address("");
    assert_eq!(value(&run(&host, "pg4", &address, one.clone()).await[0]), "Int32(1)");
    process.stop().await;
    let done = run(&host, "pg4", &address, one.clone()).await;
    assert!(done[0]["error"].is_string(), "{done:?}");
    process.start_again().await;
    eventually(async || {
        let done = run(&host, "pg4", &address, one.clone()).await;
        (done[0]["rows"][0][0] == "Int32(1)").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_session_leaves_nothing_to_the_next_one() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let address = server.address("");
    let create =
        [execute("drop table if exists left_open"), execute("create table left_open (n int4)")];
    run(&host, "pg4", &address, json!(create)).await;
    let leave = [
        execute("set application_name to 'left'"),
        execute("begin"),
        execute("insert into left_open values (1)"),
        execute("lock table left_open"),
    ];
    for failed in [false, true] {
        let mut steps = leave.to_vec();
        if failed {
            steps.push(query("select 1 / 0"));
        }
        run(&host, "pg4", &address, json!(steps)).await;
        // The lock would be waited for.
        let next = [query("select count(*) from left_open"), query("show application_name")];
        let done = run(&host, "pg4", &address, json!(next)).await;
        assert_eq!(value(&done[0]), "Int64(0)");
        assert_eq!(value(&done[1]), "Str(\"\")");
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let (address, steps) = (server.address(""), json!([query("select pg_backend_pid()")]));
    let mut last = String::new();
    // The first session may still be cleaned up.
    eventually(async || {
        let done = run(&host, "pg4", &address, steps.clone()).await;
        let before = std::mem::replace(&mut last, value(&done[0]).to_owned());
        (last == before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn tls_is_what_the_mode_says() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let asked = json!([query("select ssl from pg_stat_ssl where pid = pg_backend_pid()")]);
    for (mode, encrypted) in [("?sslmode=disable", false), ("", true), ("?sslmode=prefer", true)] {
        let done = run(&host, "pg4", &server.address(mode), asked.clone()).await;
        assert_eq!(value(&done[0]), format!("Boolean({encrypted})"), "{mode}");
    }
    // Its authority is unknown.
    let required = server.address("?sslmode=require");
    let done = run(&host, "pg4", &required, asked.clone()).await;
    assert!(error(&done[0]).contains("certificate"), "{done:?}");
    let certificate = server.certificate();
    let work = json!({ "address": required, "ca_root": certificate, "steps": asked });
    assert_eq!(value(&run_work(&host, "pg4", work).await[0]), "Boolean(true)");
    let work = json!({ "address": required, "ca_root": "none", "steps": asked });
    let done = run_work(&host, "pg4", work).await;
    assert!(error(&done[0]).contains("invalid root certificate"), "{done:?}");
}
