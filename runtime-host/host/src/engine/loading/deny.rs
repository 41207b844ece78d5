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

use super::names::{self, Names};
use super::stubs;
use std::borrow::Cow;
use tessera_manifest::Inherit;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Component, Linker, Type, Val};

/// The namespace of renamed imports.
pub(super) const NAMESPACE: &str = "denied:";

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
    names::rename(bytes, &Denied { inherit, permission, kept: None })
}

/// The same, but one import keeps its name: another component will satisfy it.
pub(super) fn rename_imports_except(
    bytes: &[u8],
    inherit: &Inherit,
    permission: Permission,
    kept: &str,
) -> Result<Vec<u8>, String> {
    names::rename(bytes, &Denied { inherit, permission, kept: Some(kept) })
}

/// The imports that are denied get other names.
struct Denied<'a> {
    inherit: &'a Inherit,
    permission: Permission,
    kept: Option<&'a str>,
}

impl Names for Denied<'_> {
    fn import<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.kept != Some(name) && is_denied(name, self.inherit, self.permission) {
            Cow::Owned(renamed(name))
        } else {
            Cow::Borrowed(name)
        }
    }
}

/// Defines what `code` imports under renamed names.
pub(crate) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    code: &Component,
) -> anyhow::Result<()> {
    let is_denied = |import: &str| import.starts_with(NAMESPACE);
    stubs::define(linker, code, is_denied, |_, function, ty, results| refuse(function, ty, results))
}

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
pub(super) const CASES: [&str; 5] = [
    "access-denied",
    "HTTP-request-denied",
    "permanent-resolver-failure",
    "not-supported",
    "other",
];

/// The text of errors that have one.
pub(super) const TEXT: &str = "a dependency may not use what its importer does not let it inherit";

/// The case of an error type that says "you may not".
fn refusing_error(ty: &Type) -> Option<Val> {
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
