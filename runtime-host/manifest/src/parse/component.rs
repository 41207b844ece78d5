//! `[component.<id>]`, and inline components of triggers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::app::{Build, Component, ComponentId, Dependency, Inherit, Source};
use crate::names;
use crate::parse::{application, dependencies, distinct_texts, files, source, tool, variables};
use crate::path;
use crate::reader::{Code, Field, Problem, Table};

pub(super) fn read_all(field: &Field<'_>, folder: &Path) -> BTreeMap<ComponentId, Component> {
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
        components.insert(key.name.clone(), read(&key.name, &field, folder));
    }
    components
}

/// Reads one component. Parts with a problem stay empty.
pub(super) fn read(id: &str, field: &Field<'_>, folder: &Path) -> Component {
    let mut component = empty(id, field);
    let Some(mut table) = field.table() else { return component };
    let source = table.required("source", "add `source = \"target/wasm32-wasip2/release/….wasm\"`");
    if let Some(source) = source.and_then(|field| source::read(&field, folder)) {
        component.source = source;
    }
    table.string("description");
    read_permissions(&mut table, &mut component, folder);
    component.build = table.optional("build").and_then(|field| build(&field, folder));
    if let Some(targets) = table.optional("targets") {
        application::check_targets(&targets);
    }
    read_dependencies(&mut table, &mut component, folder);
    if let Some(field) = table.optional("profile") {
        let profiles = field.entries().into_iter();
        let profiles =
            profiles.filter_map(|(key, field)| Some((key.name.clone(), profile(&field, folder)?)));
        component.profiles = profiles.collect();
    }
    if let Some(settings) = table.optional("tool").and_then(|field| tool::tessera(&field)) {
        component.settings = tool::component(settings, id);
    }
    table.finish();
    component
}

fn empty(id: &str, field: &Field<'_>) -> Component {
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
        profiles: BTreeMap::new(),
        settings: Default::default(),
        written_at: field.path.clone(),
    }
}

fn read_permissions(table: &mut Table<'_>, component: &mut Component, folder: &Path) {
    component.environment =
        table.optional("environment").map(|field| environment(&field)).unwrap_or_default();
    component.files =
        table.optional("files").map(|field| files::read(&field, folder)).unwrap_or_default();
    component.exclude_files = texts(table, "exclude_files");
    component.key_value_stores = labels(table, "key_value_stores");
    component.sqlite_databases = labels(table, "sqlite_databases");
    component.ai_models = texts(table, "ai_models");
    component.allowed_outbound_hosts = texts(table, "allowed_outbound_hosts");
    if let Some(old) = table.deprecated("allowed_http_hosts") {
        let message = format!("`{}` is no longer supported", old.path);
        let hint = "use `allowed_outbound_hosts`, with `https://` before each host";
        old.problems.report(
            Code::DeprecatedKey,
            message,
            old.key,
            "a key of older manifests",
            hint,
        );
    }
    if let Some(field) = table.optional("variables") {
        for (key, text) in field.string_entries() {
            variables::check_name(key, field.problems);
            component.variables.insert(key.name.clone(), text);
        }
    }
}

fn read_dependencies(table: &mut Table<'_>, component: &mut Component, folder: &Path) {
    let all = table.optional("dependencies_inherit_configuration");
    let inherit_all = all.as_ref().and_then(Field::boolean).unwrap_or(false);
    component.dependencies_inherit_configuration = inherit_all;
    let Some(field) = table.optional("dependencies") else { return };
    component.dependencies = dependencies::read(&field, folder);
    let Some(all) = all else { return };
    for (_, dependency) in field.entries() {
        let own =
            dependency.is_table().then(|| dependency.table()?.optional("inherit_configuration"));
        if let Some(own) = own.flatten() {
            let message =
                format!("`{}` conflicts with `inherit_configuration` of a dependency", all.path);
            let problem = Problem::new(Code::ConflictingKeys, message);
            let problem =
                problem.label(own.key, "of one dependency").label(all.key.clone(), "of all");
            field.problems.push(
                problem.hint(
                    "set `inherit_configuration` on each dependency, and remove the other key",
                ),
            );
        }
    }
    let inherit = if inherit_all { Inherit::All } else { return };
    component
        .dependencies
        .iter_mut()
        .for_each(|one: &mut Dependency| one.inherit = inherit.clone());
}

fn environment(field: &Field<'_>) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (key, value) in field.string_entries() {
        if key.name.is_empty() || key.name.contains(['=', '\0']) {
            let message = format!("{:?} is not a valid name of an environment variable", key.name);
            let hint = "a name has at least one character and no `=`";
            field.problems.report(Code::BadName, message, key.span.clone(), "not a name", hint);
        }
        environment.insert(key.name.clone(), value);
    }
    environment
}

fn texts(table: &mut Table<'_>, name: &'static str) -> Vec<String> {
    table.optional(name).map(|field| field.texts()).unwrap_or_default()
}

/// Labels of stores or databases, each once.
fn labels(table: &mut Table<'_>, name: &'static str) -> Vec<String> {
    let items = table.optional(name).and_then(|field| field.items()).unwrap_or_default();
    distinct_texts(&items, |item, label| {
        let Err(why) = names::label(label) else { return true };
        let hint = "a label is kebab-case or snake_case, for example `order-history`";
        item.report_invalid(Code::BadName, "a label", &why, hint);
        false
    })
}

fn build(field: &Field<'_>, folder: &Path) -> Option<Build> {
    let mut table = field.table()?;
    let commands = table.required("command", "add `command = \"cargo build …\"`");
    let commands = commands.and_then(|field| commands_of(&field));
    let workdir = table.text("workdir");
    let workdir = workdir.map_or(folder.to_owned(), |text| path::join(folder, &text));
    texts(&mut table, "watch");
    table.finish();
    Some(Build { commands: commands?, workdir })
}

/// One command or an array of them.
fn commands_of(field: &Field<'_>) -> Option<Vec<String>> {
    if field.is_string() {
        return Some(vec![field.text()?]);
    }
    let items = field.items()?;
    let commands: Vec<_> = items.iter().filter_map(Field::text).collect();
    if items.is_empty() {
        let hint = "add a command, or remove `build`";
        field.report(Code::EmptyValue, "must not be empty", "no commands", hint);
    }
    (!commands.is_empty()).then_some(commands)
}

/// Checks a build profile, and returns its dependencies.
fn profile(field: &Field<'_>, folder: &Path) -> Option<Vec<Dependency>> {
    let mut table = field.table()?;
    table.optional("source").and_then(|field| source::read(&field, folder));
    table.optional("environment").map(|field| environment(&field));
    let dependencies =
        table.optional("dependencies").map(|field| dependencies::read(&field, folder));
    if let Some(mut build) = table.optional("build").and_then(|field| field.table()) {
        let commands = build.required("command", "add `command = \"cargo build …\"`");
        build.finish();
        commands.and_then(|field| commands_of(&field));
    }
    table.finish();
    Some(dependencies.unwrap_or_default())
}
