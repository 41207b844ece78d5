//! SQLite databases, also those on servers.
//!
//! A request has statements as JSON: `[["insert into t values (?)", [1]]]`. All of them run on one
//! connection. A blob is an array of numbers.

use super::{Done, debug, parameter};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use spin_sdk::http::Request;
use spin_sdk::sqlite::{Connection, Value};

/// Runs them all. Returns the columns and rows of each, and the last row id and number of changes.
pub(crate) async fn execute(request: Request) -> Done {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let statements: Vec<(String, Vec<Json>)> = serde_json::from_slice(&body).map_err(debug)?;
    let connection = Connection::open(parameter(&parts.uri, "label")).await.map_err(debug)?;
    let mut results = Vec::new();
    for (sql, parameters) in statements {
        let parameters: Vec<_> = parameters.iter().map(from_json).collect();
        let found = connection.execute(sql, parameters).await.map_err(debug)?;
        let columns = found.columns().to_vec();
        let rows = found.collect().await.map_err(debug)?;
        let rows = rows.iter().map(|row| row.values.iter().map(to_json).collect::<Vec<_>>());
        results.push(json!({ "columns": columns, "rows": rows.collect::<Vec<_>>() }));
    }
    let (rowid, changes) = (connection.last_insert_rowid().await, connection.changes().await);
    Ok(json!({ "results": results, "rowid": rowid, "changes": changes }).to_string())
}

/// Runs one statement, reads its rows one by one, and returns how many there were.
pub(crate) async fn count(request: Request) -> Done {
    let (parts, body) = request.into_parts();
    let sql = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let connection = Connection::open(parameter(&parts.uri, "label")).await.map_err(debug)?;
    let mut found = connection.execute(sql, []).await.map_err(debug)?;
    let mut rows = 0;
    while found.next().await.is_some() {
        rows += 1;
    }
    found.result().await.map_err(debug)?;
    Ok(rows.to_string())
}

fn from_json(value: &Json) -> Value {
    match value {
        Json::Number(number) if number.is_i64() => Value::Integer(number.as_i64().unwrap()),
        Json::Number(number) => Value::Real(number.as_f64().unwrap()),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(bytes) => {
            Value::Blob(bytes.iter().map(|byte| byte.as_u64().unwrap() as u8).collect())
        }
        _ => Value::Null,
    }
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Integer(integer) => json!(integer),
        Value::Real(real) => json!(real),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!(bytes),
        Value::Null => Json::Null,
    }
}
