//! Functions as text: two are the same if their texts are, names of record fields and cases
//! of variants included.

use std::collections::BTreeMap;
use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey};

/// Interfaces by full name, each with its functions' shapes by name.
pub(super) type Interfaces = BTreeMap<String, BTreeMap<String, String>>;

pub(super) fn interfaces<'a>(
    resolve: &Resolve,
    items: impl Iterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> Interfaces {
    let mut found = Interfaces::new();
    for (key, item) in items {
        let functions = match item {
            WorldItem::Interface { id, .. } => resolve.interfaces[*id]
                .functions
                .iter()
                .map(|(name, function)| (name.clone(), function_shape(resolve, function)))
                .collect(),
            WorldItem::Function(function) => {
                BTreeMap::from([(function.name.clone(), function_shape(resolve, function))])
            }
            WorldItem::Type { .. } => continue,
        };
        found.insert(resolve.name_world_key(key), functions);
    }
    found
}

fn function_shape(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<_> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, shape(resolve, &parameter.ty)))
        .collect();
    let kind = if function.kind.is_async() { "async func" } else { "func" };
    let result = optional(resolve, function.result.as_ref());
    format!("{kind}({}) -> {result}", parameters.join(", "))
}

fn optional(resolve: &Resolve, of: Option<&Type>) -> String {
    of.map_or_else(|| "_".to_owned(), |of| shape(resolve, of))
}

fn shape(resolve: &Resolve, of: &Type) -> String {
    match of {
        Type::Id(id) => defined(resolve, *id),
        primitive => format!("{primitive:?}").to_lowercase(),
    }
}

fn list<T>(items: &[T], shape_of: impl Fn(&T) -> String) -> String {
    items.iter().map(shape_of).collect::<Vec<_>>().join(", ")
}

fn defined(resolve: &Resolve, id: TypeId) -> String {
    let definition = &resolve.types[id];
    let inner = |of: &Type| shape(resolve, of);
    match &definition.kind {
        TypeDefKind::Type(alias) => inner(alias),
        TypeDefKind::Record(record) => {
            let field = |field: &wit_parser::Field| format!("{}: {}", field.name, inner(&field.ty));
            format!("record {{{}}}", list(&record.fields, field))
        }
        TypeDefKind::Variant(variant) => {
            let case = |case: &wit_parser::Case| {
                format!("{}({})", case.name, optional(resolve, case.ty.as_ref()))
            };
            format!("variant {{{}}}", list(&variant.cases, case))
        }
        TypeDefKind::Enum(cases) => {
            format!("enum {{{}}}", list(&cases.cases, |case| case.name.clone()))
        }
        TypeDefKind::Flags(flags) => {
            format!("flags {{{}}}", list(&flags.flags, |flag| flag.name.clone()))
        }
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", list(&tuple.types, inner)),
        TypeDefKind::List(item) => format!("list<{}>", inner(item)),
        TypeDefKind::Option(item) => format!("option<{}>", inner(item)),
        TypeDefKind::Result(result) => format!(
            "result<{}, {}>",
            optional(resolve, result.ok.as_ref()),
            optional(resolve, result.err.as_ref())
        ),
        TypeDefKind::Handle(Handle::Own(resource)) => format!("own<{}>", name(resolve, *resource)),
        TypeDefKind::Handle(Handle::Borrow(resource)) => {
            format!("borrow<{}>", name(resolve, *resource))
        }
        TypeDefKind::Future(item) => format!("future<{}>", optional(resolve, item.as_ref())),
        TypeDefKind::Stream(item) => format!("stream<{}>", optional(resolve, item.as_ref())),
        other => format!("{} {}", other.as_str(), name(resolve, id)),
    }
}

fn name(resolve: &Resolve, id: TypeId) -> String {
    resolve.types[id].name.clone().unwrap_or_default()
}
