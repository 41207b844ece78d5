//! The page about compatibility with Spin says of each interface whether the linker has it.

use super::add_to_linker;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine};

const PAGE: &str = include_str!("../../../../docs/reference/spin-compatibility.md");

#[test]
fn the_compatibility_page_matches_the_linker() {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config).unwrap();
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker).unwrap();
    let is_linked = |interface: &str| {
        let importer = format!("(component (import \"{interface}\" (instance)))");
        linker.instantiate_pre(&Component::new(&engine, importer).unwrap()).is_ok()
    };
    let claims = claims(PAGE);
    assert!(claims.len() > 20, "only {} interfaces were found", claims.len());
    for (interface, is_offered) in claims {
        assert_eq!(is_linked(&interface), is_offered, "{interface}");
    }
}

/// The interfaces of the page with a full version, and whether it says that they are offered.
fn claims(page: &str) -> Vec<(String, bool)> {
    let (_, section) = page.split_once("## Interfaces").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.filter_map(|row| row.split_once(" | "));
    rows.flat_map(|(names, is_offered)| {
        let is_offered = is_offered.starts_with("yes");
        interfaces(names).into_iter().map(move |name| (name, is_offered))
    })
    .collect()
}

/// The interfaces of a cell: names in backticks, each followed by its versions and, for a package
/// with several interfaces, by these.
fn interfaces(cell: &str) -> Vec<String> {
    let mut packages = Vec::<(&str, Vec<&str>, Vec<&str>)>::new();
    for (index, part) in cell.split('`').enumerate() {
        match packages.last_mut() {
            _ if index % 2 == 1 && part.contains(':') => {
                packages.push((part, Vec::new(), Vec::new()));
            }
            Some((_, _, interfaces)) if index % 2 == 1 => interfaces.push(part),
            Some((_, versions, _)) => {
                versions.extend(part.split([' ', ',', ':']).filter(is_version))
            }
            None => {}
        }
    }
    let full = packages.into_iter().flat_map(|(package, versions, mut interfaces)| {
        let names: Vec<String> = match package.split_once(':') {
            _ if package.contains('/') => vec![package.to_owned()],
            Some((_, main)) => {
                if interfaces.is_empty() {
                    interfaces.push(main);
                }
                interfaces.into_iter().map(|name| format!("{package}/{name}")).collect()
            }
            None => Vec::new(),
        };
        versions.into_iter().flat_map(move |version| {
            names.clone().into_iter().map(move |name| format!("{name}@{version}"))
        })
    });
    full.collect()
}

/// Three numbers and perhaps a suffix.
fn is_version(word: &&str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.split('.').count() == 3
}

#[test]
fn a_cell_names_interfaces_with_their_versions() {
    assert_eq!(
        interfaces("`wasi:keyvalue` 0.2.0-draft2: `store`, `batch`"),
        ["wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/batch@0.2.0-draft2"]
    );
    assert_eq!(
        interfaces("`spin:sqlite` 3.0.0 and 3.1.0, `fermyon:spin/sqlite` 2.0.0"),
        ["spin:sqlite/sqlite@3.0.0", "spin:sqlite/sqlite@3.1.0", "fermyon:spin/sqlite@2.0.0"]
    );
    assert!(interfaces("`wasi:http` 0.2 and 0.3, outbound").is_empty());
}
