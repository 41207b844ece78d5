//! Composition with components written by hand, and run afterwards.

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use wasmtime::component::{Component, Linker, ResourceType};

/// Asks a capability and says what came of it: 0 for yes, 1 for no.
const PROBE: &str = r#"(component
    (import "spin:redis/redis@3.0.0" (instance $redis (export "ping" (func (result (result))))))
    (core func $ping (canon lower (func $redis "ping")))
    (core module $code
        (import "host" "ping" (func $ping (result i32)))
        (func (export "asked") (result i32) call $ping))
    (core instance $running (instantiate $code
        (with "host" (instance (export "ping" (func $ping))))))
    (func $asked (result u32) (canon lift (core func $running "asked")))
    (instance $probe (export "asked" (func $asked)))
    (export "shop:tools/probe@1.0.0" (instance $probe)))"#;

/// Asks the capability by itself (tens) and through the probe (ones).
fn importer(import: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
        (import "{import}" (instance $probe (export "asked" (func (result u32)))))
        (import "spin:redis/redis@3.0.0" (instance $redis
            (export "ping" (func (result (result))))))
        (core func $asked (canon lower (func $probe "asked")))
        (core func $ping (canon lower (func $redis "ping")))
        (core module $code
            (import "host" "asked" (func $asked (result i32)))
            (import "host" "ping" (func $ping (result i32)))
            (func (export "run") (result i32)
                (i32.add (i32.mul (i32.const 10) (call $ping)) (call $asked))))
        (core instance $running (instantiate $code (with "host" (instance
            (export "asked" (func $asked)) (export "ping" (func $ping))))))
        (func $run (result u32) (canon lift (core func $running "run")))
        (export "run" (func $run)))"#
    );
    wat::parse_str(text).unwrap()
}

fn dependency(import: &str, inherit: Inherit) -> Dependency {
    Dependency {
        import: import.into(),
        provider: Provider::Component { id: "probe".into(), export: None },
        inherit,
    }
}

/// The interfaces of these tests that a key of the manifest governs.
fn permission(import: &str) -> Option<&'static str> {
    let governed = ["spin:redis/redis@", "wasi:http/client@"];
    let is_governed = governed.iter().any(|name| import.starts_with(name));
    is_governed.then_some("allowed_outbound_hosts")
}

fn compose(
    component: &str,
    bytes: Vec<u8>,
    inherit_all: bool,
    libraries: &[Library<'_>],
) -> Result<Vec<u8>, Error> {
    super::compose(component, bytes, inherit_all, libraries, permission)
}

fn composed(dependency: &Dependency, inherit_all: bool) -> Result<Vec<u8>, Error> {
    let probe = wat::parse_str(PROBE).unwrap();
    let library = Library { dependency, name: "probe", bytes: &probe };
    compose("app", importer("shop:tools/probe@1.0.0"), inherit_all, &[library])
}

/// Runs the whole with a host that grants the capability.
fn run(bytes: &[u8]) -> u32 {
    let mut config = wasmtime::Config::new();
    config.wasm_component_model_async(true);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let code = Component::new(&engine, bytes).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    let mut redis = linker.instance("spin:redis/redis@3.0.0").unwrap();
    redis.func_wrap("ping", |_, (): ()| Ok((Ok::<(), ()>(()),))).unwrap();
    let mut types = linker.instance("wasi:http/types@0.3.0").unwrap();
    types.resource("request", ResourceType::host::<u8>(), |_, _| Ok(())).unwrap();
    deny::add_to_linker(&mut linker, &code).unwrap();
    let mut store = wasmtime::Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &code).unwrap();
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run").unwrap();
    run.call(&mut store, ()).unwrap().0
}

#[test]
fn a_library_without_inheritance_is_refused_what_its_importer_may_do() {
    let alone = dependency("shop:tools/probe@1.0.0", Inherit::Nothing);
    assert_eq!(run(&composed(&alone, false).unwrap()), 1);
    let other = Inherit::Keys(vec!["key_value_stores".into()]);
    assert_eq!(run(&composed(&dependency("shop:tools/probe", other), false).unwrap()), 1);
}

#[test]
fn a_library_may_do_what_it_inherits() {
    let key = Inherit::Keys(vec!["allowed_outbound_hosts".into()]);
    assert_eq!(run(&composed(&dependency("shop:tools/probe@1.0.0", key), false).unwrap()), 0);
    let all = dependency("shop:tools", Inherit::All);
    assert_eq!(run(&composed(&all, false).unwrap()), 0);
    let by_component = dependency("shop:tools@1.0.0", Inherit::Nothing);
    assert_eq!(run(&composed(&by_component, true).unwrap()), 0);
}

#[test]
fn a_denied_interface_may_use_resources_of_another_one() {
    let text = r#"(component
        (import "wasi:http/types@0.3.0" (instance $types
            (export "request" (type (sub resource)))))
        (alias export $types "request" (type $request))
        (import "wasi:http/client@0.3.0" (instance $client
            (alias outer 1 $request (type $outer))
            (export "request" (type $own (eq $outer)))
            (export "send" (func (param "request" (own $own)) (result (result))))))
        (core module $code (func (export "asked") (result i32) (i32.const 0)))
        (core instance $running (instantiate $code))
        (func $asked (result u32) (canon lift (core func $running "asked")))
        (instance $probe (export "asked" (func $asked)))
        (export "shop:tools/probe@1.0.0" (instance $probe)))"#;
    let bytes = wat::parse_str(text).unwrap();
    let wanted = dependency("shop:tools/probe", Inherit::Nothing);
    let library = Library { dependency: &wanted, name: "probe", bytes: &bytes };
    let whole = compose("app", importer("shop:tools/probe@1.0.0"), false, &[library]).unwrap();
    assert_eq!(run(&whole), 0);
}

#[test]
fn a_compatible_version_of_an_export_fits() {
    let probe = wat::parse_str(PROBE).unwrap();
    let dependency = dependency("shop:tools/probe", Inherit::All);
    let library = Library { dependency: &dependency, name: "probe", bytes: &probe };
    let importer = importer("shop:tools/probe@1.2.0");
    assert_eq!(run(&compose("app", importer, false, &[library]).unwrap()), 0);
}

#[test]
fn a_component_without_libraries_stays_as_it_is() {
    assert_eq!(compose("app", vec![1, 2, 3], false, &[]).unwrap(), [1, 2, 3]);
}

#[test]
fn faults_name_import_dependency_and_what_there_is() {
    let error = composed(&dependency("shop:stock/stock", Inherit::All), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the dependency `shop:stock/stock` fits none of its imports, which are \
         `shop:tools/probe@1.0.0`, `spin:redis/redis@3.0.0`"
    );
    let mut named = dependency("shop:tools/probe", Inherit::All);
    named.provider = Provider::Component { id: "probe".into(), export: Some("a:b/c".into()) };
    assert_eq!(
        composed(&named, false).unwrap_err().to_string(),
        "the dependency `shop:tools/probe` needs `a:b/c` for the import \
         `shop:tools/probe@1.0.0`, but `probe` exports `shop:tools/probe@1.0.0`"
    );
    let wanted = dependency("shop:tools/probe", Inherit::Nothing);
    let library = Library { dependency: &wanted, name: "probe", bytes: b"\0asm\x01\0\0\0" };
    let error = compose("app", importer("shop:tools/probe@1.0.0"), false, &[library]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`probe` is not a component that can be composed: it is a core module"
    );
}

#[test]
fn an_export_of_another_type_is_refused() {
    let other = r#"(component
        (core module $code (func (export "asked") (result i64) (i64.const 1)))
        (core instance $running (instantiate $code))
        (func $asked (result u64) (canon lift (core func $running "asked")))
        (instance $probe (export "asked" (func $asked)))
        (export "shop:tools/probe@1.0.0" (instance $probe)))"#;
    let bytes = wat::parse_str(other).unwrap();
    let wanted = dependency("shop:tools/probe", Inherit::All);
    let library = Library { dependency: &wanted, name: "other", bytes: &bytes };
    let error = compose("app", importer("shop:tools/probe@1.0.0"), false, &[library]).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("`other` exports `shop:tools/probe@1.0.0`, but not as"), "{text}");
}

#[test]
fn names_of_dependencies_fit_as_in_stock_spin() {
    for (dependency, import) in [
        ("a:b/c@1.0.0", "a:b/c@1.0.0"),
        ("a:b/c", "a:b/c@1.0.0"),
        ("a:b", "a:b/c@1.0.0"),
        ("a:b@1.0.0", "a:b/c@1.0.0"),
        ("plain", "plain"),
    ] {
        assert!(fits(dependency, import), "{dependency} {import}");
    }
    for (dependency, import) in [
        ("a:b/c@1.0.0", "a:b/c"),
        ("a:b/c@1.0.0", "a:b/c@1.1.0"),
        ("a:b/c", "a:b/cd"),
        ("a:b", "a:bc/d"),
        ("plain", "plain/x"),
    ] {
        assert!(!fits(dependency, import), "{dependency} {import}");
    }
}
