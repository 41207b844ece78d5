//! Conversions of the types that the interfaces of Spin 1 and 2 share with PostgreSQL.

/// Conversions between the types of one version and the driver's.
macro_rules! convert {
    ($version:path) => {
        use $crate::capabilities::bindings::spin::mysql::mysql as newest;
        use $version as rdbms;

        $crate::capabilities::sql::convert_variants! {
            rdbms::ParameterValue => newest::ParameterValue {
                Boolean(value), Int8(value), Int16(value), Int32(value), Int64(value),
                Uint8(value), Uint16(value), Uint32(value), Uint64(value), Floating32(value),
                Floating64(value), Str(value), Binary(value), DbNull,
            }
        }
        $crate::capabilities::sql::convert_variants! {
            newest::DbValue => rdbms::DbValue {
                Boolean(value), Int8(value), Int16(value), Int32(value), Int64(value),
                Uint8(value), Uint16(value), Uint32(value), Uint64(value), Floating32(value),
                Floating64(value), Str(value), Binary(value), DbNull, Unsupported,
            }
        }
        $crate::capabilities::sql::convert_variants! {
            newest::DbDataType => rdbms::DbDataType {
                Boolean, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Floating32,
                Floating64, Str, Binary, Other,
            }
        }
        $crate::capabilities::sql::convert_row_set!(newest => rdbms);
    };
}
pub(in crate::capabilities) use convert;
