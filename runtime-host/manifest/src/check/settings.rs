//! Variables in `[application.tool.tessera]` are declared, and generated secrets are secret.

use crate::app::Variable;
use crate::check::Check;
use crate::reader::{Code, Problem, Span, nearest};

const AT: &str = "application.tool.tessera";

pub(super) fn check(check: &Check<'_>) {
    for (index, name) in check.app.settings.generated_secrets.iter().enumerate() {
        let at = check.spans.value(&format!("{AT}.generated_secrets[{index}]"));
        if check.app.settings.generated_secrets[..index].contains(name) {
            check.problems.push(
                Problem::new(Code::DuplicateEntry, format!("`{name}` is a duplicate"))
                    .label(at, "duplicate")
                    .hint("remove one of the two"),
            );
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
        let hint = match nearest(name, variables.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add `{name} = {{ default = \"…\" }}` to `[variables]`"),
        };
        check.problems.push(
            Problem::new(Code::UnknownVariable, format!("undeclared variable `{name}`"))
                .label(at, "not declared")
                .hint(hint),
        );
    }
    variables.get(name)
}
