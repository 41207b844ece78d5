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

#[test]
fn interfaces_that_differ_in_one_name_or_type_have_other_shapes() {
    let of = |source: &str| {
        let mut resolve = Resolve::default();
        let package = resolve.push_source("a.wit", source).unwrap();
        let world = &resolve.worlds[resolve.packages[package].worlds["w"]];
        interfaces(&resolve, world.exports.iter())
    };
    let source = "package a:b@1.0.0; interface i { record r { x: u32 } \
        variant v { one, two(string) } f: async func(p: r) -> result<list<r>, v>; } \
        world w { export i; }";
    let original = of(source);
    assert_eq!(original["a:b/i@1.0.0"].len(), 1);
    for (part, other) in [
        ("x: u32", "y: u32"),
        ("x: u32", "x: u64"),
        ("two(string)", "two"),
        ("two(string)", "three(string)"),
        ("async func", "func"),
        ("list<r>", "option<r>"),
        ("(p: r)", "(q: r)"),
        ("f: async", "g: async"),
        ("b@1.0.0", "b@1.1.0"),
    ] {
        assert_ne!(of(&source.replace(part, other)), original, "{other}");
    }
}
