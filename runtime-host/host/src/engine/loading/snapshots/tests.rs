use super::*;
use wasmtime::component::{Component, types::ComponentItem};

/// The imports or exports of a component, with the names of what interfaces have.
struct Shown {
    imports: BTreeMap<String, Vec<String>>,
    exports: BTreeMap<String, Vec<String>>,
}

fn modernized(text: &str) -> Shown {
    let bytes = modernize(wat::parse_str(text).unwrap()).unwrap();
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let component = Component::new(&engine, bytes).unwrap();
    let ty = component.component_type();
    let members = |item: ComponentItem| match item {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(&engine).map(|(name, _)| name.to_owned()).collect()
        }
        _ => Vec::new(),
    };
    Shown {
        imports: ty.imports(&engine).map(|(name, it)| (name.to_owned(), members(it.ty))).collect(),
        exports: ty.exports(&engine).map(|(name, it)| (name.to_owned(), members(it.ty))).collect(),
    }
}

fn names(shown: &BTreeMap<String, Vec<String>>) -> Vec<&str> {
    shown.keys().map(String::as_str).collect()
}

#[test]
fn compatible_versions_become_the_one_of_the_host() {
    for (old, new) in [
        ("wasi:io/poll@0.2.0", "wasi:io/poll@0.2.12"),
        ("wasi:io/poll@0.2.0-rc-2023-11-10", "wasi:io/poll@0.2.12"),
        ("wasi:cli/run@0.2.0-rc-2023-10-18", "wasi:cli/run@0.2.12"),
        ("wasi:http/client@0.3.0-rc-2026-03-15", "wasi:http/client@0.3.0"),
        ("wasi:http/client@0.3.1", "wasi:http/client@0.3.0"),
        ("wasi:http/incoming-handler@0.2.0-rc-2023-10-18", "wasi:http/incoming-handler@0.2.12"),
        ("spin:sqlite/sqlite@3.0.0", "spin:sqlite/sqlite@3.1.0"),
        ("spin:sqlite/sqlite@3.9.0", "spin:sqlite/sqlite@3.1.0"),
        ("fermyon:spin/key-value@2.1.0", "fermyon:spin/key-value@2.0.0"),
    ] {
        let names = new_names(&[old.to_owned()]);
        assert_eq!(names.get(old).map(String::as_str), Some(new));
    }
    for same in [
        "wasi:io/poll@0.2.12",
        "wasi:keyvalue/store@0.2.0-draft2",
        "wasi:config/store@0.2.0-draft-2024-09-27",
        "spin:sqlite/sqlite@3.1.0",
        "spin:sqlite/sqlite@4.0.0",
        "spin:sqlite/sqlite@3.2.0-rc-1",
        "fermyon:spin/http",
        "shop:inventory/stock@0.2.0",
    ] {
        assert_eq!(new_names(&[same.to_owned()]), BTreeMap::new(), "{same}");
    }
}

#[test]
fn imports_and_exports_are_renamed() {
    let shown = modernized(
        r#"(component
            (import "wasi:clocks/wall-clock@0.3.0-rc-2026-03-15" (instance
                (export "now" (func (result u64)))))
            (import "wasi:cli/environment@0.2.3" (instance $kept))
            (export "wasi:cli/environment@0.2.3" (instance $kept)))"#,
    );
    let imports = ["wasi:cli/environment@0.2.12", "wasi:clocks/wall-clock@0.3.0"];
    assert_eq!(names(&shown.imports), imports);
    assert_eq!(names(&shown.exports), ["wasi:cli/environment@0.2.12"]);
}

#[test]
fn versions_of_one_interface_get_different_names() {
    let shown = modernized(
        r#"(component
            (import "wasi:cli/environment@0.2.0-rc-2026-03-15" (instance $draft))
            (import "wasi:cli/environment@0.2.0" (instance $old))
            (import "wasi:cli/environment@0.2.13" (instance))
            (import "wasi:cli/environment@0.3.0-rc-2026-03-15" (instance))
            (import "wasi:cli/environment@0.3.0" (instance))
            (export "wasi:cli/run@0.2.3" (instance $draft))
            (export "wasi:cli/run@0.2.0" (instance $old)))"#,
    );
    assert_eq!(
        names(&shown.imports),
        [
            "wasi:cli/environment@0.2.0-rc-2026-03-15",
            "wasi:cli/environment@0.2.12",
            "wasi:cli/environment@0.2.14",
            "wasi:cli/environment@0.3.0",
            "wasi:cli/environment@0.3.1",
        ]
    );
    assert_eq!(names(&shown.exports), ["wasi:cli/run@0.2.12", "wasi:cli/run@0.2.13"]);
}

/// A component that imports two versions of an interface, and passes one of them to a component
/// inside of it. A function differs.
const NESTED: &str = r#"(component
    (type $types (instance
        (export "future-trailers" (type $trailers (sub resource)))
        (type $answer (option string))
        (export "answer" (type $named (eq $answer)))
        (export "[method]future-trailers.get"
            (func (param "self" (borrow $trailers)) (result $named)))))
    (import "wasi:http/types@0.2.0-rc-2023-11-10" (instance $november (type $types)))
    (import "wasi:http/types@0.2.0" (instance $release
        (export "future-trailers" (type $trailers (sub resource)))
        (export "[method]future-trailers.get"
            (func (param "self" (borrow $trailers)) (result u32)))))
    (component $inner
        (import "types" (instance $types
            (export "future-trailers" (type $trailers (sub resource)))
            (export "[method]future-trailers.get"
                (func (param "self" (borrow $trailers)) (result (option string))))))
        (instance $none)
        (export "wasi:cli/run@0.2.0-rc-2023-11-10" (instance $none)))
    (instance $inner (instantiate $inner
        (with "types" (instance $november))))
    (export "wasi:cli/run@0.2.0-rc-2023-11-10"
        (instance $inner "wasi:cli/run@0.2.0-rc-2023-11-10")))"#;

#[test]
fn a_function_that_has_changed_gets_another_name_in_its_version_alone() {
    let shown = modernized(NESTED);
    let release = &shown.imports["wasi:http/types@0.2.12"];
    assert_eq!(release, &["future-trailers", "[method]future-trailers.get"]);
    let november = &shown.imports["wasi:http/types@0.2.13"];
    assert!(november.contains(&"[method]future-trailers.get-november".to_owned()), "{november:?}");
    assert!(!november.contains(&"[method]future-trailers.get".to_owned()), "{november:?}");
    assert_eq!(names(&shown.exports), ["wasi:cli/run@0.2.12"]);
}

#[test]
fn imports_that_depend_on_instances_can_not_be_renamed() {
    let text = r#"(component
        (component $inner (type $t u32) (export "t" (type $t)))
        (instance $inner (instantiate $inner))
        (import "wasi:http/types@0.2.0-rc-2023-11-10" (instance)))"#;
    let error = modernize(wat::parse_str(text).unwrap()).unwrap_err();
    assert!(error.contains("imports come after"), "{error}");
}

#[test]
fn current_names_stay_byte_for_byte() {
    let bytes = wat::parse_str(r#"(component (import "wasi:cli/run@0.2.12" (instance)))"#);
    let bytes = bytes.unwrap();
    assert_eq!(modernize(bytes.clone()).unwrap(), bytes);
}
