//! `build` of a component.

use std::path::Path;

use crate::app::Build;
use crate::parse::strings;
use crate::path;
use crate::reader::{Code, Field, Problem, Table};

pub(super) fn read(field: &Field<'_>, folder: &Path) -> Option<Build> {
    let mut table = field.table()?;
    let commands = commands(&mut table);
    let workdir = table.string("workdir");
    let workdir = path::join(folder, workdir.as_deref().unwrap_or_default());
    let watch = table.optional("watch").map(|field| strings(&field)).unwrap_or_default();
    table.finish();
    Some(Build { commands: commands?, workdir, watch })
}

/// `command`: one, or an array of them.
pub(super) fn commands(table: &mut Table<'_>) -> Option<Vec<String>> {
    let field = table.required("command", "add `command = \"cargo build …\"`")?;
    let commands = match field.is_string() {
        true => vec![field.string()?],
        false => field.items()?.iter().filter_map(Field::string).collect(),
    };
    if commands.iter().all(|command| command.trim().is_empty()) {
        let message = format!("`{}` builds nothing", field.path);
        let problem = Problem::new(Code::EmptyValue, message).warning();
        let hint = "add a command, or remove `build`";
        field.problems.push(problem.label(field.span(), "no commands").hint(hint));
    }
    Some(commands)
}
