//! Applications and components that are pushed to registries.

use crate::pulled::{PAIR, host};
use crate::support::oci::{Access, OciRegistry, PACKAGE, digest_of};
use crate::support::{Application, stock_application};
use harness::{Host, built_guest, tessera_binary};
use serde_json::{Value, json};
use servers::{DOCKER_REGISTRY, Server};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const PAGE: &str = "a page that is longer than what fits into the configuration of an application, \
                    which has room for one hundred and twenty-eight bytes only";
/// Longer than one request of an upload.
const LARGE_BYTES: usize = 17 << 20;

/// Two components, one of which has another one composed into it.
fn app() -> Application {
    let app = stock_application(
        r#"
description = "what it is"
authors = ["ann", "bob"]
[variables]
greeting = { default = "hello", description = "what is said" }
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
description = "the first"
files = [{ source = "static", destination = "/" }]
environment = { PLACE = "here" }
key_value_stores = ["default"]
allowed_outbound_hosts = ["http://caller.spin.internal"]
variables = { greeting = "{{ greeting }}" }
[[trigger.http]]
id = "calls"
route = { private = true }
component = "unused"
[component.unused]
source = "$p3"
[[trigger.http]]
route = "/echo"
component = "caller"
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = { component = "library" }
"tessera-test:links/fragile@1.0.0" = { component = "library" }
[component.library]
source = "$callee"
"#,
    );
    std::fs::create_dir(app.folder().join("static")).unwrap();
    app.with_file("static/page.txt", PAGE).with_file("static/short.txt", "short")
}

/// What an application answers.
async fn answers(host: &Host) -> Vec<String> {
    let mut answers = Vec::new();
    let paths = [
        "/file?path=/page.txt",
        "/file?path=/short.txt",
        "/variable?name=greeting",
        "/env?name=PLACE",
        "/echo",
    ];
    for path in paths {
        answers.push(host.client().get(path).await.expect(200).text());
    }
    answers
}

/// `tessera registry`, with the settings of a user.
fn command(user: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(tessera_binary());
    command
        .arg("registry")
        .args(arguments)
        .current_dir(user.path())
        .env("XDG_CONFIG_HOME", user.path())
        .env("DOCKER_CONFIG", user.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// Runs `tessera registry`. Returns its exit code and all that it has printed.
async fn run(user: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(user, arguments).output().await.expect("tessera starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Pushes an application. Returns the digest.
async fn push(user: &TempDir, app: &Application, reference: &str, more: &[&str]) -> String {
    let manifest = app.manifest();
    let first = ["push", reference, "-k", "-f", manifest.to_str().unwrap()];
    let (code, output) = run(user, &[&first[..], more].concat()).await;
    assert_eq!(code, Some(0), "{output}");
    let line = output.lines().find_map(|line| line.strip_prefix("Pushed with digest "));
    line.unwrap_or_else(|| panic!("{output}")).to_owned()
}

/// Fails with these texts in the message.
async fn refused(user: &TempDir, arguments: &[&str], texts: &[&str]) {
    let (code, output) = run(user, arguments).await;
    assert_eq!(code, Some(1), "{output}");
    for text in texts {
        assert!(output.contains(text), "{text}: {output}");
    }
}

#[tokio::test]
async fn a_pushed_application_answers_as_before_and_is_pushed_once() {
    let (registry, user, app) = (OciRegistry::start().await, TempDir::new().unwrap(), app());
    let before = answers(&app.host().start().await).await;
    let name = format!("{}/me/app", registry.name());
    let digest = push(&user, &app, &format!("{name}:v1"), &["--annotation", "a.b=c"]).await;
    let annotations = &registry.manifest("me/app", "v1")["annotations"];
    assert_eq!(annotations["a.b"], "c");
    assert_eq!(annotations["org.opencontainers.image.authors"], "ann, bob");
    assert_eq!(annotations["org.opencontainers.image.description"], "what it is");
    registry.writes();
    let again = push(&user, &app, &format!("{name}:v1"), &["--annotation", "a.b=c"]).await;
    assert_eq!(again, digest);
    assert_eq!(registry.writes(), ["PUT /v2/me/app/manifests/v1"]);
    let by_digest = format!("@{digest}");
    assert_eq!(answers(&host(&registry, &by_digest, &user).start().await).await, before);
    // Another manifest than the digest says.
    let wrong = digest_of(b"another");
    registry.copy("me/app", "v1", &wrong);
    let texts = [&*wrong, &*digest];
    host(&registry, &format!("@{wrong}"), &user).assert_fails(&texts).await;
}

#[tokio::test]
async fn what_is_pushed_has_the_format_of_spin() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    let name = format!("{}/me/app:v1", registry.name());
    push(&user, &app(), &name, &["--compose=false"]).await;
    let manifest = registry.manifest("me/app", "v1");
    let layers = manifest["layers"].as_array().unwrap();
    let of_type = |kind: &str| layers.iter().filter(|one| one["mediaType"] == kind).count();
    assert_eq!(of_type("application/vnd.wasm.content.layer.v1+wasm"), 3);
    assert_eq!(of_type("application/vnd.wasm.content.layer.v1+data"), 1);
    let locked = layers.last().unwrap();
    assert_eq!(locked["mediaType"], "application/vnd.fermyon.spin.application.v1+config");
    let config = registry.blob(manifest["config"]["digest"].as_str().unwrap());
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["config"]["Labels"]["com.fermyon.spin.lockedAppDigest"], locked["digest"]);
    let locked: Value =
        serde_json::from_slice(&registry.blob(locked["digest"].as_str().unwrap())).unwrap();
    let source = |guest: &str| {
        let digest = digest_of(&std::fs::read(built_guest(guest)).unwrap());
        json!({ "content_type": "application/wasm", "digest": digest })
    };
    let chaining = json!({ "local_service_chaining": "required" });
    let library = json!({ "source": source("guest_callee"), "export": null });
    let expected = json!({
        "spin_lock_version": 1,
        "must_understand": ["component_host_requirements"],
        "metadata": {
            "name": "test", "version": "1.0.0", "description": "what it is",
            "authors": ["ann", "bob"], "triggers": {}, "trigger": { "type": "http" },
        },
        "variables": { "greeting": { "default": "hello", "description": "what is said" } },
        "triggers": [
            { "id": "guest-http-trigger", "trigger_type": "http",
              "trigger_config": { "route": "/...", "component": "guest" } },
            { "id": "calls", "trigger_type": "http",
              "trigger_config": { "route": { "private": true }, "component": "unused" } },
            { "id": "caller-http-trigger", "trigger_type": "http",
              "trigger_config": { "route": "/echo", "component": "caller" } },
        ],
        "components": [
            { "id": "caller", "source": source("guest_caller"),
              "metadata": { "tessera": { "dependencies": {
                  "tessera-test:links/fragile@1.0.0": "library",
                  "tessera-test:links/values@1.0.0": "library",
              } } },
              "dependencies": {
                  "tessera-test:links/fragile@1.0.0": library,
                  "tessera-test:links/values@1.0.0": library,
              } },
            { "id": "guest", "source": source("guest_p3"), "host_requirements": chaining,
              "metadata": {
                  "description": "the first", "key_value_stores": ["default"],
                  "allowed_outbound_hosts": ["http://caller.spin.internal"],
              },
              "env": { "PLACE": "here" }, "config": { "greeting": "{{ greeting }}" },
              "files": [
                  { "path": "page.txt", "digest": digest_of(PAGE.as_bytes()) },
                  { "path": "short.txt", "digest": digest_of(b"short"), "inline": "c2hvcnQ" },
              ] },
            { "id": "library", "source": source("guest_callee") },
            { "id": "unused", "source": source("guest_p3") },
        ],
    });
    assert_eq!(locked, expected, "{locked:#}");
    // Links and settings of this host are kept.
    let linked = crate::links::linked("", "");
    push(&user, &linked, &name, &["--compose=false"]).await;
    let running = host(&registry, ":v1", &user).start().await;
    running.client().get("/echo").await.expect(200);
    let labels = r#"component="callee",route="values.echo",status="ok",caller="caller""#;
    let series = format!("tessera_link_call_duration_seconds_count{{{labels}}}");
    assert!(running.metric(&series).await.is_some_and(|calls| calls > 0));
}

#[tokio::test]
async fn a_real_registry_takes_what_is_pushed() {
    let Some(server) = Server::start(&DOCKER_REGISTRY).await else { return };
    let (user, app) = (TempDir::new().unwrap(), app());
    let app = app.with_file("static/large.bin", vec![0; LARGE_BYTES]);
    let name = format!("localhost:{}/me/app", server.address().port());
    push(&user, &app, &format!("{name}:layers"), &[]).await;
    let mut archived = command(&user, &["push", &format!("{name}:archive"), "-k", "-f"]);
    archived.arg(app.manifest()).env("SPIN_OCI_ARCHIVE_LAYERS", "1");
    assert!(archived.status().await.unwrap().success());
    let before = answers(&app.host().start().await).await;
    for tag in ["layers", "archive"] {
        let user = TempDir::new().unwrap();
        let reference = format!("{name}:{tag}");
        let cache = user.path().join("cache");
        let arguments = ["pull", &reference, "-k", "--cache-dir", cache.to_str().unwrap()];
        let (code, output) = run(&user, &arguments).await;
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains("Successfully pulled"), "{output}");
        let host = harness::HostBuilder::new(reference).argument("-k").argument("--cache-dir");
        assert_eq!(answers(&host.argument(cache).start().await).await, before, "{tag}");
    }
}

#[tokio::test]
async fn a_single_component_is_pushed_as_a_package() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    let name = format!("{}/me/app:1.0.0", registry.name());
    let guest = built_guest("guest_p3");
    let arguments = ["push", &name, "-k", "-f", guest.to_str().unwrap()];
    let (code, output) = run(&user, &arguments).await;
    assert_eq!(code, Some(0), "{output}");
    let manifest = registry.manifest("me/app", "1.0.0");
    assert_eq!(manifest["config"]["mediaType"], PACKAGE);
    let layer = &manifest["layers"][0];
    assert_eq!(layer["digest"], digest_of(&std::fs::read(&guest).unwrap()));
    assert_eq!(layer["mediaType"], "application/wasm");
    let config = registry.blob(manifest["config"]["digest"].as_str().unwrap());
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["layerDigests"], json!([layer["digest"]]));
    let exports = config["component"]["exports"].as_array().unwrap();
    assert!(exports.contains(&json!("wasi:http/handler@0.3.0")), "{config}");
    host(&registry, ":1.0.0", &user).start().await.client().get("/count").await.expect(200);
}

#[tokio::test]
async fn credentials_are_checked_kept_and_removed() {
    let (registry, user, app) = (OciRegistry::start().await, TempDir::new().unwrap(), app());
    let (server, name) = (registry.name(), format!("{}/me/app:v1", registry.name()));
    registry.restrict(Access::Token(PAIR));
    let manifest = app.manifest();
    let push_it = ["push", &name, "-k", "-f", manifest.to_str().unwrap()];
    let advice = format!("tessera registry login {server}");
    refused(&user, &push_it, &[&name, "refuses access", &advice]).await;
    let wrong = ["login", &server, "-k", "-u", "user", "-p", "wrong"];
    refused(&user, &wrong, &["refuses access", "check the name and the password"]).await;
    let file = user.path().join("fermyon/registry-auth.json");
    assert!(!file.exists());
    let mut login = command(&user, &["login", &server, "-k", "-u", "user", "--password-stdin"]);
    let mut login = login.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    login.stdin.take().unwrap().write_all(b"password\n").await.unwrap();
    let output = login.wait_with_output().await.unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output, format!("Successfully logged in as user to registry {server}\n"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(kept, json!({ "auths": { &server: PAIR } }));
    push(&user, &app, &name, &[]).await;
    registry.restrict(Access::Basic(PAIR));
    push(&user, &app, &name, &[]).await;
    let (code, output) = run(&user, &["logout", &server]).await;
    assert_eq!(code, Some(0), "{output}");
    refused(&user, &push_it, &["refuses access"]).await;
    refused(&user, &["logout", &server], &["there are no credentials"]).await;
    let asked = ["login", &server, "-k", "-u", "user"];
    refused(&user, &asked, &["no terminal", "--password-stdin"]).await;
}

#[tokio::test]
async fn what_can_not_be_pushed_is_reported() {
    let (registry, user, app) = (OciRegistry::start().await, TempDir::new().unwrap(), app());
    let name = format!("{}/me/app:v1", registry.name());
    let manifest = app.manifest();
    let from = ["-k", "-f", manifest.to_str().unwrap()];
    let push_to = |name| [&["push", name], &from[..]].concat();
    refused(&user, &push_to("No Name"), &["`No Name` is not the name", "registry/name:tag"]).await;
    let fixed = format!("{}/me/app@{}", registry.name(), digest_of(b""));
    refused(&user, &push_to(&fixed), &["has a digest", "write a tag"]).await;
    registry.confuse();
    refused(&user, &push_to(&name), &["has stored", &digest_of(b"other")]).await;
    std::fs::remove_dir_all(app.folder().join("static")).unwrap();
    refused(&user, &push_to(&name), &["the component `guest`", "static"]).await;
    drop(registry);
    refused(&user, &push_to(&name), &["static"]).await;
    let guest = built_guest("guest_p3");
    let component = ["push", &name, "-k", "-f", guest.to_str().unwrap()];
    refused(&user, &component, &["there is no connection", "the name of the registry"]).await;
}
