//! `spin:postgres@3.0.0`.

use super::PostgresConnection;
use super::fault::{Fault, query_text};
use super::types as newest;
use crate::capabilities::State;
use crate::capabilities::bindings::spin::postgres3_0_0::postgres as version;
use crate::capabilities::sql::{convert_row_set, convert_variants};
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

convert_variants! {
    version::ParameterValue => newest::ParameterValue {
        Boolean(value), Int8(value), Int16(value), Int32(value), Int64(value), Floating32(value),
        Floating64(value), Str(value), Binary(value), Date(value), Time(value), Datetime(value),
        Timestamp(value), DbNull,
    }
}
convert_variants! {
    newest::DbValue => version::DbValue {
        Boolean(value), Int8(value), Int16(value), Int32(value), Int64(value), Floating32(value),
        Floating64(value), Str(value), Binary(value), Date(value), Time(value), Datetime(value),
        Timestamp(value), DbNull,
    } else Unsupported
}
convert_variants! {
    newest::DbDataType => version::DbDataType {
        Boolean, Int8, Int16, Int32, Int64, Floating32, Floating64, Str, Binary, Date, Time,
        Datetime, Timestamp,
    } else Other
}
convert_row_set!(newest => version);

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
