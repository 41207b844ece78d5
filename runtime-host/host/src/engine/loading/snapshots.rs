//! Snapshots of WASI that were published before its releases, and older releases.
//!
//! The host implements one version of WASI 0.2 and one of 0.3. What a component imports from
//! another one is renamed to these: most interfaces have not changed since their snapshots. Where a
//! function has, its old form gets a separate name, which the host defines beside the current one
//! (see `capabilities::wasi`).

use super::names::{self, Names};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The version of WASI 0.2 that the host implements.
pub(crate) const WASI_0_2: &str = "0.2.12";
/// The version of WASI 0.3 that the host implements.
const WASI_0_3: &str = "0.3.0";

/// The snapshots of WASI 0.2.
const OCTOBER_2023: &str = "0.2.0-rc-2023-10-18";
const NOVEMBER_2023: &str = "0.2.0-rc-2023-11-10";
/// The release candidate of WASI 0.3 that stock Spin offers. It differs from the release in names
/// only.
const MARCH_2026: &str = "0.3.0-rc-2026-03-15";

/// Packages of WASI. Others in its namespace are drafts, whose versions mean something else.
const PACKAGES: [&str; 7] = ["cli", "clocks", "filesystem", "http", "io", "random", "sockets"];

/// Functions that have changed since October 2023, and the names that their old forms get.
const SINCE_OCTOBER_2023: [(&str, &str); 15] = [
    ("[method]output-stream.splice", "[method]output-stream.splice-october"),
    ("[method]output-stream.blocking-splice", "[method]output-stream.blocking-splice-october"),
    ("[method]descriptor.open-at", "[method]descriptor.open-at-october"),
    ("resolve-addresses", "resolve-addresses-october"),
    ("[constructor]fields", "[static]fields.new-october"),
    ("[method]fields.set", "[method]fields.set-october"),
    ("[method]fields.delete", "[method]fields.delete-october"),
    ("[method]fields.append", "[method]fields.append-october"),
    ("[constructor]outgoing-request", "[static]outgoing-request.new-october"),
    ("[static]response-outparam.set", "[static]response-outparam.set-october"),
    ("[method]future-trailers.get", "[method]future-trailers.get-october"),
    ("[constructor]outgoing-response", "[static]outgoing-response.new-october"),
    ("[static]outgoing-body.finish", "[static]outgoing-body.finish-october"),
    ("[method]future-incoming-response.get", "[method]future-incoming-response.get-october"),
    ("handle", "handle-october"),
];

/// Functions that have changed since November 2023.
const SINCE_NOVEMBER_2023: [(&str, &str); 1] =
    [("[method]future-trailers.get", "[method]future-trailers.get-november")];

/// The name by which the host knows an interface, if it is another one.
fn current(name: &str) -> Option<String> {
    let (interface, version) = name.split_once('@')?;
    let package = interface.strip_prefix("wasi:")?.split('/').next()?;
    if !PACKAGES.contains(&package) {
        return None;
    }
    let current = match version {
        OCTOBER_2023 | NOVEMBER_2023 => WASI_0_2,
        MARCH_2026 => WASI_0_3,
        version if version.contains('-') => return None,
        version if version.starts_with("0.2.") => WASI_0_2,
        version if version.starts_with("0.3.") => WASI_0_3,
        _ => return None,
    };
    (current != version).then(|| format!("{interface}@{current}"))
}

/// Whether this is an interface of WASI in another version than the host's.
pub(super) fn is_other_version(name: &str) -> bool {
    current(name).is_some()
}

/// A component's bytes with the names that the host knows.
///
/// # Errors
/// Why the bytes are no component.
pub(crate) fn modernize(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let imports = names::imports(&bytes)?;
    let renaming = Renaming::of(&imports);
    if renaming.imports.is_empty() {
        return Ok(bytes);
    }
    names::rename(&bytes, &renaming)
}

/// Which names change.
struct Renaming {
    imports: BTreeSet<String>,
    functions: &'static [(&'static str, &'static str)],
}

impl Renaming {
    fn of(imports: &[String]) -> Self {
        let uses = |version: &str| imports.iter().any(|name| name.ends_with(version));
        let functions: &[_] = if uses(OCTOBER_2023) {
            &SINCE_OCTOBER_2023
        } else if uses(NOVEMBER_2023) {
            &SINCE_NOVEMBER_2023
        } else {
            &[]
        };
        // Two versions of one interface would get one name. One of them keeps its own.
        let mut taken: BTreeSet<_> = imports.iter().cloned().collect();
        let renamed = |name: &&String| current(name).is_some_and(|name| taken.insert(name));
        let imports = imports.iter().filter(renamed).cloned().collect();
        Self { imports, functions }
    }
}

impl Names for Renaming {
    fn import<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let renamed = self.imports.contains(name).then(|| current(name)).flatten();
        renamed.map_or(Cow::Borrowed(name), Cow::Owned)
    }

    fn export<'a>(&self, name: &'a str) -> Cow<'a, str> {
        current(name).map_or(Cow::Borrowed(name), Cow::Owned)
    }

    fn function<'a>(&self, name: &'a str) -> &'a str {
        self.functions.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| *new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modernized(text: &str) -> String {
        let bytes = modernize(wat::parse_str(text).unwrap()).unwrap();
        wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all())
            .validate_all(&bytes)
            .unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn releases_and_snapshots_get_the_version_of_the_host() {
        for (old, new) in [
            ("wasi:io/poll@0.2.0", "wasi:io/poll@0.2.12"),
            ("wasi:io/poll@0.2.0-rc-2023-11-10", "wasi:io/poll@0.2.12"),
            ("wasi:cli/run@0.2.0-rc-2023-10-18", "wasi:cli/run@0.2.12"),
            ("wasi:http/client@0.3.0-rc-2026-03-15", "wasi:http/client@0.3.0"),
            ("wasi:http/client@0.3.1", "wasi:http/client@0.3.0"),
            ("wasi:http/incoming-handler@0.2.0-rc-2023-10-18", "wasi:http/incoming-handler@0.2.12"),
        ] {
            assert_eq!(current(old).as_deref(), Some(new));
        }
        for same in [
            "wasi:io/poll@0.2.12",
            "wasi:keyvalue/store@0.2.0-draft2",
            "wasi:config/store@0.2.0-draft-2024-09-27",
            "fermyon:spin/http",
            "shop:inventory/stock@0.2.0",
        ] {
            assert_eq!(current(same), None, "{same}");
        }
    }

    #[test]
    fn imports_and_exports_are_renamed() {
        let text = modernized(
            r#"(component
                (import "wasi:clocks/wall-clock@0.3.0-rc-2026-03-15" (instance
                    (export "now" (func (result u64)))))
                (import "wasi:cli/environment@0.2.3" (instance $kept))
                (export "wasi:cli/environment@0.2.3" (instance $kept)))"#,
        );
        assert!(text.contains("wasi:clocks/wall-clock@0.3.0"), "{text}");
        assert!(!text.contains("-rc-") && !text.contains("0.2.3"), "{text}");
    }

    #[test]
    fn a_function_that_has_changed_gets_a_separate_name_where_it_is_used_too() {
        let text = modernized(
            r#"(component
                (import "wasi:http/types@0.2.0-rc-2023-11-10" (instance $types
                    (export "future-trailers" (type $trailers (sub resource)))
                    (export "[method]future-trailers.get"
                        (func (param "self" (borrow $trailers)) (result (option string))))))
                (alias export $types "[method]future-trailers.get" (func $get))
                (core module $libc (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 0))
                (core instance $libc (instantiate $libc))
                (core func (canon lower (func $get) (memory (core memory $libc "memory"))
                    (realloc (core func $libc "realloc")))))"#,
        );
        assert!(!text.contains("future-trailers.get\u{2}"), "{text}");
        assert_eq!(text.matches("[method]future-trailers.get-november").count(), 2);
    }

    #[test]
    fn of_two_versions_of_an_interface_one_keeps_its_name() {
        let text = modernized(
            r#"(component
                (import "wasi:cli/environment@0.2.0" (instance))
                (import "wasi:cli/environment@0.2.3" (instance)))"#,
        );
        assert!(text.contains("wasi:cli/environment@0.2.12"), "{text}");
        assert!(text.contains("wasi:cli/environment@0.2.3"), "{text}");
    }

    #[test]
    fn current_names_stay_byte_for_byte() {
        let bytes = wat::parse_str(r#"(component (import "wasi:cli/run@0.2.12" (instance)))"#);
        let bytes = bytes.unwrap();
        assert_eq!(modernize(bytes.clone()).unwrap(), bytes);
    }
}
