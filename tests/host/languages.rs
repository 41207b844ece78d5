//! Components in other languages, linked to the shop's own: a catalog that the cart calls and that
//! calls inventory. The sources are in `tests/languages`.

use crate::support::eventually;
use harness::{Client, Host, HostBuilder, built_component, program, repository};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A language of `tests/languages`.
struct Language {
    /// Its folder.
    folder: &'static str,
    /// The programs that build it.
    programs: &'static [&'static str],
    /// The command, in its folder. It makes `catalog.wasm`.
    build: &'static [&'static str],
}

const PYTHON: Language = Language {
    folder: "python",
    programs: &["componentize-py"],
    build: &[
        "componentize-py",
        "--wit-path=../wit",
        "--world=shop:languages/catalog",
        "componentize",
        "app",
        "--output=catalog.wasm",
    ],
};

const JAVASCRIPT: Language = Language {
    folder: "javascript",
    programs: &["npm", "componentize-qjs"],
    build: &["npm", "run", "build"],
};

const TYPESCRIPT: Language = Language {
    folder: "typescript",
    programs: &["npm", "componentize-qjs", "tsc"],
    build: &["npm", "run", "build"],
};

#[tokio::test]
async fn a_catalog_in_python_is_called_and_calls() {
    scenario(&PYTHON).await;
}

#[tokio::test]
async fn a_catalog_in_javascript_is_called_and_calls() {
    scenario(&JAVASCRIPT).await;
}

#[tokio::test]
async fn a_catalog_in_typescript_is_called_and_calls() {
    scenario(&TYPESCRIPT).await;
}

async fn scenario(language: &Language) {
    if let Some(missing) = language.programs.iter().find(|name| program(name).is_none()) {
        let folder = language.folder;
        return skipped::because(&format!("{missing} is not installed (tests/languages/{folder})"));
    }
    let application = built(language);
    prices_follow_the_stock(&started(&application, std::convert::identity).await).await;
    let store = r#"key_value_stores = ["inventory"]"#;
    let without_store = |manifest: String| manifest.replace(store, "");
    errors_cross_both_links(&started(&application, without_store).await).await;
}

/// The cart gets products of the catalog, which has the stock from inventory.
async fn prices_follow_the_stock(host: &Host) {
    let visitor = host.client();
    let cart = new_cart(&visitor).await;
    let wanted = json!({"quantity": 2});
    let item = format!("{cart}/items/TEA-0001");
    let answer = visitor.put(&item, &wanted).await.expect(200).json();
    assert_eq!(answer["items"][0]["name"], "Sencha");
    assert_eq!(answer["items"][0]["price"], json!({"amount": 1250, "currency": "EUR"}));
    visitor.put(&format!("{cart}/items/NONE"), &wanted).await.expect(404);

    let stock = json!({"received": 100});
    admin(&visitor).await.put("/api/v1/inventory/TEA-0001", &stock).await.expect(200);
    let answer = visitor.get(&cart).await.expect(200).json();
    assert_eq!(answer["total"], json!({"amount": 2 * 1125, "currency": "EUR"}));

    for route in [
        r#"component="catalog",route="products.get-many",status="ok",caller="cart""#,
        r#"component="inventory",route="stock.available",status="ok",caller="catalog""#,
    ] {
        let series = format!("tessera_link_call_duration_seconds_count{{{route}}}");
        assert_eq!(host.metric(&series).await, Some(3), "{series}");
    }
}

/// Inventory can't open its store, and says so with the error of its contract; the catalog passes it
/// on with the error of its own.
async fn errors_cross_both_links(host: &Host) {
    let visitor = host.client();
    let item = format!("{}/items/TEA-0001", new_cart(&visitor).await);
    let problem = visitor.put(&item, &json!({"quantity": 2})).await.problem(503);
    assert_eq!(problem["detail"], "The catalog does not respond.");
    let reason = r#"Error::Unavailable("inventory: the store is unavailable"#;
    eventually(async || {
        host.log()
            .iter()
            .any(|line| line["message"].as_str().is_some_and(|text| text.contains(reason)))
            .then_some(())
    })
    .await;
}

/// The path of a new cart of a guest.
async fn new_cart(visitor: &Client) -> String {
    let cart = visitor.post("/api/v1/carts", &Value::Null).await.expect(201).json();
    format!("/api/v1/carts/{}", cart["id"].as_str().expect("an id"))
}

/// The administrator whom the manifest names.
async fn admin(visitor: &Client) -> Client {
    let credentials = json!({"email": "admin@example.com", "password": "correct horse battery"});
    let session = visitor.post("/api/v1/sessions", &credentials).await.expect(200).json();
    visitor.bearer(session["access_token"].as_str().expect("a token"))
}

async fn started(application: &Path, change: impl FnOnce(String) -> String) -> Host {
    let manifest = std::fs::read_to_string(application.join("spin.toml")).expect("the manifest");
    let target = functions().display().to_string();
    let manifest = change(manifest.replace("../../target/wasm32-wasip2/release", &target));
    let path = application.join("changed.toml");
    std::fs::write(&path, manifest).expect("the manifest is written");
    HostBuilder::new(path).start().await
}

/// The folder of the shop's components.
fn functions() -> PathBuf {
    let cart = built_component(Path::new("target/wasm32-wasip2/release/cart.wasm"));
    cart.parent().expect("a folder").to_owned()
}

/// A copy of the application below `target`, with the component in this language.
fn built(language: &Language) -> PathBuf {
    let functions = functions();
    let target = functions.ancestors().nth(2).expect("the folder of builds");
    let application = target.join("languages").join(language.folder);
    copy(&repository().join("tests/languages"), &application);
    let (program, arguments) = language.build.split_first().expect("a program");
    let folder = application.join(language.folder);
    let run = Command::new(program).args(arguments).current_dir(folder).output();
    let run = run.expect("the program starts");
    let output = [run.stdout, run.stderr].concat();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&output));
    let manifest = application.join("spin.toml");
    let text = std::fs::read_to_string(&manifest).expect("the manifest");
    let source = format!("source = \"{}/catalog.wasm\"", language.folder);
    let text = text.replace("source = \"python/catalog.wasm\"", &source);
    std::fs::write(manifest, text).expect("the manifest is written");
    application
}

/// Copies a folder, with the folders that links in it name.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let (from, to) = (from.join(&name), to.join(&name));
        if !from.is_dir() {
            std::fs::copy(&from, &to).expect("a file is copied");
        } else if name != "node_modules" {
            copy(&from, &to);
        }
    }
}
