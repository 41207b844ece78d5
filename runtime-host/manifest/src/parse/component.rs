//! `[component.<id>]`, and inline components of triggers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::app::{Build, Component, ComponentId, Dependency, Inherit, Profile, Source};
use crate::names;
use crate::parse::{application, dependencies, files, source, tool, variables};
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
    component.description = table.string("description");
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
        description: None,
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
        old.problems.push(
            Problem::new(Code::DeprecatedKey, format!("`{}` is no longer supported", old.path))
                .label(old.key, "a key of older manifests")
                .hint("use `allowed_outbound_hosts`, with `https://` before each host"),
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
            let problem =
                Problem::new(Code::BadName, message).label(key.span.clone(), "not a name");
            field.problems.push(problem.hint("a name has at least one character and no `=`"));
        }
        environment.insert(key.name.clone(), value);
    }
    environment
}

fn texts(table: &mut Table<'_>, name: &'static str) -> Vec<String> {
    let texts = table.optional(name).map(|field| field.strings()).unwrap_or_default();
    texts.into_iter().map(|text| text.value).collect()
}

/// Labels of stores or databases, each once.
fn labels(table: &mut Table<'_>, name: &'static str) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    let items = table.optional(name).and_then(|field| field.items()).unwrap_or_default();
    for item in items {
        let Some(label) = item.non_empty_string() else { continue };
        if let Err(why) = names::label(&label.value) {
            let hint = "a label is kebab-case or snake_case, for example `order-history`";
            item.report(
                Code::BadName,
                &format!("is not a valid label: {why}"),
                "not a label",
                hint,
            );
        } else if labels.contains(&label.value) {
            let message = format!("is a duplicate of `{}`", label.value);
            item.report(Code::DuplicateEntry, &message, "duplicate", "remove it");
        }
        labels.push(label.value);
    }
    labels
}

fn build(field: &Field<'_>, folder: &Path) -> Option<Build> {
    let mut table = field.table()?;
    let commands = table.required("command", "add `command = \"cargo build …\"`");
    let commands = commands.and_then(|field| commands_of(&field));
    let workdir = table.optional("workdir").and_then(|field| field.non_empty_string());
    let workdir = workdir.map_or(folder.to_owned(), |text| path::join(folder, &text.value));
    let watch = texts(&mut table, "watch");
    table.finish();
    Some(Build { commands: commands?, workdir, watch })
}

/// One command or an array of them.
fn commands_of(field: &Field<'_>) -> Option<Vec<String>> {
    if field.is_string() {
        return Some(vec![field.non_empty_string()?.value]);
    }
    let items = field.items()?;
    let commands = items.iter().filter_map(Field::non_empty_string).map(|text| text.value);
    let commands: Vec<_> = commands.collect();
    if items.is_empty() {
        field.report(
            Code::EmptyValue,
            "must not be empty",
            "no commands",
            "add a command, or remove `build`",
        );
    }
    (!commands.is_empty()).then_some(commands)
}

fn profile(field: &Field<'_>, folder: &Path) -> Option<Profile> {
    let mut table = field.table()?;
    let source = table.optional("source").and_then(|field| source::read(&field, folder));
    let environment = table.optional("environment").map(|field| environment(&field));
    let dependencies =
        table.optional("dependencies").map(|field| dependencies::read(&field, folder));
    let build_commands = table.optional("build").and_then(|field| {
        let mut build = field.table()?;
        let commands = build.required("command", "add `command = \"cargo build …\"`");
        build.finish();
        commands_of(&commands?)
    });
    table.finish();
    Some(Profile {
        source,
        environment: environment.unwrap_or_default(),
        dependencies: dependencies.unwrap_or_default(),
        build_commands,
    })
}
