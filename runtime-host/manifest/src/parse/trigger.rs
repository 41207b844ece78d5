//! `[[trigger.<type>]]`: what all types have in common.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::{CommandTrigger, Component, ComponentId, CronTrigger, HttpTrigger, RedisTrigger};
use crate::names;
use crate::parse::{Scope, command, component, cron, http, redis};
use crate::reader::{Code, Field, Problems, Span, Table, listed, nearest};

/// The types of triggers.
const TYPES: [&str; 4] = ["http", "redis", "cron", "command"];

/// All triggers of the manifest.
#[derive(Default)]
pub(super) struct Triggers {
    pub(super) http: Vec<HttpTrigger>,
    pub(super) redis: Vec<RedisTrigger>,
    pub(super) cron: Vec<CronTrigger>,
    pub(super) command: Option<CommandTrigger>,
}

/// What the readers of the types share: inline components and generated ids.
pub(super) struct Context<'a> {
    pub(super) scope: Scope<'a>,
    pub(super) base: &'a str,
    pub(super) components: &'a mut BTreeMap<ComponentId, Component>,
    /// In version 1, the component that has the trigger.
    pub(super) owner: Option<ComponentId>,
    ids: BTreeSet<String>,
}

pub(super) fn read(
    field: Option<Field<'_>>,
    base: &str,
    scope: Scope<'_>,
    components: &mut BTreeMap<ComponentId, Component>,
) -> Triggers {
    let types = field.map(|field| field.entries()).unwrap_or_default();
    let mut triggers = Triggers::default();
    let mut context = Context::new(base, scope, components);
    context.ids = given_ids(&types);
    for (key, field) in types {
        match key.name.as_str() {
            "http" => triggers.http = read_each(&field, |table| http::read(table, &mut context)),
            "redis" => triggers.redis = read_each(&field, |table| redis::read(table, &mut context)),
            "cron" => triggers.cron = read_each(&field, |table| cron::read(table, &mut context)),
            "command" => {
                let commands = read_each(&field, |table| command::read(table, &mut context));
                triggers.command = only_one(&field, commands);
            }
            other => report_type(field.problems, field.key.clone(), other),
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

/// Spin's plugin would run the first one and leave out the others.
fn only_one<T>(field: &Field<'_>, mut triggers: Vec<T>) -> Option<T> {
    if triggers.len() > 1 {
        let hint = "keep one of them: it decides when the application ends";
        field.report(Code::BadValue, "has several triggers", "more than one command", hint);
    }
    triggers.drain(..).next()
}

/// Reports a type that this host does not have.
pub(super) fn report_type(problems: &Problems, at: Span, found: &str) {
    let hint = match nearest(found, TYPES) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the supported types are {}", listed(TYPES)),
    };
    let message = format!("unsupported trigger type `{found}`");
    problems.report(Code::UnknownTrigger, message, at, "unknown type", hint);
}

/// Ids in the manifest, so that a generated id is not one of them.
fn given_ids(types: &[(&crate::reader::Key, Field<'_>)]) -> BTreeSet<String> {
    let lists = types.iter().filter_map(|(_, field)| field.items_if_array());
    let ids = lists.flatten().filter_map(|item| item.string_at("id"));
    ids.collect()
}

impl<'a> Context<'a> {
    pub(super) fn new(
        base: &'a str,
        scope: Scope<'a>,
        components: &'a mut BTreeMap<ComponentId, Component>,
    ) -> Self {
        Self { scope, base, components, owner: None, ids: BTreeSet::new() }
    }

    /// The id of a trigger, given or generated as in Spin.
    pub(super) fn id(&mut self, table: &mut Table<'_>, kind: &str) -> String {
        if let Some(owner) = &self.owner {
            return format!("trigger-{owner}");
        }
        if let Some(given) = table.string("id").filter(|id| !id.is_empty()) {
            return given;
        }
        let natural = table.field.string_at("component");
        let natural = natural.map(|component| format!("{component}-{kind}-trigger"));
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

    /// The component of a trigger without any other handler; reports a missing one.
    pub(super) fn only_component(
        &mut self,
        table: &mut Table<'_>,
        trigger_id: &str,
    ) -> Option<ComponentId> {
        if self.owner.is_some() {
            return self.owner.clone();
        }
        let Some(field) = table.optional("component") else {
            report_no_component(table, "`component = \"…\"`");
            return None;
        };
        self.component(&field, trigger_id)
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
        self.components.insert(id.clone(), component::read(&id, field, self.scope));
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

/// Keys for several components, which only HTTP triggers have.
pub(super) fn refuse_several_components(table: &mut Table<'_>) {
    table.optional("components");
    let hint = "call the other component from this one, with `[component.<id>.dependencies]`";
    table.unsupported("dependencies", "is not supported: only HTTP triggers have middleware", hint);
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
