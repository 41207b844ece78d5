//! Conversions of the types that the interfaces of Spin 1 and 2 share with MySQL.

/// Conversions between the types of one version and the driver's.
macro_rules! convert {
    ($version:path) => {
        use $crate::capabilities::bindings::spin::postgres4_2_0::postgres as newest;
        use $version as rdbms;

        /// The values of parameters. PostgreSQL has no unsigned integers.
        fn parameters(
            values: Vec<rdbms::ParameterValue>,
        ) -> Result<Vec<newest::ParameterValue>, Fault> {
            values.into_iter().map(parameter).collect()
        }

        fn parameter(value: rdbms::ParameterValue) -> Result<newest::ParameterValue, Fault> {
            use newest::ParameterValue as To;
            use rdbms::ParameterValue as From;
            Ok(match value {
                From::Boolean(value) => To::Boolean(value),
                From::Int8(value) => To::Int8(value),
                From::Int16(value) => To::Int16(value),
                From::Int32(value) => To::Int32(value),
                From::Int64(value) => To::Int64(value),
                From::Floating32(value) => To::Floating32(value),
                From::Floating64(value) => To::Floating64(value),
                From::Str(text) => To::Str(text),
                From::Binary(bytes) => To::Binary(bytes),
                From::DbNull => To::DbNull,
                From::Uint8(_) | From::Uint16(_) | From::Uint32(_) | From::Uint64(_) => {
                    let text = "Postgres does not support unsigned integers".to_owned();
                    return Err(Box::new(newest::Error::ValueConversionFailed(text)));
                }
            })
        }

        impl From<newest::DbValue> for rdbms::DbValue {
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
                    From::DbNull => Self::DbNull,
                    _ => Self::Unsupported,
                }
            }
        }

        impl From<newest::DbDataType> for rdbms::DbDataType {
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
                    _ => Self::Other,
                }
            }
        }

        fn row_set((columns, rows): (Vec<newest::Column>, Vec<newest::Row>)) -> rdbms::RowSet {
            let column = |column: newest::Column| rdbms::Column {
                name: column.name,
                data_type: column.data_type.into(),
            };
            let row = |row: newest::Row| row.into_iter().map(Into::into).collect();
            rdbms::RowSet {
                columns: columns.into_iter().map(column).collect(),
                rows: rows.into_iter().map(row).collect(),
            }
        }
    };
}
pub(in crate::capabilities) use convert;
