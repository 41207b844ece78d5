//! `[[trigger.<type>]]`: what all types have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::app::{Component, ComponentId, HttpTrigger, RedisTrigger};
use crate::document::{Field, Table};
use crate::names::{self, nearest};
use crate::parse::{component, http, redis};
use crate::problem::{Code, Problem};

/// The types of triggers that are offered.
const TYPES: [&str; 2] = ["http", "redis"];

/// All triggers of the manifest.
#[derive(Default)]
pub(super) struct Triggers {
    pub(super) http: Vec<HttpTrigger>,
    pub(super) redis: Vec<RedisTrigger>,
}

/// What a trigger's type adds to the components and ids of the application.
pub(super) struct Context<'a> {
    pub(super) folder: &'a Path,
    pub(super) base: &'a str,
    pub(super) components: &'a mut BTreeMap<ComponentId, Component>,
    ids: BTreeSet<String>,
}

pub(super) fn read(
    field: Option<Field<'_>>,
    base: &str,
    folder: &Path,
    components: &mut BTreeMap<ComponentId, Component>,
) -> Triggers {
    let types = field.map(|field| field.entries()).unwrap_or_default();
    let mut triggers = Triggers::default();
    let mut context = Context { folder, base, components, ids: given_ids(&types) };
    for (key, field) in types {
        match key.name.as_str() {
            "http" => triggers.http = read_each(&field, |table| http::read(table, &mut context)),
            "redis" => triggers.redis = read_each(&field, |table| redis::read(table, &mut context)),
            other => report_type(&field, other),
        }
    }
    triggers
}

fn read_each<'a, T>(field: &Field<'a>, mut read: impl FnMut(Table<'a>) -> Option<T>) -> Vec<T> {
    if field.is_table() {
        let hint = format!("write `[[{}]]`, with two brackets on each side", field.path);
        field.fault(Code::WrongType, "must be a list of tables", "one table", &hint);
        return Vec::new();
    }
    let tables = field.items().unwrap_or_default().into_iter().filter_map(|item| item.table());
    tables.filter_map(&mut read).collect()
}

fn report_type(field: &Field<'_>, found: &str) {
    let hint = match nearest(found, TYPES) {
        Some(near) => format!("did you mean `[[trigger.{near}]]`?"),
        None => "there are `[[trigger.http]]` and `[[trigger.redis]]`".to_owned(),
    };
    field.problems.push(
        Problem::new(Code::UnknownTrigger, format!("nobody offers triggers of type `{found}`"))
            .label(field.key.clone(), "unknown type")
            .hint(hint),
    );
}

/// Ids that are written down, so that none is made up twice.
fn given_ids(types: &[(&crate::tree::Key, Field<'_>)]) -> BTreeSet<String> {
    let lists = types.iter().filter_map(|(_, field)| field.quiet_items());
    let ids = lists.flatten().filter_map(|item| item.quiet_text("id"));
    ids.collect()
}

impl Context<'_> {
    /// The trigger's id, its own or one made up as Spin does.
    pub(super) fn id(&mut self, table: &mut Table<'_>, kind: &str) -> String {
        let given = table.optional("id").and_then(|field| field.filled_text());
        if let Some(given) = given {
            return given.value;
        }
        let component = table.field.quiet_text("component");
        let natural = component.map(|component| format!("{component}-{kind}-trigger"));
        if let Some(natural) = natural
            && self.ids.insert(natural.clone())
        {
            return natural;
        }
        let mut counter = 1;
        loop {
            let id = format!("{kind}-trigger{counter}");
            if self.ids.insert(id.clone()) {
                return id;
            }
            counter += 1;
        }
    }

    /// The trigger's component: named, or written out and then added under a made-up id.
    pub(super) fn component(&mut self, field: &Field<'_>, trigger_id: &str) -> Option<ComponentId> {
        if field.is_text() {
            return Some(field.filled_text()?.value);
        }
        if !field.is_table() {
            field.wrong_type("a component's id or a component");
            return None;
        }
        let id = self.inline_id(trigger_id);
        self.components.insert(id.clone(), component::read(&id, field, self.folder));
        Some(id)
    }

    fn inline_id(&self, trigger_id: &str) -> ComponentId {
        let natural = format!("{trigger_id}-component");
        if names::kebab(&natural).is_ok() && !self.components.contains_key(&natural) {
            return natural;
        }
        let mut counter = 1;
        loop {
            let id = format!("inline-component{counter}");
            if !self.components.contains_key(&id) {
                return id;
            }
            counter += 1;
        }
    }
}

/// Keys that Spin reserves for triggers with several components.
pub(super) fn refuse_several_components(table: &mut Table<'_>) {
    let hint = "name the one that answers as `component = \"…\"`";
    table.unsupported("components", "is of no use: a trigger has one component", hint);
    let hint = "call the other component from this one through `[component.<id>.dependencies]`";
    table.unsupported(
        "dependencies",
        "puts components in front of a trigger, which is not offered",
        hint,
    );
}

/// Reports a trigger that nobody answers.
pub(super) fn report_no_component(table: &Table<'_>, ways: &str) {
    table.field.problems.push(
        Problem::new(Code::TriggerWithoutComponent, "nobody answers this trigger")
            .label(table.field.span(), "`component` is missing")
            .hint(format!("add {ways}")),
    );
}
