//! `[variables]`.

use std::collections::BTreeMap;

use crate::app::Variable;
use crate::names;
use crate::reader::{Code, Field, Key, Problem, Problems, Table};

pub(super) fn read(field: &Field<'_>) -> BTreeMap<String, Variable> {
    let mut variables = BTreeMap::new();
    for (key, field) in field.entries() {
        check_name(key, field.problems);
        let variable = field.table().map(variable);
        // A variable with a problem is declared anyway: templates may use it.
        variables.insert(key.name.clone(), variable.unwrap_or_default());
    }
    variables
}

/// Reports a name that is not lower snake_case.
pub(super) fn check_name(key: &Key, problems: &Problems) {
    let Err(why) = names::lower_snake(&key.name) else { return };
    let mut problem =
        Problem::new(Code::BadName, format!("`{}` is not a valid variable name: {why}", key.name))
            .label(key.span.clone(), "must be lower snake_case");
    if let Some(better) = names::repaired(&key.name, '_') {
        problem = problem.hint(format!("write `{better}`"));
    }
    problems.push(problem);
}

fn variable(mut table: Table<'_>) -> Variable {
    table.string("description");
    let required = table.optional("required");
    let default = table.optional("default");
    let secret = table.boolean("secret").unwrap_or(false);
    let is_required = required.as_ref().and_then(Field::boolean).unwrap_or(false);
    match (&required, &default) {
        (Some(required), Some(default)) if is_required => {
            let message = format!("`{}` is required and has a default", table.field.path);
            let problem = Problem::new(Code::VariableDefault, message)
                .label(required.key.clone(), "the operator must set it")
                .label(default.key.clone(), "the value if the operator does not")
                .hint("remove one of the two");
            table.field.problems.push(problem);
        }
        (_, None) if !is_required => table.field.report(
            Code::VariableDefault,
            "has no default and is not required",
            "no value",
            "add `default = \"…\"`, or `required = true` if the operator must set it",
        ),
        _ => {}
    }
    let default = default.and_then(|field| field.string());
    table.finish();
    Variable { default, secret }
}
