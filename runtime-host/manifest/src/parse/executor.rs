//! `executor` of an HTTP trigger.

use crate::app::Executor;
use crate::reader::{Code, Field, Table};

/// The only `entrypoint` of a command that Spin accepts.
const ENTRYPOINT: &str = "_start";

/// `argv` of a command without its own.
const ARGV: &str = "${SCRIPT_NAME} ${ARGS}";

/// The types of executors.
#[derive(Clone, Copy)]
enum Kind {
    Http,
    Wagi,
}

pub(super) fn read(field: &Field<'_>) -> Option<Executor> {
    let mut table = field.table()?;
    let kind = table.required("type", "write `executor = { type = \"http\" }`, or remove it")?;
    let kinds = [("http", Kind::Http), ("spin", Kind::Http), ("wagi", Kind::Wagi)];
    match kind.one_of(&kinds)? {
        Kind::Http => {
            table.finish_with_warnings();
            Some(Executor::Http)
        }
        Kind::Wagi => {
            let executor = wagi(&mut table);
            table.finish();
            Some(executor)
        }
    }
}

fn wagi(table: &mut Table<'_>) -> Executor {
    if let Some(field) = table.optional("entrypoint")
        && field.string().is_some_and(|entrypoint| entrypoint != ENTRYPOINT)
    {
        let message = format!("is not `{ENTRYPOINT}`, the only function that is called");
        field.report(Code::Unsupported, &message, "another function", "remove it");
    }
    let argv = table.string("argv");
    Executor::Wagi { argv: argv.unwrap_or_else(|| ARGV.to_owned()) }
}
