//! `tessera new` and `tessera add`.

use crate::support::eventually;
use harness::{Host, HostBuilder, build_folder, repository, share_compiled_code, tessera_binary};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::Command;

/// Runs a command in a folder to its end. Returns whether it succeeds, and its output.
async fn run(program: &Path, folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        // All dependencies of templates are also dependencies of this repository.
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = output.await.expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

async fn tessera(folder: &Path, arguments: &[&str]) -> (bool, String) {
    run(&tessera_binary(), folder, arguments).await
}

async fn done(folder: &Path, arguments: &[&str]) -> String {
    let (is_done, text) = tessera(folder, arguments).await;
    assert!(is_done, "{arguments:?}: {text}");
    text
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An empty folder. It has the same path in each run, so that cargo can use what it has built
/// before.
fn work() -> PathBuf {
    let work = build_folder().with_file_name("projects");
    if work.exists() {
        fs::remove_dir_all(&work).expect("the folder of an earlier run is removed");
    }
    fs::create_dir_all(&work).expect("a folder");
    work
}

/// The application of all templates.
async fn project(work: &Path) -> PathBuf {
    let text = done(work, &["new", "application", "first-shop"]).await;
    assert!(text.contains("cd first-shop") && text.contains("tessera up --build"), "{text}");
    let folder = work.join("first-shop");
    let manifest = read(&folder.join("spin.toml"));
    for arguments in [
        ["add", "http", "hello", "-a"].as_slice(),
        &["add", "contract", "words"],
        &["add", "subscriber", "audit", "--value", "types=com.example.orders.*"],
        &["add", "schedule", "tick", "--value", "every-ms=3600000"],
    ] {
        done(&folder, arguments).await;
    }
    let extended = read(&folder.join("spin.toml"));
    assert!(extended.starts_with(&manifest), "the rest is unchanged:\n{extended}");
    fs::create_dir_all(build_folder()).expect("a folder to build to");
    std::os::unix::fs::symlink(build_folder(), folder.join("target")).expect("a link");
    fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a copy");
    folder
}

#[tokio::test]
async fn an_application_of_all_templates_builds_passes_its_tests_and_works() {
    let folder = project(&work()).await;
    let (is_done, text) = run(Path::new("cargo"), &folder, &["test", "--workspace"]).await;
    assert!(is_done && text.contains("test result: ok. 2 passed"), "{text}");
    assert!(!text.contains("warning"), "{text}");
    let state = folder.join(".tessera");
    share_compiled_code(&state);
    let host = HostBuilder::new(folder.join("spin.toml")).state(&state).argument("--build");
    let host = host.start().await;
    assert!(host.log().iter().all(|line| line["level"] != "WARN"), "{:#?}", host.log());
    application_works(&host).await;
    components_work(&host).await;
}

/// What the template `application` has made.
async fn application_works(host: &Host) {
    let client = host.client();
    let order = json!({ "product": "espresso-cup", "quantity": 2 });
    // The contract knows the price.
    let placed = client.put("/orders/1", &order).await.expect(200).json();
    assert_eq!(placed["total_cents"], 2_500);
    assert_eq!(client.get("/orders/1").await.expect(200).json(), placed);
    client.put("/orders/1", &order).await.expect(200);
    client.put("/orders/1", &json!({ "product": "saucer", "quantity": 1 })).await.expect(409);
    client.put("/orders/2", &json!({ "product": "teapot", "quantity": 1 })).await.expect(422);
    client.put("/orders/2", &json!({ "product": "saucer", "quantity": 0 })).await.expect(422);
    client.get("/orders/2").await.expect(404);
    client.get("/events").await.expect(404);
    let statistics = async || client.get("/statistics").await.expect(200).text();
    eventually(async || (statistics().await == "1 orders, 25.00 euros\n").then_some(())).await;
}

/// What the other templates have added.
async fn components_work(host: &Host) {
    let client = host.client();
    assert_eq!(client.get("/hello/Ada").await.expect(200).text(), "Hello, Ada!\n");
    let words = async |text: &'static str| {
        client.send(http::Method::POST, "/words", None, text.into()).await
    };
    assert_eq!(words("one two three").await.expect(200).text(), "3 words\n");
    words(" ").await.expect(422);
    let audit = async || client.get("/audit").await.expect(200).text();
    let seen = "com.example.orders.order.placed.v1 1\n";
    eventually(async || (audit().await == seen).then_some(())).await;
    let runs = async || client.get("/tick").await.expect(200).text();
    eventually(async || (runs().await == "1 runs\n").then_some(())).await;
    eventually(async || {
        let schedules = host.admin().get("/schedules").await.expect(200).json();
        let tick = &schedules["schedules"][0];
        (tick["component"] == "tick" && tick["succeeded"] == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn templates_are_listed() {
    let folder = TempDir::new().unwrap();
    let text = done(folder.path(), &["new"]).await;
    for template in ["http", "contract", "subscriber", "schedule", "application"] {
        assert!(text.lines().any(|line| line.starts_with(template)), "{template}: {text}");
    }
    let text = done(folder.path(), &["add"]).await;
    assert!(text.contains("every-ms") && !text.contains("application"), "{text}");
}

#[tokio::test]
async fn what_spin_writes_is_understood() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    done(here, &["new", "-t", "http-rust", "hello", "--accept-defaults", "-o", "here"]).await;
    assert!(read(&here.join("here/spin.toml")).contains("route = \"/...\""));
    assert!(here.join("here/.gitignore").exists());
    let other = here.join("other");
    fs::create_dir_all(other.join(".git")).unwrap();
    done(&other, &["new", "--init", "--no-vcs", "--template", "http", "hello"]).await;
    assert!(other.join("components/hello/src/lib.rs").exists());
    assert!(!other.join(".gitignore").exists());
    done(here, &["add", "-t", "schedule", "tick", "--file", "other/spin.toml"]).await;
    assert!(read(&other.join("spin.toml")).contains("[component.tick]"));
}

#[tokio::test]
async fn a_component_without_a_workspace_is_built_on_its_own() {
    let folder = TempDir::new().unwrap();
    let manifest = "spin_manifest_version = 2\napplication.name = \"Mixed App\"\n\n\
        [[trigger.http]]\nroute = \"/...\"\ncomponent = \"py\"\n\
        [component.py] # Python\nsource = \"app.wasm\"\n# The end.\n";
    fs::write(folder.path().join("spin.toml"), manifest).unwrap();
    done(folder.path(), &["add", "contract", "words"]).await;
    let extended = read(&folder.path().join("spin.toml"));
    assert!(extended.starts_with(manifest), "{extended}");
    let source = "\"components/words/target/wasm32-wasip2/release/words.wasm\"";
    assert!(extended.contains(source), "{extended}");
    assert!(extended.contains("--manifest-path components/words-caller/Cargo.toml"), "{extended}");
    let caller = folder.path().join("components/words-caller");
    assert!(read(&caller.join("Cargo.toml")).ends_with("\n[workspace]\n"));
    let contract = read(&folder.path().join("wit/words/words.wit"));
    assert!(contract.contains("package mixed-app:words@1.0.0;"), "{contract}");
}

#[tokio::test]
async fn what_can_not_be_made_has_a_reason_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    done(here, &["new", "http", "app"]).await;
    let manifest = here.join("app/spin.toml");
    let before = read(&manifest);
    fs::create_dir_all(here.join("app/components/taken/src")).unwrap();
    fs::write(here.join("app/components/taken/src/lib.rs"), "mine").unwrap();
    fs::write(here.join("file"), "mine").unwrap();
    fs::write(here.join("broken.toml"), "spin_manifest_version = 2\n[application]\n").unwrap();
    fs::write(
        here.join("v1.toml"),
        "spin_version = \"1\"\nname = \"v\"\ntrigger = { type = \
        \"http\" }\n[[component]]\nid = \"a\"\nsource = \"a.wasm\"\ntrigger.route = \"/\"\n",
    )
    .unwrap();
    let file = ["--file", "app"];
    for (arguments, reason) in [
        (["new", "http", "../evil"].as_slice(), "`../evil` can't be a name"),
        (&["new", "http", "Shop"], "must start with a letter from a to z"),
        (&["new", "http", "match"], "reserved"),
        (&["new", "http", ""], "it is empty"),
        (&["new", "http"], "the name is missing: `tessera new http NAME`"),
        (&["new", "htpp", "shop"], "no template `htpp`; there are http, contract"),
        (&["new", "shop"], "no template `shop`"),
        (&["new", "-t", "http", "http", "shop"], "named twice"),
        (&["new", "http", "app"], "the folder app is not empty"),
        (&["new", "http", "shop", "-o", "file"], "file can't be the folder"),
        (&["new", "http", "shop", "-v", "rout=/"], "no value `rout`; it has route"),
        (&["new", "http", "shop", "-v", "route=shop"], "must start with a slash"),
        (&["new", "schedule", "shop", "-v", "every-ms=0"], "every_ms"),
        (&["add", "http", "cart"], "there is no manifest at spin.toml"),
        (&["add", "http", "cart", "--file", "broken.toml"], "name"),
        (&["add", "http", "cart", "--file", "v1.toml"], "version 1 of the format"),
        (&["add", "application", "cart", file[0], file[1]], "a whole application"),
        (&["add", "http", "app", file[0], file[1]], "component `app` already"),
        (&["add", "http", "taken", file[0], file[1]], "exists already"),
    ] {
        let (is_done, text) = tessera(here, arguments).await;
        let plain = harness::unwrapped(&text);
        assert!(!is_done && plain.contains(reason), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    }
    assert_eq!(read(&manifest), before);
    assert_eq!(read(&here.join("app/components/taken/src/lib.rs")), "mine");
    let mut left: Vec<_> =
        fs::read_dir(here).unwrap().map(|one| one.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["app", "broken.toml", "file", "v1.toml"]);
    assert_eq!(fs::read_dir(here.join("app/components")).unwrap().count(), 2);
}
