//! The messages of libSQL servers: version 3 of Hrana, in JSON.

use super::database::{Rows, Value};
use super::statement::{Sink as _, Whole};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Servers leave the padding out, and accept both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Requests to be executed on a stream, one after the other.
#[derive(Serialize)]
pub(super) struct Question<'a> {
    /// The stream; a new one without a baton.
    baton: Option<&'a str>,
    requests: Vec<Request<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Request<'a> {
    Execute { stmt: Statement<'a> },
    GetAutocommit,
    Close,
}

#[derive(Serialize)]
struct Statement<'a> {
    sql: &'a str,
    args: Vec<Sent>,
    want_rows: bool,
}

/// A value in JSON. Integers are texts, because a number would lose their last digits.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Sent {
    Null,
    Integer { value: String },
    Float { value: f64 },
    Text { value: String },
    Blob { base64: String },
}

#[derive(Deserialize)]
pub(super) struct Answer {
    /// The stream for the next question. The server has closed it if there is none.
    pub(super) baton: Option<String>,
    /// Another address for the next question.
    pub(super) base_url: Option<String>,
    pub(super) results: Results,
}

/// The results of the requests, in their order.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Results(VecDeque<RequestResult>);

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum RequestResult {
    Ok { response: Response },
    Error { error: Failure },
}

#[derive(Deserialize)]
struct Failure {
    message: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Response {
    Execute { result: StatementResult },
    GetAutocommit { is_autocommit: bool },
    Close,
}

#[derive(Deserialize)]
struct StatementResult {
    cols: Vec<Column>,
    rows: Vec<Vec<Sent>>,
    affected_row_count: u64,
    last_insert_rowid: Option<String>,
}

#[derive(Deserialize)]
struct Column {
    name: Option<String>,
}

/// What a statement has done.
pub(super) struct Executed {
    pub(super) rows: Rows,
    pub(super) changes: u64,
    pub(super) insert_rowid: Option<i64>,
}

impl<'a> Question<'a> {
    /// Executes a statement, and asks whether a transaction is open then.
    pub(super) fn execute(
        baton: Option<&'a str>,
        sql: &'a str,
        parameters: Vec<Value>,
    ) -> Result<Self, String> {
        let args = parameters.into_iter().map(to_sent).collect::<Result<_, _>>()?;
        let stmt = Statement { sql, args, want_rows: true };
        Ok(Self { baton, requests: vec![Request::Execute { stmt }, Request::GetAutocommit] })
    }

    /// Ends a stream.
    pub(super) fn close(baton: &'a str) -> Self {
        Self { baton: Some(baton), requests: vec![Request::Close] }
    }
}

impl Answer {
    /// Whether no transaction is open. If the server does not say so, there may be one.
    pub(super) fn autocommit(&self) -> bool {
        self.results.0.iter().any(|result| {
            let RequestResult::Ok { response } = result else { return false };
            matches!(response, Response::GetAutocommit { is_autocommit: true })
        })
    }
}

impl Results {
    /// The result of the first request, which was a statement. The error is text for the guest.
    pub(super) fn into_executed(mut self) -> Result<Executed, String> {
        match self.0.pop_front() {
            Some(RequestResult::Ok { response: Response::Execute { result } }) => result.try_into(),
            Some(RequestResult::Error { error }) => Err(error.message),
            _ => Err("the server did not say what the statement has done".into()),
        }
    }
}

impl TryFrom<StatementResult> for Executed {
    type Error = String;

    fn try_from(result: StatementResult) -> Result<Self, String> {
        let StatementResult { cols, rows, affected_row_count, last_insert_rowid } = result;
        let columns = cols.into_iter().map(|column| column.name.unwrap_or_default()).collect();
        let mut found = Whole::default();
        found.begin(columns, false);
        for row in rows {
            found.row(row.into_iter().map(to_value).collect::<Result<_, _>>()?)?;
        }
        let rowid = last_insert_rowid.map(|text| text.parse()).transpose();
        Ok(Self {
            rows: found.rows,
            changes: affected_row_count,
            insert_rowid: rowid.map_err(|_| "the server sent a row id that is no integer")?,
        })
    }
}

fn to_sent(value: Value) -> Result<Sent, String> {
    Ok(match value {
        Value::Integer(integer) => Sent::Integer { value: integer.to_string() },
        // As in SQLite.
        Value::Real(real) if real.is_nan() => Sent::Null,
        Value::Real(real) if real.is_infinite() => {
            return Err("an infinite number can't be sent to a server".into());
        }
        Value::Real(value) => Sent::Float { value },
        Value::Text(value) => Sent::Text { value },
        Value::Blob(bytes) => Sent::Blob { base64: BASE64.encode(bytes) },
        Value::Null => Sent::Null,
    })
}

fn to_value(sent: Sent) -> Result<Value, String> {
    Ok(match sent {
        Sent::Null => Value::Null,
        Sent::Integer { value } => {
            Value::Integer(value.parse().map_err(|_| format!("`{value}` is no integer"))?)
        }
        Sent::Float { value } => Value::Real(value),
        Sent::Text { value } => Value::Text(value),
        Sent::Blob { base64 } => {
            Value::Blob(BASE64.decode(base64).map_err(|error| format!("a blob: {error}"))?)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::database::ROWS_MAX_BYTES;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_statement_is_sent_with_values_of_every_type() {
        let values = vec![
            Value::Integer(i64::MAX),
            Value::Real(0.5),
            Value::Real(f64::NAN),
            Value::Text("ü".into()),
            Value::Blob(vec![0, 255]),
            Value::Null,
        ];
        let question = Question::execute(None, "select ?", values).unwrap();
        let args = json!([
            { "type": "integer", "value": "9223372036854775807" },
            { "type": "float", "value": 0.5 },
            { "type": "null" },
            { "type": "text", "value": "ü" },
            { "type": "blob", "base64": "AP8" },
            { "type": "null" },
        ]);
        let stmt = json!({ "sql": "select ?", "args": args, "want_rows": true });
        let requests = json!([{ "type": "execute", "stmt": stmt }, { "type": "get_autocommit" }]);
        let expected = json!({ "baton": null, "requests": requests });
        assert_eq!(serde_json::to_value(question).unwrap(), expected);
        assert!(Question::execute(None, "", vec![Value::Real(f64::INFINITY)]).is_err());
    }

    fn executed(result: serde_json::Value) -> Result<(Executed, bool), String> {
        let autocommit = json!({ "type": "get_autocommit", "is_autocommit": true });
        let autocommit = json!({ "type": "ok", "response": autocommit });
        let answer = json!({ "baton": "b", "base_url": null, "results": [result, autocommit] });
        let answer: Answer = serde_json::from_value(answer).map_err(|error| error.to_string())?;
        let autocommit = answer.autocommit();
        Ok((answer.results.into_executed()?, autocommit))
    }

    #[test]
    fn rows_are_read_with_values_of_every_type() {
        let result = json!({
            "cols": [{ "name": "a", "decltype": "INT" }, { "name": null }],
            "rows": [
                [{ "type": "integer", "value": "-1" }, { "type": "float", "value": 2 }],
                [{ "type": "blob", "base64": "AP8=" }, { "type": "null" }],
            ],
            "affected_row_count": 3,
            "last_insert_rowid": "4",
            "rows_read": 5,
        });
        let response = json!({ "type": "execute", "result": result });
        let (executed, autocommit) =
            executed(json!({ "type": "ok", "response": response })).unwrap();
        assert_eq!(executed.rows.columns, ["a", ""]);
        let blob = Value::Blob(vec![0, 255]);
        let expected = [vec![Value::Integer(-1), Value::Real(2.0)], vec![blob, Value::Null]];
        assert_eq!(executed.rows.rows, expected);
        assert_eq!((executed.changes, executed.insert_rowid, autocommit), (3, Some(4), true));
    }

    #[test]
    fn rows_have_the_same_limit_as_those_of_a_file() {
        let text = "x".repeat(ROWS_MAX_BYTES);
        let result = json!({
            "cols": [{ "name": "a" }],
            "rows": [[{ "type": "text", "value": text }]],
            "affected_row_count": 0,
            "last_insert_rowid": null,
        });
        let response = json!({ "type": "execute", "result": result });
        let error = executed(json!({ "type": "ok", "response": response })).map(drop).unwrap_err();
        assert_eq!(error, format!("query result exceeds limit of {ROWS_MAX_BYTES} bytes"));
    }

    #[test]
    fn an_error_is_the_text_of_the_server() {
        let error = json!({ "type": "error", "error": { "message": "no such table: t" } });
        assert_eq!(executed(error).map(drop), Err("no such table: t".to_owned()));
        let close = json!({ "type": "ok", "response": { "type": "close" } });
        assert!(executed(close).is_err());
    }
}
