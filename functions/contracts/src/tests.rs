//! The macros as functions from WIT to tokens. That the tokens compile and work is shown by
//! every component that is built with them.

#![allow(clippy::unwrap_used)]
use crate::bridge::{Failure, bridge};
use crate::source::{Contract, find_wit};
use crate::{bindings, dispatch};
use std::path::Path;
use tempfile::TempDir;

/// A workspace with these packages in `wit/`.
fn workspace(packages: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (name, text) in packages {
        let folder = root.path().join("wit").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("package.wit"), text).unwrap();
    }
    root
}

fn read(root: &TempDir, name: &str) -> anyhow::Result<Contract> {
    Contract::read(&root.path().join("wit"), name)
}

fn shop(name: &str) -> Contract {
    let wit = find_wit(Path::new(env!("CARGO_MANIFEST_DIR")), "inventory").unwrap();
    Contract::read(&wit, name).unwrap()
}

/// Without the white space that token streams print in odd places.
fn squeezed(tokens: impl ToString) -> String {
    tokens.to_string().split_whitespace().collect()
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        let part: String = part.split_whitespace().collect();
        assert!(text.contains(&part), "{part}\nis not in\n{text}");
    }
}

const ERROR: &str = "variant error { unavailable(string) }";

fn package(name: &str, interface: &str) -> String {
    format!(
        "package test:{name}@1.0.0;\ninterface i {{ {interface} }}\nworld function {{ export i; }}"
    )
}

#[test]
fn packages_come_after_those_that_they_refer_to() {
    for name in ["catalog", "orders", "notifications", "gateway", "limits"] {
        let contract = shop(name);
        let names: Vec<&str> =
            contract.folders.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names.last(), Some(&name));
        let place = |name| names.iter().position(|other| *other == name);
        if name == "catalog" {
            assert!(place("values") < place("inventory") && place("identity").is_some());
        }
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{names:?}");
    }
}

#[test]
fn packages_that_refer_to_each_other_are_named() {
    let a = "package test:a@1.0.0;\ninterface i { use test:b/j@1.0.0.{t}; type s = t; }";
    let b = "package test:b@1.0.0;\ninterface j { use test:a/i@1.0.0.{s}; type t = s; }";
    let root = workspace(&[("a", a), ("b", b)]);
    let error = format!("{:#}", read(&root, "a").err().unwrap());
    assert!(error.contains("in a circle"), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let a = "package test:a@1.0.0;\nworld function { import test:b/j@1.0.0; }";
    let root = workspace(&[("a", a), ("no-world", "package test:n;\ninterface i {}")]);
    let message = |result: anyhow::Result<()>| format!("{:#}", result.unwrap_err());
    let missing = message(read(&root, "a").map(drop));
    assert!(missing.contains("test:b@1.0.0, which no folder of `wit` holds"), "{missing}");
    let missing = message(read(&root, "b").map(drop));
    assert!(missing.contains("no package in"), "{missing}");
    let missing = message(read(&root, "no-world").unwrap().world().map(drop));
    assert!(missing.contains("no world `function`"), "{missing}");
    assert!(message(find_wit(Path::new("/"), "x").map(drop)).contains("no folder `wit/x`"));
}

#[test]
fn types_print_as_wit_bindgen_names_them() {
    let interface = format!(
        "{ERROR} record some-thing {{ x: u8 }} type names = list<string>;
         odd: async func(
             some-name: list<tuple<string, option<u32>>>,
             %type: names,
             thing: result<some-thing, char>,
             bits: list<list<bool>>,
             f: f64
         ) -> result<_, error>;"
    );
    let root = workspace(&[("t", &package("t", &interface))]);
    let tokens = squeezed(dispatch::dispatch(&read(&root, "t").unwrap()).unwrap());
    let module = "exports::test::t::i";
    assert_contains(
        &tokens,
        &[
            "some_name: ::std::vec::Vec<(::std::string::String, ::core::option::Option<u32>,)>,",
            &format!("type_: {module}::Names,"),
            &format!("thing: ::core::result::Result<{module}::SomeThing, char>,"),
            "bits: ::std::vec::Vec<::std::vec::Vec<bool>>,",
            "f: f64,",
        ],
    );
}

#[test]
fn the_dispatch_knows_every_exported_function_and_only_those() {
    let tokens = squeezed(dispatch::dispatch(&shop("inventory")).unwrap());
    for function in ["available", "reserve", "commit", "release", "take-back"] {
        assert_contains(&tokens, &[&format!("(\"stock\", \"{function}\") =>")]);
    }
    assert_contains(
        &tokens,
        &["deny_unknown_fields", "id: ::std::string::String,", "ttl_ms: u64,", "::take_back("],
    );
    assert!(!tokens.contains("current"), "imports are not dispatched");
    assert!(dispatch::dispatch(&shop("gateway")).unwrap().is_empty());
}

#[test]
fn a_function_gets_a_key_source_exactly_if_it_imports_the_keys() {
    let tokens = |name| squeezed(bindings::function(&shop(name)).unwrap());
    assert!(tokens("inventory").contains("IdentityKeys"));
    assert!(tokens("gateway").contains("IdentityKeys"));
    assert!(!tokens("limits").contains("IdentityKeys"));
    assert!(!tokens("gateway").contains("Component"), "it exports no contract");
}

#[test]
fn a_function_has_the_routes_of_its_contracts_and_a_store_with_its_name() {
    let tokens = |name| squeezed(bindings::function(&shop(name)).unwrap());
    assert_contains(&tokens("cart"), &["SpinStore::open(\"cart\")", "rpc::router(dispatch)"]);
    assert!(!tokens("operations").contains("rpc::router"), "it exports no contract");
}

#[test]
fn a_function_gets_an_event_producer_exactly_if_it_imports_one() {
    let tokens = |name| squeezed(bindings::function(&shop(name)).unwrap());
    assert!(tokens("orders").contains("EventProducer"));
    assert!(!tokens("limits").contains("EventProducer"));
    for (name, module) in [("orders", ""), ("order-history", ""), ("events", "exports::")] {
        let event = format!("{module}tessera::events::producer::Event");
        let from = format!("From<{event}> for ::chassis::events::Event");
        let to = format!("From<::chassis::events::Event> for {event}");
        assert_contains(&tokens(name), &[&from, &to]);
    }
}

#[test]
fn a_function_without_exports_has_its_types_on_all_targets() {
    let tokens = squeezed(bindings::function(&shop("operations")).unwrap());
    let entry = "pub struct Entry { pub id: ::std::string::String,";
    assert_contains(&tokens, &["pub mod orders {", entry, "pub enum Status { Pending,"]);
    assert_contains(&tokens, &["pub type Money = shop::values::values::Money;"]);
}

#[test]
fn a_bridge_exports_what_the_function_exports_and_imports_nothing() {
    let tokens = bridge(&shop("identity")).unwrap().to_string();
    assert!(tokens.contains("export shop:identity/users@1.0.0;"), "{tokens}");
    assert!(tokens.contains("export shop:identity/keys@1.0.0;"));
    let tokens = bridge(&shop("catalog")).unwrap().to_string();
    assert!(tokens.contains("export shop:catalog/products@1.0.0;"));
    assert!(!tokens.contains("import shop:inventory"));
    let url = "\"http://catalog.spin.internal/rpc/products/get-many\"";
    assert_contains(&squeezed(tokens), &[&format!("\"catalog\", {url}, &arguments")]);
}

#[test]
fn a_lost_response_has_its_own_case_where_the_contract_has_one() {
    let case = |name: &str| {
        let contract = shop(name);
        let interface = contract.exports().unwrap()[0];
        let function = &contract.resolve.interfaces[interface].functions[0];
        let error = contract.result(function).unwrap().err;
        let failure = Failure::of(&contract, function, error.as_ref()).unwrap();
        (failure.not_sent.to_string(), failure.lost.to_string())
    };
    assert_eq!(case("payments"), ("Unavailable".to_owned(), "UnknownOutcome".to_owned()));
    assert_eq!(case("inventory"), ("Unavailable".to_owned(), "Unavailable".to_owned()));
}

#[test]
fn a_contract_that_can_not_say_unavailable_does_not_compile() {
    for error in [
        "variant error { not-found(string) }",
        "variant error { unavailable }",
        "variant error { unavailable(u32) }",
        "enum error { unavailable }",
        "type error = string;",
    ] {
        let interface = format!("{error} get: async func() -> result<u32, error>;");
        let root = workspace(&[("t", &package("t", &interface))]);
        let message = format!("{:#}", bridge(&read(&root, "t").unwrap()).unwrap_err());
        assert!(
            message
                .contains("`get` of `t` needs an error variant with a case `unavailable(string)`"),
            "{error}: {message}"
        );
    }
}

#[test]
fn a_function_without_a_result_does_not_compile() {
    for function in ["get: async func();", "get: async func() -> u32;"] {
        let root = workspace(&[("t", &package("t", function))]);
        let contract = read(&root, "t").unwrap();
        for message in [bridge(&contract).err(), dispatch::dispatch(&contract).err()] {
            let message = format!("{:#}", message.unwrap());
            assert!(message.contains("`get` must return a result<_, error>"), "{message}");
        }
    }
}

#[test]
fn contracts_carry_plain_data_only() {
    let interface = format!("{ERROR} resource r; get: async func(x: r) -> result<u32, error>;");
    let root = workspace(&[("t", &package("t", &interface))]);
    let message = format!("{:#}", bridge(&read(&root, "t").unwrap()).unwrap_err());
    assert!(message.contains("plain data only"), "{message}");
}
