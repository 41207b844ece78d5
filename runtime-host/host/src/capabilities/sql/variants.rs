//! Conversions between the types of several versions of an interface, which differ in their paths.

/// Converts an enum into one with variants of the same names. All others become `else`.
macro_rules! convert_variants {
    ($from:ty => $to:ty { $($name:ident $(($value:ident))?),* $(,)? } $(else $other:ident)?) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                type Source = $from;
                match value {
                    $(Source::$name $(($value))? => Self::$name $(($value))?,)*
                    $(_ => Self::$other,)?
                }
            }
        }
    };
}

/// Defines `row_set`, which converts the columns and the rows of `newest` into a row set of the
/// other version.
macro_rules! convert_row_set {
    ($newest:ident => $version:ident) => {
        fn row_set((columns, rows): (Vec<$newest::Column>, Vec<$newest::Row>)) -> $version::RowSet {
            let column = |column: $newest::Column| $version::Column {
                name: column.name,
                data_type: column.data_type.into(),
            };
            let row = |row: $newest::Row| row.into_iter().map(Into::into).collect();
            $version::RowSet {
                columns: columns.into_iter().map(column).collect(),
                rows: rows.into_iter().map(row).collect(),
            }
        }
    };
}

pub(in crate::capabilities) use {convert_row_set, convert_variants};
