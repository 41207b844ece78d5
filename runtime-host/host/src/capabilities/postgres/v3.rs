//! `spin:postgres@3.0.0`.

use super::PostgresConnection;
use super::fault::{Fault, query_text};
use super::types as newest;
use crate::capabilities::State;
use crate::capabilities::bindings::spin::postgres3_0_0::postgres as version;
use wasmtime::component::Resource;

impl From<Fault> for version::Error {
    fn from(fault: Fault) -> Self {
        match *fault {
            newest::Error::ConnectionFailed(text) => Self::ConnectionFailed(text),
            newest::Error::BadParameter(text) => Self::BadParameter(text),
            newest::Error::QueryFailed(error) => Self::QueryFailed(query_text(error)),
            newest::Error::ValueConversionFailed(text) => Self::ValueConversionFailed(text),
            newest::Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<version::ParameterValue> for newest::ParameterValue {
    fn from(value: version::ParameterValue) -> Self {
        use version::ParameterValue as From;
        match value {
            From::Boolean(value) => Self::Boolean(value),
            From::Int8(value) => Self::Int8(value),
            From::Int16(value) => Self::Int16(value),
            From::Int32(value) => Self::Int32(value),
            From::Int64(value) => Self::Int64(value),
            From::Floating32(value) => Self::Floating32(value),
            From::Floating64(value) => Self::Floating64(value),
            From::Str(text) => Self::Str(text),
            From::Binary(bytes) => Self::Binary(bytes),
            From::Date(value) => Self::Date(value),
            From::Time(value) => Self::Time(value),
            From::Datetime(value) => Self::Datetime(value),
            From::Timestamp(value) => Self::Timestamp(value),
            From::DbNull => Self::DbNull,
        }
    }
}

impl From<newest::DbValue> for version::DbValue {
    fn from(value: newest::DbValue) -> Self {
        use newest::DbValue as From;
        match value {
            From::Boolean(value) => Self::Boolean(value),
            From::Int8(value) => Self::Int8(value),
            From::Int16(value) => Self::Int16(value),
            From::Int32(value) => Self::Int32(value),
            From::Int64(value) => Self::Int64(value),
            From::Floating32(value) => Self::Floating32(value),
            From::Floating64(value) => Self::Floating64(value),
            From::Str(text) => Self::Str(text),
            From::Binary(bytes) => Self::Binary(bytes),
            From::Date(value) => Self::Date(value),
            From::Time(value) => Self::Time(value),
            From::Datetime(value) => Self::Datetime(value),
            From::Timestamp(value) => Self::Timestamp(value),
            From::DbNull => Self::DbNull,
            _ => Self::Unsupported,
        }
    }
}

impl From<newest::DbDataType> for version::DbDataType {
    fn from(ty: newest::DbDataType) -> Self {
        use newest::DbDataType as From;
        match ty {
            From::Boolean => Self::Boolean,
            From::Int8 => Self::Int8,
            From::Int16 => Self::Int16,
            From::Int32 => Self::Int32,
            From::Int64 => Self::Int64,
            From::Floating32 => Self::Floating32,
            From::Floating64 => Self::Floating64,
            From::Str => Self::Str,
            From::Binary => Self::Binary,
            From::Date => Self::Date,
            From::Time => Self::Time,
            From::Datetime => Self::Datetime,
            From::Timestamp => Self::Timestamp,
            _ => Self::Other,
        }
    }
}

fn row_set((columns, rows): (Vec<newest::Column>, Vec<newest::Row>)) -> version::RowSet {
    let column = |column: newest::Column| version::Column {
        name: column.name,
        data_type: column.data_type.into(),
    };
    let row = |row: newest::Row| row.into_iter().map(Into::into).collect();
    version::RowSet {
        columns: columns.into_iter().map(column).collect(),
        rows: rows.into_iter().map(row).collect(),
    }
}

impl version::Host for State {}

impl version::HostConnection for State {
    async fn open(
        &mut self,
        address: String,
    ) -> wasmtime::Result<Result<Resource<PostgresConnection>, version::Error>> {
        Ok(self.open_postgres(&address, None).await?.map_err(Into::into))
    }

    async fn query(
        &mut self,
        connection: Resource<PostgresConnection>,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<version::RowSet, version::Error>> {
        let params = params.into_iter().map(Into::into).collect();
        let rows = self.query_sql(&connection, statement, params).await;
        Ok(rows.map(row_set).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        connection: Resource<PostgresConnection>,
        statement: String,
        params: Vec<version::ParameterValue>,
    ) -> wasmtime::Result<Result<u64, version::Error>> {
        let params = params.into_iter().map(Into::into).collect();
        Ok(self.execute_sql(&connection, statement, params).await.map_err(Into::into))
    }

    async fn drop(&mut self, connection: Resource<PostgresConnection>) -> wasmtime::Result<()> {
        self.close_sql(connection);
        Ok(())
    }
}
