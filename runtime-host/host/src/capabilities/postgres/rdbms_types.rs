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

        $crate::capabilities::sql::convert_variants! {
            newest::DbValue => rdbms::DbValue {
                Boolean(value), Int8(value), Int16(value), Int32(value), Int64(value),
                Floating32(value), Floating64(value), Str(value), Binary(value), DbNull,
            } else Unsupported
        }
        $crate::capabilities::sql::convert_variants! {
            newest::DbDataType => rdbms::DbDataType {
                Boolean, Int8, Int16, Int32, Int64, Floating32, Floating64, Str, Binary,
            } else Other
        }
        $crate::capabilities::sql::convert_row_set!(newest => rdbms);
    };
}
pub(in crate::capabilities) use convert;
