//! Conversions of the types that the interfaces of Spin 1 and 2 share with PostgreSQL.

/// Conversions between the types of one version and the driver's.
macro_rules! convert {
    ($version:path) => {
        use $crate::capabilities::bindings::spin::mysql::mysql as newest;
        use $version as rdbms;

        impl From<rdbms::ParameterValue> for newest::ParameterValue {
            fn from(value: rdbms::ParameterValue) -> Self {
                use rdbms::ParameterValue as From;
                match value {
                    From::Boolean(value) => Self::Boolean(value),
                    From::Int8(value) => Self::Int8(value),
                    From::Int16(value) => Self::Int16(value),
                    From::Int32(value) => Self::Int32(value),
                    From::Int64(value) => Self::Int64(value),
                    From::Uint8(value) => Self::Uint8(value),
                    From::Uint16(value) => Self::Uint16(value),
                    From::Uint32(value) => Self::Uint32(value),
                    From::Uint64(value) => Self::Uint64(value),
                    From::Floating32(value) => Self::Floating32(value),
                    From::Floating64(value) => Self::Floating64(value),
                    From::Str(text) => Self::Str(text),
                    From::Binary(bytes) => Self::Binary(bytes),
                    From::DbNull => Self::DbNull,
                }
            }
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
                    From::Uint8(value) => Self::Uint8(value),
                    From::Uint16(value) => Self::Uint16(value),
                    From::Uint32(value) => Self::Uint32(value),
                    From::Uint64(value) => Self::Uint64(value),
                    From::Floating32(value) => Self::Floating32(value),
                    From::Floating64(value) => Self::Floating64(value),
                    From::Str(text) => Self::Str(text),
                    From::Binary(bytes) => Self::Binary(bytes),
                    From::DbNull => Self::DbNull,
                    From::Unsupported => Self::Unsupported,
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
                    From::Uint8 => Self::Uint8,
                    From::Uint16 => Self::Uint16,
                    From::Uint32 => Self::Uint32,
                    From::Uint64 => Self::Uint64,
                    From::Floating32 => Self::Floating32,
                    From::Floating64 => Self::Floating64,
                    From::Str => Self::Str,
                    From::Binary => Self::Binary,
                    From::Other => Self::Other,
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
