//! Values, errors, and what differs between the versions of the interface.

use super::host;
use crate::support::postgres;
use crate::support::sql::{error, execute, query, run, value};
use serde_json::{Value, json};

/// A type of the server, a parameter, and the value that comes back.
const TYPES: [(&str, &str, &str); 31] = [
    ("bool", r#"{"boolean": true}"#, "Boolean(true)"),
    ("int2", r#"{"int16": -7}"#, "Int16(-7)"),
    ("int4", r#"{"int32": 70000}"#, "Int32(70000)"),
    ("int8", r#"{"int64": -9223372036854775808}"#, "Int64(-9223372036854775808)"),
    ("float4", r#"{"floating32": 0.5}"#, "Floating32(0.5)"),
    ("float8", r#"{"floating64": 0.1}"#, "Floating64(0.1)"),
    ("text", r#"{"str": "ü"}"#, "Str(\"ü\")"),
    ("varchar", r#"{"str": ""}"#, "Str(\"\")"),
    ("char(3)", r#"{"str": "a"}"#, "Str(\"a  \")"),
    ("bytea", r#"{"binary": [0, 255]}"#, "Binary([0, 255])"),
    ("date", r#"{"date": [2024, 2, 29]}"#, "Date((2024, 2, 29))"),
    ("date", r#"{"date": [-43, 3, 15]}"#, "Date((-43, 3, 15))"),
    ("time", r#"{"time": [23, 59, 59, 999999000]}"#, "Time((23, 59, 59, 999999000))"),
    (
        "timestamp",
        r#"{"datetime": [1999, 12, 31, 23, 59, 59, 1000]}"#,
        "Datetime((1999, 12, 31, 23, 59, 59, 1000))",
    ),
    ("timestamptz", r#"{"timestamp": 86400}"#, "Datetime((1970, 1, 2, 0, 0, 0, 0))"),
    (
        "uuid",
        r#"{"uuid": "F47AC10B-58CC-4372-A567-0E02B2C3D479"}"#,
        "Uuid(\"f47ac10b-58cc-4372-a567-0e02b2c3d479\")",
    ),
    (
        "numeric",
        r#"{"decimal": "-12345678901234567890.10"}"#,
        "Decimal(\"-12345678901234567890.10\")",
    ),
    ("numeric", r#"{"decimal": "0.00001"}"#, "Decimal(\"0.00001\")"),
    ("numeric", r#"{"decimal": "NaN"}"#, "Decimal(\"NaN\")"),
    ("int4[]", r#"{"array-int32": [1, null]}"#, "ArrayInt32([Some(1), None])"),
    ("int8[]", r#"{"array-int64": []}"#, "ArrayInt64([])"),
    ("numeric[]", r#"{"array-decimal": ["1.5", null]}"#, "ArrayDecimal([Some(\"1.5\"), None])"),
    ("text[]", r#"{"array-str": ["a", null]}"#, "ArrayStr([Some(\"a\"), None])"),
    (
        "int4range",
        r#"{"range-int32": [[1, false], [5, true]]}"#,
        "RangeInt32((Some((2, RangeBoundKind::Inclusive)), Some((6, RangeBoundKind::Exclusive))))",
    ),
    (
        "int8range",
        r#"{"range-int64": [null, [5, false]]}"#,
        "RangeInt64((None, Some((5, RangeBoundKind::Exclusive))))",
    ),
    ("int8range", r#"{"range-int64": [[6, true], [5, true]]}"#, "RangeInt64((None, None))"),
    (
        "numrange",
        r#"{"range-decimal": [["0.5", false], ["1.50", true]]}"#,
        "RangeDecimal((Some((\"0.5\", RangeBoundKind::Exclusive)), \
         Some((\"1.50\", RangeBoundKind::Inclusive))))",
    ),
    (
        "interval",
        r#"{"interval": [-1, 2, 3]}"#,
        "Interval(Interval { micros: -1, days: 2, months: 3 })",
    ),
    ("int4", "null", "DbNull"),
    ("numrange", "null", "DbNull"),
    ("name", r#"{"str": "x"}"#, "Unsupported([120])"),
];

#[tokio::test]
async fn values_of_every_type_come_back() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let step = |(ty, parameter, _): &(&str, &str, &str)| {
        let parameter: Value = serde_json::from_str(parameter).unwrap();
        json!({ "query": format!("select $1::{ty}"), "parameters": [parameter] })
    };
    let steps: Vec<_> = TYPES.iter().map(step).collect();
    for interface in ["pg4", "pg4-sync"] {
        let done = run(&host, interface, &server.address(""), json!(steps)).await;
        assert_eq!(done.len(), TYPES.len(), "{done:?}");
        for ((ty, _, expected), done) in TYPES.iter().zip(&done) {
            assert_eq!(value(done), *expected, "{interface}, {ty}");
        }
    }
}

#[tokio::test]
async fn json_stays_exact() {
    let Some(server) = postgres() else { return };
    let text = r#"{"a": 12345678901234567890.5, "b": [null, "ü"]}"#;
    let step = json!({ "query": "select $1::jsonb", "parameters": [{ "jsonb": text }] });
    let done = run(&host().await, "pg4", &server.address(""), json!([step])).await;
    assert_eq!(value(&done[0]), format!("Jsonb({:?})", text.as_bytes()));
}

#[tokio::test]
async fn columns_have_names_and_types_also_without_rows() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let steps = json!([query(
        "select 1 as a, 'x'::text as b, '{1}'::int2[] as c, 'p'::name as d where false"
    )]);
    for (interface, expected) in [("pg4", ["a: Int32", "b: Str"]), ("pg3", ["a: Int32", "b: Str"])]
    {
        let done = run(&host, interface, &server.address(""), steps.clone()).await;
        let columns = done[0]["columns"].as_array().unwrap();
        assert_eq!(columns[..2], expected, "{interface}");
        assert!(columns[2].as_str().unwrap().starts_with("c: Other"), "{columns:?}");
        assert_eq!(done[0]["rows"], json!([]));
    }
}

#[tokio::test]
async fn what_an_older_interface_has_no_type_for_is_unsupported() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let steps = json!([query("select 7, 'x', null, date '2000-01-01', 1.5::numeric")]);
    let rows = [
        ("pg3", ["Int32(7)", "Str(\"x\")", "DbNull", "Date((2000, 1, 1))", "Unsupported"]),
        ("pg2", ["Int32(7)", "Str(\"x\")", "DbNull", "Unsupported", "Unsupported"]),
        ("pg1", ["Int32(7)", "Str(\"x\")", "DbNull", "Unsupported", "Unsupported"]),
    ];
    for (interface, expected) in rows {
        let done = run(&host, interface, &server.address(""), steps.clone()).await;
        let row = done[0]["rows"][0].as_array().unwrap();
        let row: Vec<_> = row.iter().map(|value| value.as_str().unwrap()).collect();
        assert_eq!(row, expected, "{interface}");
    }
    for interface in ["pg2", "pg1"] {
        let step = json!([{ "query": "select $1::int4", "parameters": [{ "uint32": 1 }] }]);
        let done = run(&host, interface, &server.address(""), step).await;
        assert!(error(&done[0]).contains("unsigned integers"), "{done:?}");
    }
}

#[tokio::test]
async fn all_versions_see_the_same_rows() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let address = server.address("");
    let create =
        [execute("drop table if exists versions"), execute("create table versions (n int4)")];
    run(&host, "pg4", &address, json!(create)).await;
    for (number, interface) in ["pg1", "pg2", "pg3", "pg4-sync", "pg4"].into_iter().enumerate() {
        let insert = json!({
            "execute": "insert into versions values ($1)", "parameters": [{ "int32": number }],
        });
        let done =
            run(&host, interface, &address, json!([insert, query("select n from versions")]));
        let done = done.await;
        assert_eq!(done[0]["changed"], 1, "{interface}: {done:?}");
        assert_eq!(done[1]["rows"].as_array().unwrap().len(), number + 1, "{interface}");
    }
}

#[tokio::test]
async fn errors_of_the_server_have_their_fields() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let steps = json!([
        execute("create temporary table t (n int4 constraint only_once unique)"),
        execute("insert into t values (1)"),
        execute("insert into t values (1)"),
        query("this is not SQL"),
        query("select 1 / 0"),
    ]);
    let done = run(&host, "pg4", &server.address(""), steps.clone()).await;
    let twice = error(&done[2]);
    for field in [
        "DbError",
        "severity: \"ERROR\"",
        "code: \"23505\"",
        "message: \"duplicate key",
        "detail: Some(\"Key (n)=(1) already exists.\")",
        "(\"constraint\", \"only_once\")",
    ] {
        assert!(twice.contains(field), "{field}: {twice}");
    }
    assert!(error(&done[3]).contains("42601"), "{done:?}");
    assert!(error(&done[4]).contains("22012"), "{done:?}");
    let done = run(&host, "pg3", &server.address(""), steps).await;
    assert!(error(&done[2]).contains("QueryFailed"), "{done:?}");
    assert!(error(&done[2]).contains("duplicate key"), "{done:?}");
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_refused() {
    let Some(server) = postgres() else { return };
    let host = host().await;
    let step = |text: &str, parameters: Value| json!({ "query": text, "parameters": parameters });
    let steps = json!([
        step("select $1::uuid", json!([{ "uuid": "no" }])),
        step("select $1::date", json!([{ "date": [2023, 2, 29] }])),
        step("select $1::numeric", json!([{ "decimal": "1e5" }])),
        step("select $1::jsonb", json!([{ "jsonb": "{" }])),
        step("select $1::int4", json!([{ "int64": 1 }])),
        step("select $1::int4", json!([{ "uuid": "F47AC10B-58CC-4372-A567-0E02B2C3D479" }])),
        step("select $1::int4", json!([])),
        query("select 'infinity'::date"),
        query("select 1"),
    ]);
    let done = run(&host, "pg4", &server.address(""), steps).await;
    for refused in &done[..4] {
        assert!(error(refused).contains("BadParameter"), "{refused}");
    }
    for refused in &done[4..8] {
        assert!(error(refused).contains("QueryFailed"), "{refused}");
    }
    assert_eq!(value(&done[8]), "Int32(1)");
}
