//! Version 1 means the same as what it is converted to by hand.

use std::path::Path;

use tessera_manifest::{App, Code, Errors, Version, parse, warnings};

const OLDER: &str = r#"
spin_version = "1"
name = "shop"
trigger = { type = "http" }
[variables]
host = { default = "a.example" }
[[component]]
id = "cart"
source = "cart.wasm"
files = ["static/*"]
allowed_http_hosts = ["a.example"]
key_value_stores = ["default"]
config = { url = "{{ host }}" }
[component.trigger]
route = "/cart/..."
executor = { type = "wagi" }
"#;

const NEWER: &str = r#"
spin_manifest_version = 2
application.name = "shop"
[variables]
host = { default = "a.example" }
[[trigger.http]]
id = "trigger-cart"
route = "/cart/..."
component = "cart"
executor = { type = "wagi" }
[component.cart]
source = "cart.wasm"
files = ["static/*"]
allowed_outbound_hosts = [
    "redis://*:*", "mysql://*:*", "postgres://*:*", "http://a.example", "https://a.example",
]
key_value_stores = ["default"]
variables = { url = "{{ host }}" }
"#;

fn read(text: &str) -> Result<App, Errors> {
    parse(Path::new("/app/spin.toml"), text)
}

/// The application, without the paths in the manifest.
fn meaning(text: &str) -> String {
    let mut app = read(text).unwrap();
    app.http.iter_mut().for_each(|trigger| trigger.written_at.clear());
    app.components.values_mut().for_each(|component| component.written_at.clear());
    format!("{app:#?}")
}

#[test]
fn both_versions_of_an_application_mean_the_same() {
    assert_eq!(meaning(OLDER), meaning(NEWER));
    assert_eq!(read(OLDER).unwrap().origin.version(), Version::One);
}

#[test]
fn the_permissions_that_version_1_implies_cause_no_warning() {
    assert_eq!(warnings(&read(OLDER).unwrap()), []);
}

#[test]
fn problems_point_into_the_text_of_version_1() {
    let text = OLDER.replace("{{ host }}", "{{ hots }}");
    let errors = read(&text).unwrap_err();
    let problem = &errors.problems()[0];
    assert_eq!(problem.code(), Code::UnknownVariable);
    assert_eq!(&text[problem.labels()[0].span.clone()], "\"{{ hots }}\"");
}
