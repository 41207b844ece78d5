//! MySQL (by MariaDB): types, versions of the interface, errors, permissions, limits, and what
//! happens to statements and connections whose call has ended.

use crate::support::sql::{error, execute, query, run, sql_guest, value};
use crate::support::{assert_problem, eventually, mariadb, own};
use harness::Host;
use serde_json::{Value, json};
use servers::MARIADB;

const ALLOWED: &str = "\"mysql://127.0.0.1:*\"";
const INTERFACES: [&str; 3] = ["mysql3", "mysql2", "mysql1"];

async fn host() -> Host {
    sql_guest(ALLOWED, "").host().start().await
}

/// A type of the server, a parameter, and the value that comes back.
const TYPES: [(&str, &str, &str); 24] = [
    ("boolean", r#"{"boolean": true}"#, "Int8(1)"),
    ("tinyint", r#"{"int8": -128}"#, "Int8(-128)"),
    ("tinyint unsigned", r#"{"uint8": 255}"#, "Uint8(255)"),
    ("smallint", r#"{"int16": -7}"#, "Int16(-7)"),
    ("smallint unsigned", r#"{"uint16": 65535}"#, "Uint16(65535)"),
    ("mediumint", r#"{"int32": -8388608}"#, "Int32(-8388608)"),
    ("mediumint unsigned", r#"{"uint32": 16777215}"#, "Uint32(16777215)"),
    ("int", r#"{"int32": -70000}"#, "Int32(-70000)"),
    ("int unsigned", r#"{"uint32": 4294967295}"#, "Uint32(4294967295)"),
    ("bigint", r#"{"int64": -9223372036854775808}"#, "Int64(-9223372036854775808)"),
    ("bigint unsigned", r#"{"uint64": 18446744073709551615}"#, "Uint64(18446744073709551615)"),
    ("float", r#"{"floating32": 0.5}"#, "Floating32(0.5)"),
    ("double", r#"{"floating64": 0.1}"#, "Floating64(0.1)"),
    ("varchar(9)", r#"{"str": "ü"}"#, "Str(\"ü\")"),
    ("char(9)", r#"{"str": "a"}"#, "Str(\"a\")"),
    ("text", r#"{"str": "long"}"#, "Str(\"long\")"),
    ("longtext", r#"{"str": ""}"#, "Str(\"\")"),
    ("enum('a', 'b')", r#"{"str": "b"}"#, "Str(\"b\")"),
    ("json", r#"{"str": "{}"}"#, "Binary([123, 125])"),
    ("binary(2)", r#"{"binary": [0, 255]}"#, "Binary([0, 255])"),
    ("varbinary(9)", r#"{"binary": [1]}"#, "Binary([1])"),
    ("blob", r#"{"binary": [2, 3]}"#, "Binary([2, 3])"),
    ("longblob", r#"{"binary": []}"#, "Binary([])"),
    ("int", "null", "DbNull"),
];

#[tokio::test]
async fn values_of_every_type_come_back() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    for interface in INTERFACES {
        let table = format!("types_of_{interface}");
        let columns = TYPES.iter().enumerate().map(|(n, (ty, _, _))| format!("c{n} {ty}"));
        let columns = columns.collect::<Vec<_>>().join(", ");
        let marks = vec!["?"; TYPES.len()].join(", ");
        let parse = |(_, parameter, _): &(&str, &str, &str)| {
            serde_json::from_str::<Value>(parameter).unwrap()
        };
        let parameters: Vec<_> = TYPES.iter().map(parse).collect();
        let steps = json!([
            execute(&format!("create table {table} ({columns})")),
            { "execute": format!("insert into {table} values ({marks})"), "parameters": parameters },
            query(&format!("select * from {table}")),
        ]);
        let done = run(&host, interface, &server.address(""), steps).await;
        let row = done[2]["rows"][0].as_array().unwrap_or_else(|| panic!("{done:?}"));
        for ((ty, _, expected), found) in TYPES.iter().zip(row) {
            assert_eq!(found.as_str().unwrap(), *expected, "{interface}, {ty}");
        }
    }
}

#[tokio::test]
async fn what_the_interface_has_no_type_for_is_an_error_that_says_what_to_do() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    let steps = json!([
        query("select cast(1.5 as decimal(3, 1)) as price"),
        query("select cast(cast(1.5 as decimal(3, 1)) as char) as price"),
        query("select current_timestamp as at where false"),
    ]);
    for interface in ["mysql3", "mysql2"] {
        let done = run(&host, interface, &server.address(""), steps.clone()).await;
        assert!(error(&done[0]).contains("ValueConversionFailed"), "{done:?}");
        assert!(error(&done[0]).contains("CAST(price AS CHAR)"), "{done:?}");
        assert_eq!(value(&done[1]), "Str(\"1.5\")");
        assert_eq!(done[2]["columns"], json!(["at: Other"]));
    }
}

#[tokio::test]
async fn all_versions_see_the_same_rows() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    let address = server.address("");
    run(&host, "mysql3", &address, json!([execute("create table versions (n int)")])).await;
    for (number, interface) in INTERFACES.into_iter().enumerate() {
        let insert = json!({
            "execute": "insert into versions values (?)", "parameters": [{ "int32": number }],
        });
        let steps = json!([insert, query("select n from versions")]);
        let done = run(&host, interface, &address, steps).await;
        assert_eq!(done[0], json!({ "changed": null }), "{interface}");
        assert_eq!(done[1]["rows"].as_array().unwrap().len(), number + 1, "{interface}: {done:?}");
    }
}

#[tokio::test]
async fn errors_of_the_server_have_their_codes() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    let steps = json!([
        query("this is not SQL"),
        { "query": "select ?", "parameters": [] },
        query("do 1"),
        query("select 1 as one"),
    ]);
    for interface in ["mysql3", "mysql2"] {
        let done = run(&host, interface, &server.address(""), steps.clone()).await;
        assert!(error(&done[0]).contains("QueryFailed"), "{done:?}");
        assert!(error(&done[0]).contains("1064") && error(&done[0]).contains("42000"), "{done:?}");
        assert!(error(&done[1]).contains("QueryFailed"), "{done:?}");
        assert_eq!(done[2], json!({ "columns": [], "rows": [] }));
        assert_eq!(done[3]["rows"].as_array().map(Vec::len), Some(1), "{done:?}");
    }
}

#[tokio::test]
async fn a_server_that_the_manifest_does_not_name_is_refused() {
    let Some(server) = mariadb() else { return };
    let other = format!("\"mysql://127.0.0.2:*\", \"postgres://127.0.0.1:{}\"", server.port());
    let host = sql_guest(&other, "").host().start().await;
    for interface in INTERFACES {
        let address = server.address("");
        let done = run(&host, interface, &address, json!([query("select 1")])).await;
        let expected = format!("address mysql://127.0.0.1:{} is not permitted", server.port());
        assert!(error(&done[0]).contains(&expected), "{interface}: {done:?}");
        let socket = "mysql://app@127.0.0.2:1/app?socket=%2Frun%2Fmysqld%2Fmysqld.sock";
        let done = run(&host, interface, socket, json!([query("select 1")])).await;
        assert!(error(&done[0]).contains("Unix sockets"), "{interface}: {done:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_in_no_log() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    let address = server.address_with("wrong-and-hidden", "");
    let done = run(&host, "mysql3", &address, json!([query("select 1")])).await;
    assert!(error(&done[0]).contains("ConnectionFailed"), "{done:?}");
    assert!(error(&done[0]).contains("Access denied"), "{done:?}");
    let log = format!("{:?}", host.log());
    assert!(!log.contains("wrong-and-hidden"), "{log}");
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let Some((mut process, server)) = own(&MARIADB).await else { return };
    let host = host().await;
    let one = json!([query("select 'here'")]);
    let address = server.address("");
    assert!(value(&run(&host, "mysql3", &address, one.clone()).await[0]).contains("here"));
    process.stop().await;
    let done = run(&host, "mysql3", &address, one.clone()).await;
    assert!(done[0]["error"].is_string(), "{done:?}");
    process.start_again().await;
    assert!(value(&run(&host, "mysql3", &address, one).await[0]).contains("here"));
}

/// Waits until the server runs no statement that contains this text.
async fn no_statement(host: &Host, address: &str, text: &str) {
    let running = format!(
        "select cast(count(*) as char) from information_schema.processlist \
         where info like '%{text}%' and id <> connection_id()"
    );
    eventually(async || {
        let done = run(host, "mysql3", address, json!([query(&running)])).await;
        value(&done[0]).contains("\"0\"").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_statement_is_canceled_on_the_server_when_the_deadline_has_passed() {
    let Some(server) = mariadb() else { return };
    let limits = "tool.tessera.limits = { deadline_ms = 1500 }\n";
    let watching = host().await;
    let host = sql_guest(ALLOWED, limits).host().start().await;
    let address = server.address("");
    for interface in INTERFACES {
        let marked = format!("select sleep(600) as late_{interface}");
        let work = json!({ "address": address, "steps": [query(&marked)] });
        let answer = host.client().post(&format!("/{interface}"), &work).await;
        assert_problem(&answer, 504, "deadline-exceeded");
        no_statement(&watching, &address, &format!("late_{interface}")).await;
    }
}

#[tokio::test]
async fn rows_come_while_the_statement_runs_and_it_ends_with_the_call() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    let address = server.address("");
    let steps = json!([{ "query": "select seq from seq_1_to_4000000000 as endless", "take": 3 }]);
    let done = run(&host, "mysql3", &address, steps).await;
    assert_eq!(done[0]["rows"].as_array().map(Vec::len), Some(3), "{done:?}");
    no_statement(&host, &address, "endless").await;
}

#[tokio::test]
async fn a_result_above_the_limit_is_refused_and_the_connection_stays() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    let steps =
        json!([query("select repeat('x', 10000000) from seq_1_to_4"), query("select 'small'"),]);
    let done = run(&host, "mysql2", &server.address(""), steps).await;
    assert!(error(&done[0]).contains("exceeds limit"), "{done:?}");
    assert!(value(&done[1]).contains("small"), "{done:?}");
}

#[tokio::test]
async fn a_session_leaves_nothing_to_the_next_one() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    let address = server.address("");
    let create = execute("create table left_open (n int primary key)");
    run(&host, "mysql3", &address, json!([create])).await;
    let leave =
        [execute("set @left = 1"), execute("begin"), execute("insert into left_open values (1)")];
    run(&host, "mysql3", &address, json!(leave)).await;
    // The row would be waited for, and then refused.
    let next = [
        execute("insert into left_open values (1)"),
        query("select cast(@left as char) as a"),
        query("select database()"),
    ];
    let done = run(&host, "mysql3", &address, json!(next)).await;
    assert_eq!(done[0], json!({ "changed": null }), "{done:?}");
    assert!(value(&done[1]).contains("DbNull"), "{done:?}");
    assert!(value(&done[2]).contains("app"), "{done:?}");
}

#[tokio::test]
async fn a_server_has_to_prove_its_name_if_tls_is_wanted() {
    let Some(server) = mariadb() else { return };
    let host = host().await;
    let steps = json!([query("select 1")]);
    for (query, works) in [("", true), ("?ssl-mode=DISABLED", true), ("?ssl-mode=REQUIRED", false)]
    {
        let done = run(&host, "mysql3", &server.address(query), steps.clone()).await;
        assert_eq!(done[0]["error"].is_null(), works, "{query}: {done:?}");
        assert!(works || error(&done[0]).contains("ertificate"), "{done:?}");
    }
}
