//! Variables in `[application.tool.tessera]` are declared, and generated secrets are secret.

use crate::app::Variable;
use crate::check::Check;
use crate::check::templates::declare;
use crate::reader::{Code, Problem, Span};

const AT: &str = "application.tool.tessera";

pub(super) fn check(check: &Check<'_>) {
    for (index, name) in check.app.settings.generated_secrets.iter().enumerate() {
        let at = check.spans.value(&format!("{AT}.generated_secrets[{index}]"));
        if check.app.settings.generated_secrets[..index].contains(name) {
            let message = format!("`{name}` is a duplicate");
            let hint = "remove one of the two";
            check.problems.report(Code::DuplicateEntry, message, at, "duplicate", hint);
        } else if let Some(variable) = declared(check, name, at.clone())
            && !variable.secret
        {
            check.problems.push(
                Problem::new(Code::BadValue, format!("the variable `{name}` is not secret"))
                    .label(at, "only secrets are generated")
                    .label(check.spans.key(&format!("variables.{name}")), "declared here")
                    .hint("add `secret = true` to the variable, or remove it here"),
            );
        }
    }
    if let Some(name) = &check.app.settings.base_url {
        declared(check, name, check.spans.value(&format!("{AT}.base_url")));
    }
}

/// The variable of this name; reports an undeclared one.
fn declared<'a>(check: &Check<'a>, name: &str, at: Span) -> Option<&'a Variable> {
    let variables = &check.app.variables;
    if !variables.contains_key(name) {
        let message = format!("undeclared variable `{name}`");
        let hint = declare(check, name);
        check.problems.report(Code::UnknownVariable, message, at, "not declared", hint);
    }
    variables.get(name)
}
