//! Templates are well formed and use declared variables.

use crate::app::Component;
use crate::check::{Check, did_you_mean};
use crate::reader::{Code, Problem, join};
use crate::template::{Template, TemplateError};

pub(super) fn check(check: &Check<'_>) {
    for component in check.app.components.values() {
        of_component(check, component);
    }
    if let Some(address) = &check.app.redis_address {
        template(check, address, "application.trigger.redis.address");
    }
    for trigger in &check.app.redis {
        template(check, &trigger.channel, &format!("{}.channel", trigger.written_at));
        if let Some(address) = &trigger.address {
            template(check, address, &format!("{}.address", trigger.written_at));
        }
    }
}

fn of_component(check: &Check<'_>, component: &Component) {
    for (name, text) in &component.variables {
        template(check, text, &join(&check.path(component, "variables"), name));
    }
    for (index, host) in component.allowed_outbound_hosts.iter().enumerate() {
        let path = check.path(component, &format!("allowed_outbound_hosts[{index}]"));
        for problem in problems(check, host, &path) {
            // Stock Spin starts, and denies the requests of the component.
            let starts = problem.code() == Code::UnknownVariable;
            if starts { check.doubt(problem) } else { check.problems.push(problem) }
        }
    }
}

fn template(check: &Check<'_>, text: &str, path: &str) {
    problems(check, text, path).into_iter().for_each(|problem| check.problems.push(problem));
}

fn problems(check: &Check<'_>, text: &str, path: &str) -> Vec<Problem> {
    let at = check.spans.value(path);
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => {
            let hint = match &error {
                TemplateError::Unclosed => "write `{{ name }}`",
                TemplateError::BadName(_) => {
                    "write the name of a variable between the braces, in lower snake_case"
                }
            };
            let message = format!("`{path}` is not a template: {error}");
            let problem = Problem::new(Code::BadTemplate, message);
            return vec![problem.label(at, "not a template").hint(hint)];
        }
    };
    let unknown = template.variables().filter(|name| !check.app.variables.contains_key(*name));
    let problem = |name: &str| {
        let message = format!("`{path}` uses the variable `{name}`, which is not declared");
        let problem = Problem::new(Code::UnknownVariable, message);
        problem.label(at.clone(), "undeclared variable").hint(declare(check, name))
    };
    unknown.map(problem).collect()
}

/// The hint for a variable that is not declared.
pub(super) fn declare(check: &Check<'_>, name: &str) -> String {
    let declared = check.app.variables.keys().map(String::as_str);
    did_you_mean(name, declared, || {
        format!("add `{name} = {{ default = \"…\" }}` to `[variables]`")
    })
}
