//! `[component.<id>]`, and inline components of triggers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::app::{Component, ComponentId, Inherit, Source};
use crate::names;
use crate::parse::{
    Scope, application, build, dependencies, files, hosts, profile, source, strings, tool,
    variables,
};
use crate::reader::{Code, Field, Problem, Table};

pub(super) fn read_all(field: &Field<'_>, scope: Scope<'_>) -> BTreeMap<ComponentId, Component> {
    let mut components = BTreeMap::new();
    for (key, field) in field.entries() {
        if let Err(why) = names::kebab(&key.name) {
            let message = format!("`{}` is not a valid component id: {why}", key.name);
            let mut problem =
                Problem::new(Code::BadName, message).label(key.span.clone(), "must be kebab-case");
            if let Some(better) = names::repaired(&key.name, '-') {
                problem = problem.hint(format!("write `{better}`"));
            }
            field.problems.push(problem);
        }
        components.insert(key.name.clone(), read(&key.name, &field, scope));
    }
    components
}

/// Reads one component. Parts with a problem stay empty.
pub(super) fn read(id: &str, field: &Field<'_>, scope: Scope<'_>) -> Component {
    let mut component = empty(id, field);
    let Some(mut table) = field.table() else { return component };
    read_code(&mut table, &mut component, scope);
    read_permissions(&mut table, &mut component, scope);
    if let Some(hosts) = table.deprecated(hosts::OLDER) {
        component.allowed_outbound_hosts.extend(hosts::read_older(&hosts));
    }
    if let Some(field) = table.optional("variables") {
        component.variables = variables(&field);
    }
    if let Some(targets) = table.optional("targets") {
        application::check_targets(&targets);
    }
    if let Some(field) = table.optional("dependencies") {
        component.dependencies = dependencies::read(&field, scope.folder);
    }
    let inherit_all = table.boolean("dependencies_inherit_configuration");
    component.dependencies_inherit_configuration = inherit_all.unwrap_or(false);
    if let Some(field) = table.optional("profile") {
        profile::read_all(&field, scope, &mut component);
    }
    if component.dependencies_inherit_configuration {
        component.dependencies.iter_mut().for_each(|one| one.inherit = Inherit::All);
    }
    if let Some(settings) = table.optional("tool").and_then(|field| tool::tessera(&field)) {
        component.settings = tool::component(settings, id);
    }
    table.finish();
    component
}

pub(super) fn empty(id: &str, field: &Field<'_>) -> Component {
    Component {
        id: id.to_owned(),
        source: Source::Local(PathBuf::new()),
        environment: BTreeMap::new(),
        files: Vec::new(),
        exclude_files: Vec::new(),
        key_value_stores: Vec::new(),
        sqlite_databases: Vec::new(),
        ai_models: Vec::new(),
        allowed_outbound_hosts: Vec::new(),
        variables: BTreeMap::new(),
        build: None,
        dependencies: Vec::new(),
        dependencies_inherit_configuration: false,
        profiles: BTreeSet::new(),
        settings: Default::default(),
        written_at: field.path.clone(),
    }
}

/// What a component consists of, in all versions.
pub(super) fn read_code(table: &mut Table<'_>, component: &mut Component, scope: Scope<'_>) {
    let source = table.required("source", "add `source = \"target/wasm32-wasip2/release/….wasm\"`");
    if let Some(source) = source.and_then(|field| source::read(&field, scope.folder)) {
        component.source = source;
    }
    table.string("description");
    component.build = table.optional("build").and_then(|field| build::read(&field, scope.folder));
}

/// What a component may use, in all versions.
pub(super) fn read_permissions(table: &mut Table<'_>, component: &mut Component, scope: Scope<'_>) {
    if let Some(field) = table.optional("environment") {
        component.environment = environment(&field);
    }
    if let Some(field) = table.optional("files") {
        component.files = files::read(&field, scope.folder);
    }
    let mut texts = |name| table.optional(name).map(|field| strings(&field)).unwrap_or_default();
    component.exclude_files = texts("exclude_files");
    component.ai_models = texts("ai_models");
    component.allowed_outbound_hosts = texts("allowed_outbound_hosts");
    component.key_value_stores = labels(table, "key_value_stores");
    component.sqlite_databases = labels(table, "sqlite_databases");
}

/// `variables`, or `config` in version 1.
pub(super) fn variables(field: &Field<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (key, text) in field.string_entries() {
        variables::check_name(key, field.problems);
        variables.insert(key.name.clone(), text);
    }
    variables
}

/// `environment`. Names that no program can read are reported and left out.
pub(super) fn environment(field: &Field<'_>) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (key, value) in field.string_entries() {
        if key.name.is_empty() || key.name.contains(['=', '\0']) {
            let name = &key.name;
            let message = format!("{name:?} is not a valid name of an environment variable");
            let hint = "a name has at least one character and no `=`";
            let problem = Problem::new(Code::BadName, message).warning();
            field.problems.push(problem.label(key.span.clone(), "has no effect").hint(hint));
            continue;
        }
        environment.insert(key.name.clone(), value);
    }
    environment
}

/// Labels of stores or databases, each once.
fn labels(table: &mut Table<'_>, name: &'static str) -> Vec<String> {
    let mut labels = Vec::new();
    for item in table.optional(name).and_then(|field| field.items()).unwrap_or_default() {
        let Some(label) = item.string() else { continue };
        if let Err(why) = names::label(&label) {
            let hint = "a label is kebab-case or snake_case, for example `order-history`";
            item.report_invalid(Code::BadName, "a label", &why, hint);
        } else if labels.contains(&label) {
            let message = format!("`{}` is a duplicate of `{label}`", item.path);
            let problem = Problem::new(Code::DuplicateEntry, message).warning();
            item.problems.push(problem.label(item.span(), "duplicate").hint("remove it"));
        }
        labels.push(label);
    }
    labels
}
