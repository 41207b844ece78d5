//! `spin:mysql@3.0.0`.

use super::{Step, Work, changed, error, parameters, rows, values};
use serde_json::Value;
use spin_sdk::mysql::{Connection, ParameterValue};

parameters!(ParameterValue {
    "boolean" => Boolean, "int8" => Int8, "int16" => Int16, "int32" => Int32, "int64" => Int64,
    "uint8" => Uint8, "uint16" => Uint16, "uint32" => Uint32, "uint64" => Uint64,
    "floating32" => Floating32, "floating64" => Floating64, "str" => Str, "binary" => Binary,
});

fn other_parameter(name: &str, _: Value) -> ParameterValue {
    panic!("no type: {name}")
}

pub(crate) async fn run(work: Work) -> Vec<Value> {
    let connection = match Connection::open(work.address).await {
        Ok(connection) => connection,
        Err(refused) => return vec![error(refused)],
    };
    let mut done = Vec::new();
    for step in work.steps {
        done.push(one(&connection, step).await.unwrap_or_else(error));
    }
    done
}

async fn one(connection: &Connection, step: Step) -> Result<Value, spin_sdk::mysql::Error> {
    let parameters = parameters(&step.parameters);
    if let Some(statement) = step.execute {
        connection.execute(statement, parameters).await?;
        return Ok(changed(()));
    }
    let mut result = connection.query(step.query.unwrap(), parameters).await?;
    let columns = result.columns().iter();
    let columns = columns.map(|column| super::column(&column.name, column.data_type)).collect();
    let mut found = Vec::new();
    while found.len() < step.take.unwrap_or(usize::MAX) {
        let Some(row) = result.rows().next().await else { break };
        found.push(values(&row));
    }
    // A stream that was not read to its end has no outcome yet.
    if step.take.is_none() {
        result.result().await?;
    }
    Ok(rows(columns, found))
}
