//! `[[trigger.<type>]]`: what all types have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::app::{Component, ComponentId, HttpTrigger, RedisTrigger};
use crate::names;
use crate::parse::{component, http, redis};
use crate::reader::{Code, Field, Table, nearest};

/// The types of triggers.
const TYPES: [&str; 2] = ["http", "redis"];

/// All triggers of the manifest.
#[derive(Default)]
pub(super) struct Triggers {
    pub(super) http: Vec<HttpTrigger>,
    pub(super) redis: Vec<RedisTrigger>,
}

/// What the readers of the types share: inline components and generated ids.
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
        field.report(Code::WrongType, "must be an array of tables", "one table", &hint);
        return Vec::new();
    }
    let tables = field.items().unwrap_or_default().into_iter().filter_map(|item| item.table());
    tables.filter_map(&mut read).collect()
}

fn report_type(field: &Field<'_>, found: &str) {
    let hint = match nearest(found, TYPES) {
        Some(near) => format!("did you mean `[[trigger.{near}]]`?"),
        None => "the supported type is `[[trigger.http]]`".to_owned(),
    };
    let message = format!("unsupported trigger type `{found}`");
    field.problems.report(Code::UnknownTrigger, message, field.key.clone(), "unknown type", hint);
}

/// Ids in the manifest, so that a generated id is not one of them.
fn given_ids(types: &[(&crate::reader::Key, Field<'_>)]) -> BTreeSet<String> {
    let lists = types.iter().filter_map(|(_, field)| field.items_if_array());
    let ids = lists.flatten().filter_map(|item| item.string_at("id"));
    ids.collect()
}

impl Context<'_> {
    /// The id of a trigger, given or generated as in Spin.
    pub(super) fn id(&mut self, table: &mut Table<'_>, kind: &str) -> String {
        if let Some(given) = table.text("id") {
            return given;
        }
        let component = table.field.string_at("component");
        let natural = component.map(|component| format!("{component}-{kind}-trigger"));
        if let Some(natural) = natural
            && self.ids.insert(natural.clone())
        {
            return natural;
        }
        let mut numbered = (1..).map(|number: u32| format!("{kind}-trigger{number}"));
        let free = numbered.find(|id| !self.ids.contains(id)).unwrap_or_default();
        self.ids.insert(free.clone());
        free
    }

    /// The component of a trigger: an id, or an inline component, which is added under a generated
    /// id.
    pub(super) fn component(&mut self, field: &Field<'_>, trigger_id: &str) -> Option<ComponentId> {
        if field.is_string() {
            return field.text();
        }
        if !field.is_table() {
            field.wrong_type("a component id or a component");
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
        let mut numbered = (1..).map(|number: u32| format!("inline-component{number}"));
        numbered.find(|id| !self.components.contains_key(id)).unwrap_or_default()
    }
}

/// Keys that Spin reserves for triggers with several components.
pub(super) fn refuse_several_components(table: &mut Table<'_>) {
    let hint = "write one of them as `component = \"…\"`";
    table.unsupported("components", "is not supported: a trigger has one component", hint);
    let hint = "call the other component from this one, with `[component.<id>.dependencies]`";
    table.unsupported("dependencies", "is not supported: a trigger has no middleware", hint);
}

/// Reports a trigger without a component.
pub(super) fn report_no_component(table: &Table<'_>, ways: &str) {
    table.field.problems.report(
        Code::TriggerWithoutComponent,
        "the trigger has no component",
        table.field.span(),
        "`component` is missing",
        format!("add {ways}"),
    );
}
