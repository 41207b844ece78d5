//! `[application]`.

use std::collections::BTreeMap;

use crate::app::{App, AppSettings, Component, ComponentId, Variable};
use crate::origin::Origin;
use crate::parse::trigger::Triggers;
use crate::parse::{Scope, strings, tool};
use crate::reader::{Code, Field, Problem, Table};
use crate::routes::{RoutePattern, Segment};

/// What people read about the application.
#[derive(Default)]
pub(super) struct Metadata {
    name: String,
    version: Option<String>,
}

/// The contents of the table, and of the application's keys in version 1.
#[derive(Default)]
pub(super) struct Application {
    pub(super) metadata: Metadata,
    pub(super) http_base: String,
    pub(super) redis_address: Option<String>,
    pub(super) settings: AppSettings,
}

pub(super) fn read(field: &Field<'_>) -> Option<Application> {
    let mut table = field.table()?;
    let mut application = Application { metadata: metadata(&mut table), ..Application::default() };
    if let Some(targets) = table.optional("targets") {
        check_targets(&targets);
    }
    for (key, field) in table.optional("trigger").map(|field| field.entries()).unwrap_or_default() {
        read_trigger(&key.name, &field, &mut application);
    }
    if let Some(settings) = table.optional("tool").and_then(|field| tool::tessera(&field)) {
        application.settings = tool::application(settings);
    }
    table.finish();
    Some(application)
}

/// What people read about the application.
pub(super) fn metadata(table: &mut Table<'_>) -> Metadata {
    let name = table.required("name", "add `name = \"my-app\"`").and_then(|field| field.string());
    table.string("description");
    table.optional("authors").map(|field| strings(&field));
    let version = table.string("version").filter(|version| !version.is_empty());
    Metadata { name: name.unwrap_or_default(), version }
}

/// The settings of all triggers of a type. Those of unknown types are for other hosts.
pub(super) fn read_trigger(kind: &str, field: &Field<'_>, application: &mut Application) {
    let Some(mut table) = field.table() else { return };
    match kind {
        "http" => read_http(&mut table, application),
        "redis" => read_redis(&mut table, application),
        _ => {
            let message = format!("`{}` has no effect", field.path);
            let problem = Problem::new(Code::UnknownTrigger, message).warning();
            let problem = problem
                .label(field.key.clone(), "this host has no settings for this type of trigger");
            field.problems.push(problem.hint("remove it"));
            return;
        }
    }
    table.finish();
}

pub(super) fn read_http(table: &mut Table<'_>, application: &mut Application) {
    let base = table.optional("base").and_then(|field| base(&field));
    application.http_base = base.unwrap_or_default();
}

pub(super) fn read_redis(table: &mut Table<'_>, application: &mut Application) {
    application.redis_address = table.text("address");
}

impl Application {
    pub(super) fn into_app(
        self,
        scope: Scope<'_>,
        variables: BTreeMap<String, Variable>,
        components: BTreeMap<ComponentId, Component>,
        triggers: Triggers,
        origin: Origin,
    ) -> App {
        App {
            name: self.metadata.name,
            version: self.metadata.version,
            folder: scope.folder.to_owned(),
            variables,
            components,
            http_base: self.http_base,
            http: triggers.http,
            redis_address: self.redis_address,
            redis: triggers.redis,
            cron: triggers.cron,
            command: triggers.command,
            settings: self.settings,
            origin,
        }
    }
}

fn base(field: &Field<'_>) -> Option<String> {
    let text = field.string()?;
    let refuse = |message: &str, hint: &str| {
        field.report(Code::BadRoute, message, "not a base path", hint);
        None
    };
    if !text.starts_with('/') {
        return refuse("must start with a slash", &format!("write `/{text}`"));
    }
    match RoutePattern::parse("", &text) {
        Err(error) => refuse(&format!("is not a path: {}", error.message), &error.hint),
        Ok(path) => {
            let fixed = |segment: &Segment| matches!(segment, Segment::Literal(_));
            if path.takes_rest() || !path.segments().iter().all(fixed) {
                return refuse("must be a fixed path", "parameters and `/...` belong in routes");
            }
            let base = path.to_string();
            Some(base.strip_suffix('/').map(str::to_owned).unwrap_or(base))
        }
    }
}

/// Checks `targets`: environments in which the application has to run. Only Spin's build uses it.
pub(super) fn check_targets(field: &Field<'_>) {
    for target in field.items().unwrap_or_default() {
        if target.is_string() {
            continue;
        }
        if !target.is_table() {
            target.wrong_type("a string, `{ url = \"…\" }` or `{ path = \"…\" }`");
            continue;
        }
        let Some(mut table) = target.table() else { continue };
        let found = ["url", "path"].map(|key| table.optional(key));
        found.iter().flatten().for_each(|field| drop(field.string()));
        if found.iter().all(Option::is_none) {
            target.report(
                Code::MissingKey,
                "has no environment",
                "`url` or `path` is missing",
                "write `{ url = \"…\" }` or `{ path = \"…\" }`",
            );
        }
        table.finish();
    }
}
