//! Templates are well formed and use declared variables.

use crate::app::Component;
use crate::check::Check;
use crate::reader::{Code, Problem, join, nearest};
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
        template(check, host, &check.path(component, &format!("allowed_outbound_hosts[{index}]")));
    }
}

fn template(check: &Check<'_>, text: &str, path: &str) {
    let at = check.spans.value(path);
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => {
            let hint = match &error {
                TemplateError::Unclosed { .. } => "write `{{ name }}`",
                TemplateError::BadName { .. } => {
                    "write the name of a variable between the braces, in lower snake_case"
                }
            };
            let problem =
                Problem::new(Code::BadTemplate, format!("`{path}` is not a template: {error}"));
            check.problems.push(problem.label(at, "not a template").hint(hint));
            return;
        }
    };
    for name in template.variables().filter(|name| !check.app.variables.contains_key(*name)) {
        let known = check.app.variables.keys().map(String::as_str);
        let hint = match nearest(name, known) {
            Some(near) => format!("did you mean `{{{{ {near} }}}}`?"),
            None => format!("add `{name} = {{ default = \"…\" }}` to `[variables]`"),
        };
        let message = format!("`{path}` uses the variable `{name}`, which is not declared");
        let problem = Problem::new(Code::UnknownVariable, message);
        check.problems.push(problem.label(at.clone(), "undeclared variable").hint(hint));
    }
}
