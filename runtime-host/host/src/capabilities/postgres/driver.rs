//! One connection to a PostgreSQL server.

use super::address::Address;
use super::fault::{self, Fault};
use super::parameter::Parameter;
use super::tls::{Encrypted, Tls};
use super::types::{Column, DbValue, ParameterValue};
use super::value;
use crate::capabilities::Grants;
use crate::capabilities::connection_limits::{Connections, Counter};
use crate::capabilities::outbound_http::Outbound;
use crate::capabilities::sql::{
    self, Answer, Canceler, Driver, Operations, Pools, Refusal, Results, Rows, Statement,
};
use futures::TryStreamExt as _;
use std::future::poll_fn;
use std::pin::pin;
use tokio::runtime::Handle;
use tokio_postgres::{CancelToken, Client, Connection, RowStream, SimpleQueryMessage, Socket};

/// Undoes what a session has left outside of a transaction. What the driver has prepared stays.
const CLEAN: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; \
     SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";
/// Whether a transaction has been open since an earlier statement. `ROLLBACK` would tell it, too,
/// but the server writes a warning to its log if there is none.
const IN_TRANSACTION: &str = "SELECT now() <> statement_timestamp()";

#[expect(unreachable_pub, reason = "it is the parameter of a type that generated code re-exports")]
pub struct Postgres {
    client: Client,
    tls: Tls,
}

#[expect(unreachable_pub, reason = "it is part of a public trait")]
pub struct PostgresCanceler {
    token: CancelToken,
    tls: Tls,
}

impl Results for Postgres {
    type Column = Column;
    type Row = Vec<DbValue>;
    type Fault = Fault;
}

impl Driver for Postgres {
    const SCHEME: &'static str = "postgres";
    const OPERATIONS: Operations =
        Operations { open: "postgres.open", execute: "postgres.execute", query: "postgres.query" };

    type Address = Address;
    type Parameter = ParameterValue;
    type Canceler = PostgresCanceler;

    fn pools(grants: &Grants) -> &Pools<Self> {
        &grants.servers.postgres
    }

    fn hosts(address: &Address) -> Result<Vec<(String, Option<u16>)>, Fault> {
        address.hosts()
    }

    fn counter(connections: &Connections) -> &Counter {
        &connections.postgres
    }

    async fn connect(address: &Address, outbound: &Outbound) -> Result<Self, Fault> {
        let failed = |error: &dyn std::error::Error| Refusal::Connection(sql::text(error));
        let tls = Tls::new(address).map_err(|error| failed(&error))?;
        let attempts = address.resolved(outbound).await.map_err(|error| failed(&error))?;
        let mut failure = Refusal::Connection("the address has no host".into());
        for config in attempts {
            match config.connect(tls.clone()).await {
                Ok((client, connection)) => return Ok(Self::with(client, connection, tls)),
                Err(error) => failure = failed(&error),
            }
        }
        Err(failure.into())
    }

    async fn is_alive(&mut self) -> bool {
        !self.client.is_closed()
    }

    fn canceler(&self) -> PostgresCanceler {
        PostgresCanceler { token: self.client.cancel_token(), tls: self.tls.clone() }
    }

    async fn execute(&mut self, statement: Statement<Self>) -> Result<u64, Fault> {
        let parameters = statement.parameters.into_iter().map(Parameter);
        let parameters: Vec<_> = parameters.collect();
        let done = self.client.execute_raw(&statement.text, parameters).await;
        done.map_err(|error| fault::of_statement(&error))
    }

    async fn query(&mut self, statement: Statement<Self>, answer: Answer<Self>) {
        match self.begin(statement).await {
            Ok((columns, rows)) => {
                let mut passed = answer.begin(columns);
                let outcome = pass(rows, &mut passed).await;
                passed.end(outcome).await;
            }
            Err(error) => answer.refuse(fault::of_statement(&error)),
        }
    }

    async fn clean(&mut self) -> bool {
        let first = self.client.simple_query(&format!("{IN_TRANSACTION}; {CLEAN}")).await;
        match first {
            Ok(answers) if !says_yes(&answers) => true,
            _ if self.client.is_closed() => false,
            // It has failed in the transaction, or will be undone with it.
            _ => self.client.batch_execute(&format!("ROLLBACK; {CLEAN}")).await.is_ok(),
        }
    }

    async fn close(self) {}
}

impl Postgres {
    fn with(client: Client, mut connection: Connection<Socket, Encrypted>, tls: Tls) -> Self {
        // Notices of the server are dropped.
        Handle::current().spawn(async move {
            while let Some(Ok(_)) = poll_fn(|cx| connection.poll_message(cx)).await {}
        });
        Self { client, tls }
    }

    async fn begin(
        &self,
        statement: Statement<Self>,
    ) -> Result<(Vec<Column>, RowStream), tokio_postgres::Error> {
        let prepared = self.client.prepare(&statement.text).await?;
        let parameters: Vec<_> = statement.parameters.into_iter().map(Parameter).collect();
        let rows = self.client.query_raw(&prepared, parameters).await?;
        Ok((value::columns(&prepared), rows))
    }
}

async fn pass(rows: RowStream, passed: &mut Rows<Postgres>) -> Result<(), Fault> {
    let mut rows = pin!(rows);
    let mut outcome = Ok(());
    while let Some(row) = rows.try_next().await.map_err(|error| fault::of_statement(&error))? {
        // After an error, the rest is read to be dropped.
        if outcome.is_ok() {
            outcome = match value::row(&row) {
                Ok(row) => {
                    let bytes = sql::row_bytes(&row, value::bytes);
                    passed.push(row, bytes).await
                }
                Err(error) => Err(Refusal::Query(sql::text(&error)).into()),
            };
        }
    }
    outcome
}

/// Whether the first value that the server has sent is true.
fn says_yes(answers: &[SimpleQueryMessage]) -> bool {
    let mut rows = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.next().and_then(|row| row.get(0)) == Some("t")
}

impl Canceler for PostgresCanceler {
    async fn cancel(&self) {
        if let Err(error) = self.token.cancel_query(self.tls.clone()).await {
            tracing::debug!("a statement could not be canceled: {}", sql::text(&error));
        }
    }
}
