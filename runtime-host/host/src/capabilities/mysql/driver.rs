//! One connection to a MySQL server.

use super::address::Address;
use super::types::{Column, DbValue, Error, ParameterValue};
use super::{column, fault, value};
use crate::capabilities::Grants;
use crate::capabilities::connection_limits::{Connections, Counter};
use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::sql::{
    self, Answer, Canceler, Driver, Operations, Pools, Results, Rows, Statement,
};
use futures::TryStreamExt as _;
use mysql_async::prelude::Queryable as _;
use mysql_async::{BinaryProtocol, Conn, DriverError, Opts, Params, QueryResult, Row};

#[expect(unreachable_pub, reason = "it is the parameter of a type that generated code re-exports")]
pub struct Mysql {
    connection: Conn,
}

#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct MysqlCanceler {
    options: Opts,
    id: u32,
}

impl Results for Mysql {
    type Column = Column;
    type Row = Vec<DbValue>;
    type Fault = Error;
}

impl Driver for Mysql {
    const SCHEME: &'static str = "mysql";
    const OPERATIONS: Operations =
        Operations { open: "mysql.open", execute: "mysql.execute", query: "mysql.query" };

    type Address = Address;
    type Parameter = ParameterValue;
    type Canceler = MysqlCanceler;

    fn pools(grants: &Grants) -> &Pools<Self> {
        &grants.servers.mysql
    }

    fn hosts(address: &Address) -> Result<Vec<(String, Option<u16>)>, Error> {
        Ok(address.hosts())
    }

    fn counter(connections: &Connections) -> &Counter {
        &connections.mysql
    }

    async fn connect(address: &Address, outbound: &Outbound) -> Result<Self, Error> {
        let options = address.resolved(outbound).await;
        let options = options.map_err(|error| Error::ConnectionFailed(error.to_string()))?;
        let connection = Conn::new(options).await;
        let connection = connection.map_err(|error| Error::ConnectionFailed(sql::text(&error)))?;
        Ok(Self { connection })
    }

    async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    fn canceler(&self) -> MysqlCanceler {
        MysqlCanceler { options: self.connection.opts().clone(), id: self.connection.id() }
    }

    async fn execute(&mut self, statement: Statement<Self>) -> Result<u64, Error> {
        let done = self.begin(statement).await?;
        let changed = done.affected_rows();
        done.drop_result().await.map_err(|error| fault::of_statement(&error))?;
        Ok(changed)
    }

    async fn query(&mut self, statement: Statement<Self>, answer: Answer<Self>) {
        match self.begin(statement).await {
            Ok(result) => {
                let columns = column::columns(result.columns_ref());
                let mut passed = answer.begin(columns.clone());
                let outcome = pass(result, &columns, &mut passed).await;
                passed.end(outcome).await;
            }
            Err(error) => answer.refuse(error),
        }
    }

    async fn clean(&mut self) -> bool {
        if !matches!(self.connection.reset().await, Ok(true)) {
            return false;
        }
        // The reset keeps the database that the session has chosen.
        let Some(name) = self.connection.opts().db_name() else { return true };
        let choose = format!("USE `{}`", name.replace('`', "``"));
        self.connection.query_drop(choose).await.is_ok()
    }

    async fn close(self) {
        let _ = self.connection.disconnect().await;
    }
}

impl Mysql {
    async fn begin(
        &mut self,
        statement: Statement<Self>,
    ) -> Result<QueryResult<'_, 'static, BinaryProtocol>, Error> {
        let failed = |error: mysql_async::Error| fault::of_statement(&error);
        let prepared = self.connection.prep(statement.text).await.map_err(failed)?;
        // The driver would notice it, too, but close the connection.
        let (required, supplied) = (prepared.num_params(), statement.parameters.len());
        if usize::from(required) != supplied {
            return Err(failed(DriverError::StmtParamsMismatch { required, supplied }.into()));
        }
        let begun = self.connection.exec_iter(prepared, parameters(statement.parameters)).await;
        begun.map_err(failed)
    }
}

fn parameters(values: Vec<ParameterValue>) -> Params {
    match values.as_slice() {
        [] => Params::Empty,
        _ => Params::Positional(values.into_iter().map(value::parameter).collect()),
    }
}

async fn pass(
    mut result: QueryResult<'_, 'static, BinaryProtocol>,
    columns: &[Column],
    passed: &mut Rows<Mysql>,
) -> Result<(), Error> {
    let outcome = pass_rows(&mut result, columns, passed).await;
    // A procedure may have more results.
    let ended = result.drop_result().await.map_err(|error| fault::of_rows(&error));
    outcome.and(ended)
}

async fn pass_rows(
    result: &mut QueryResult<'_, 'static, BinaryProtocol>,
    columns: &[Column],
    passed: &mut Rows<Mysql>,
) -> Result<(), Error> {
    let mut outcome = Ok(());
    let rows = result.stream::<Row>().await.map_err(|error| fault::of_rows(&error))?;
    // A statement that is not a query has none.
    let Some(mut rows) = rows else { return Ok(()) };
    while let Some(row) = rows.try_next().await.map_err(|error| fault::of_rows(&error))? {
        // After an error, the rest is read to be dropped.
        if outcome.is_ok() {
            outcome = match value::row(row, columns) {
                Ok(row) => {
                    let bytes = sql::row_bytes(&row, value::bytes);
                    passed.push(row, bytes).await
                }
                Err(error) => Err(error),
            };
        }
    }
    outcome
}

impl Canceler for MysqlCanceler {
    async fn cancel(&self) {
        let killed = async {
            let mut connection = Conn::new(self.options.clone()).await?;
            connection.query_drop(format!("KILL QUERY {}", self.id)).await?;
            connection.disconnect().await
        };
        if let Err(error) = killed.await {
            tracing::debug!("a statement could not be canceled: {}", sql::text(&error));
        }
    }
}
