//! Columns of results.

use super::types::{Column, DbDataType};
use mysql_async::Column as ServerColumn;
use mysql_async::consts::{ColumnFlags, ColumnType};

pub(super) fn columns(columns: &[ServerColumn]) -> Vec<Column> {
    let column = |column: &ServerColumn| Column {
        name: column.name_str().into_owned(),
        data_type: data_type(column),
    };
    columns.iter().map(column).collect()
}

fn data_type(column: &ServerColumn) -> DbDataType {
    let signed = !column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    let binary = column.flags().contains(ColumnFlags::BINARY_FLAG);
    match column.column_type() {
        ColumnType::MYSQL_TYPE_DOUBLE => DbDataType::Floating64,
        ColumnType::MYSQL_TYPE_FLOAT => DbDataType::Floating32,
        ColumnType::MYSQL_TYPE_TINY if signed => DbDataType::Int8,
        ColumnType::MYSQL_TYPE_TINY => DbDataType::Uint8,
        ColumnType::MYSQL_TYPE_SHORT if signed => DbDataType::Int16,
        ColumnType::MYSQL_TYPE_SHORT => DbDataType::Uint16,
        ColumnType::MYSQL_TYPE_INT24 | ColumnType::MYSQL_TYPE_LONG if signed => DbDataType::Int32,
        ColumnType::MYSQL_TYPE_INT24 | ColumnType::MYSQL_TYPE_LONG => DbDataType::Uint32,
        ColumnType::MYSQL_TYPE_LONGLONG if signed => DbDataType::Int64,
        ColumnType::MYSQL_TYPE_LONGLONG => DbDataType::Uint64,
        // Texts and bytes of all lengths.
        ColumnType::MYSQL_TYPE_STRING
        | ColumnType::MYSQL_TYPE_VAR_STRING
        | ColumnType::MYSQL_TYPE_VARCHAR
        | ColumnType::MYSQL_TYPE_TINY_BLOB
        | ColumnType::MYSQL_TYPE_BLOB
        | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
        | ColumnType::MYSQL_TYPE_LONG_BLOB => {
            if binary {
                DbDataType::Binary
            } else {
                DbDataType::Str
            }
        }
        _ => DbDataType::Other,
    }
}
