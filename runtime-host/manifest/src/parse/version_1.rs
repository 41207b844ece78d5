//! Version 1 of the format.
//!
//! It has one type of triggers, each component has one trigger, and the keys of the application are
//! at the top. It is read into the same [`App`] as version 2, table by table, so that problems
//! point into the text as it is written. Spin converts it in the same way.

use std::collections::BTreeMap;

use crate::app::{App, Component, ComponentId};
use crate::names;
use crate::origin::Origin;
use crate::parse::application::{self, Application};
use crate::parse::trigger::{self, Context, Triggers};
use crate::parse::{Scope, command, component, cron, hosts, http, redis, variables};
use crate::reader::{Code, Field, Table};

/// The types of triggers.
#[derive(Clone, Copy)]
enum Kind {
    Http,
    Redis,
    Cron,
    Command,
}

pub(super) fn manifest(mut root: Table<'_>, scope: Scope<'_>, origin: Origin) -> App {
    let mut application =
        Application { metadata: application::metadata(&mut root), ..Application::default() };
    let hint = "add `trigger = { type = \"http\" }`";
    let trigger = root.required("trigger", hint);
    let kind = trigger.and_then(|field| trigger_type(&field, &mut application));
    let variables = root.optional("variables").map(|field| variables::read(&field));
    let (mut components, mut triggers) = (BTreeMap::new(), Triggers::default());
    let items = root.optional("component").and_then(|field| field.items()).unwrap_or_default();
    for item in items {
        let Some((component, own)) = read_component(&item, scope) else { continue };
        let id = component.id.clone();
        components.insert(id.clone(), component);
        let mut context = Context::new(&application.http_base, scope, &mut components);
        context.owner = Some(id);
        let Some(table) = own.and_then(|field| field.table()) else { continue };
        match kind {
            Some(Kind::Http) => triggers.http.extend(http::read(table, &mut context)),
            Some(Kind::Redis) => triggers.redis.extend(redis::read(table, &mut context)),
            Some(Kind::Cron) => triggers.cron.extend(cron::read(table, &mut context)),
            // Of several commands, the first one is run.
            Some(Kind::Command) => {
                let command = command::read(table, &mut context);
                triggers.command = triggers.command.or(command);
            }
            None => {}
        }
    }
    root.finish();
    application.into_app(scope, variables.unwrap_or_default(), components, triggers, origin)
}

/// `trigger = { type = "http", … }`: the type of all triggers, and their settings.
fn trigger_type(field: &Field<'_>, application: &mut Application) -> Option<Kind> {
    let mut table = field.table()?;
    let kind = table.required("type", "add `type = \"http\"`")?;
    let name = kind.string()?;
    let kind = match name.as_str() {
        "http" => {
            application::read_http(&mut table, application);
            Kind::Http
        }
        "redis" => {
            application::read_redis(&mut table, application);
            Kind::Redis
        }
        "cron" => Kind::Cron,
        "command" => Kind::Command,
        other => {
            trigger::report_type(kind.problems, kind.span(), other);
            return None;
        }
    };
    table.finish();
    Some(kind)
}

/// One `[[component]]`, and its trigger.
fn read_component<'a>(
    field: &Field<'a>,
    scope: Scope<'_>,
) -> Option<(Component, Option<Field<'a>>)> {
    let mut table = field.table()?;
    let id = table.required("id", "add `id = \"my-component\"`");
    let id = id.and_then(|field| component_id(&field)).unwrap_or_default();
    let mut component = component::empty(&id, field);
    component::read_code(&mut table, &mut component, scope);
    component::read_permissions(&mut table, &mut component, scope);
    if !table.has("allowed_outbound_hosts") {
        component.allowed_outbound_hosts = hosts::DATABASE_PATTERNS.map(str::to_owned).to_vec();
    }
    if let Some(field) = table.optional(hosts::OLDER) {
        component.allowed_outbound_hosts.extend(hosts::read(&field));
    }
    if let Some(field) = table.optional("config") {
        component.variables = component::variables(&field);
    }
    let trigger = table.required("trigger", "add `[component.trigger]` with `route = \"/...\"`");
    table.finish();
    Some((component, trigger))
}

/// The id, in kebab-case: version 1 also had underscores and uppercase letters.
fn component_id(field: &Field<'_>) -> Option<ComponentId> {
    let written = field.string()?;
    if names::kebab(&written).is_ok() {
        return Some(written);
    }
    let id = written.replace('_', "-").to_lowercase();
    if let Err(why) = names::kebab(&id) {
        let hint = "write words of letters and digits, joined by hyphens";
        field.report_invalid(Code::BadName, "a component id", &why, hint);
        return None;
    }
    Some(id)
}
