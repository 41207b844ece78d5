//! Refusing capabilities to libraries that do not inherit them.
//!
//! A library is composed into its importer, so the two share one set of imports. To tell
//! them apart, the library's imports of capabilities get other names before composition
//! (`wasi:http/client@0.3.0` becomes `denied:wasi-http/client@0.3.0`), and the host defines
//! functions of those names that refuse. What a refusal looks like follows from the types: an
//! error of the interface if it has a fitting one, nothing where nothing is an answer (no
//! environment variables, no folders), else a trap that names the function.
//!
//! Only names in the binary change. Type indices stay as they are, so an interface that uses
//! another one's types still does.

use std::borrow::Cow;
use tessera_manifest::Inherit;
use wasm_encoder::{Component as Encoded, ComponentImportSection, RawSection};
use wasmparser::{Encoding, Parser, Payload};
use wasmtime::component::types::{self, ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Type, Val};

/// The namespace of renamed imports.
const NAMESPACE: &str = "denied:";

/// The key of the manifest that governs an interface, by its name; `None` for harmless ones, such
/// as clocks.
pub(crate) type Permission = fn(&str) -> Option<&'static str>;

fn is_denied(import: &str, inherit: &Inherit, permission: Permission) -> bool {
    match (permission(import), inherit) {
        (None, _) | (_, Inherit::All) => false,
        (Some(_), Inherit::Nothing) => true,
        (Some(key), Inherit::Keys(keys)) => !keys.iter().any(|inherited| inherited == key),
    }
}

/// `wasi:http/client@0.3.0` → `denied:wasi-http/client@0.3.0`.
fn renamed(import: &str) -> String {
    format!("{NAMESPACE}{}", import.replacen(':', "-", 1))
}

/// A component's bytes with other names for what it does not inherit.
pub(crate) fn rename_imports(
    bytes: &[u8],
    inherit: &Inherit,
    permission: Permission,
) -> Result<Vec<u8>, String> {
    let is_denied = |import: &str| is_denied(import, inherit, permission);
    let mut component = Encoded::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| error.to_string())?;
        if let Payload::Version { encoding: Encoding::Module, .. } = payload
            && depth == 0
        {
            return Err("it is a core module".to_owned());
        }
        // Nested modules and components are copied whole and not looked into.
        let nested =
            matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. });
        if depth == 0 {
            copy(&payload, bytes, &is_denied, &mut component)?;
        }
        depth += usize::from(nested);
        if matches!(payload, Payload::End(_)) {
            depth = depth.saturating_sub(1);
        }
    }
    Ok(component.finish())
}

fn copy(
    payload: &Payload<'_>,
    bytes: &[u8],
    is_denied: &dyn Fn(&str) -> bool,
    component: &mut Encoded,
) -> Result<(), String> {
    if let Payload::ComponentImportSection(section) = payload {
        let mut imports = ComponentImportSection::new();
        for import in section.clone() {
            let import = import.map_err(|error| error.to_string())?;
            let name = match import.name.name {
                name if is_denied(name) => Cow::Owned(renamed(name)),
                name => Cow::Borrowed(name),
            };
            imports.import(&*name, import.ty.into());
        }
        component.section(&imports);
    } else if let Some((id, range)) = payload.as_section() {
        let range = range.start as usize..range.end as usize;
        let data = bytes.get(range).ok_or("it is cut off")?;
        component.section(&RawSection { id, data });
    }
    Ok(())
}

/// Defines what `code` imports under renamed names.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    code: &Component,
) -> anyhow::Result<()> {
    let engine = linker.engine().clone();
    // An interface repeats the resources that it uses of others; those are defined there.
    let mut known = Vec::new();
    for (name, import) in code.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else { continue };
        if name.starts_with(NAMESPACE) {
            refuse_all(&mut linker.instance(name)?, &instance, &engine, &known)?;
        }
        known.extend(instance.exports(&engine).filter_map(|(_, item)| match item.ty {
            ComponentItem::Resource(resource) => Some(resource),
            _ => None,
        }));
    }
    Ok(())
}

fn refuse_all<T: Send + 'static>(
    linker: &mut LinkerInstance<'_, T>,
    instance: &types::ComponentInstance,
    engine: &wasmtime::Engine,
    known: &[ResourceType],
) -> anyhow::Result<()> {
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::Resource(resource) if !known.contains(&resource) => {
                linker.resource(name, ResourceType::host::<DeniedResource>(), |_, _| Ok(()))?;
            }
            ComponentItem::ComponentFunc(function) if function.async_() => {
                let shown = name.to_owned();
                linker.func_new_concurrent(name, move |_, function, _, results| {
                    let refusal = refuse(&shown, &function, results);
                    Box::pin(async move { refusal })
                })?;
            }
            ComponentItem::ComponentFunc(_) => {
                let shown = name.to_owned();
                linker.func_new(name, move |_, function, _, results| {
                    refuse(&shown, &function, results)
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The resources of a refused interface. There never is one.
struct DeniedResource;

fn refuse(name: &str, function: &ComponentFunc, results: &mut [Val]) -> wasmtime::Result<()> {
    for (result, ty) in results.iter_mut().zip(function.results()) {
        *result = refusal(&ty).ok_or_else(|| {
            wasmtime::format_err!(
                "a dependency called `{name}`, which it may not: it does not inherit the \
                 configuration of the component that it is part of"
            )
        })?;
    }
    Ok(())
}

/// An answer of this type that gives nothing away.
fn refusal(ty: &Type) -> Option<Val> {
    match ty {
        Type::List(_) => Some(Val::List(Vec::new())),
        Type::Option(_) => Some(Val::Option(None)),
        Type::Result(result) => match result.err() {
            None => Some(Val::Result(Err(None))),
            Some(error) => Some(Val::Result(Err(Some(Box::new(refusing_error(&error)?))))),
        },
        _ => None,
    }
}

/// Cases that say it best, in the words of the interfaces that the host offers.
const CASES: [&str; 5] = [
    "access-denied",
    "HTTP-request-denied",
    "permanent-resolver-failure",
    "not-supported",
    "other",
];

/// The case of an error type that says "you may not".
fn refusing_error(ty: &Type) -> Option<Val> {
    const TEXT: &str = "a dependency may not use what its importer does not let it inherit";
    match ty {
        Type::String => Some(Val::String(TEXT.into())),
        Type::Enum(cases) => {
            let name = CASES.iter().find(|wanted| cases.names().any(|name| name == **wanted))?;
            Some(Val::Enum((*name).into()))
        }
        Type::Variant(variant) => CASES.iter().find_map(|wanted| {
            let case = variant.cases().find(|case| case.name == *wanted)?;
            let payload = match case.ty {
                None => None,
                Some(Type::String) => Some(Box::new(Val::String(TEXT.into()))),
                Some(Type::Option(_)) => Some(Box::new(Val::Option(None))),
                Some(_) => return None,
            };
            Some(Val::Variant((*wanted).into(), payload))
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renamed_imports_keep_their_interface_and_version() {
        assert_eq!(renamed("wasi:http/client@0.3.0"), "denied:wasi-http/client@0.3.0");
    }

    #[test]
    fn what_is_inherited_is_not_denied() {
        let keys = Inherit::Keys(vec!["key_value_stores".into()]);
        let permission: Permission = |import| match import {
            "spin:key-value/key-value@3.0.0" => Some("key_value_stores"),
            "wasi:http/client@0.3.0" => Some("allowed_outbound_hosts"),
            _ => None,
        };
        let is_denied = |import, inherit| is_denied(import, inherit, permission);
        assert!(!is_denied("spin:key-value/key-value@3.0.0", &keys));
        assert!(is_denied("wasi:http/client@0.3.0", &keys));
        assert!(!is_denied("wasi:http/client@0.3.0", &Inherit::All));
        assert!(!is_denied("wasi:http/types@0.3.0", &Inherit::Nothing));
    }
}
