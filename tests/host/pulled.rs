//! Applications in registries.

use crate::support::oci::{Access, OciRegistry, digest_of};
use crate::support::{Process, tessera};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use harness::{HostBuilder, built_guest};
use serde_json::{Value, json};
use std::io::Write as _;
use tempfile::TempDir;

const WASM: &str = "application/vnd.wasm.content.layer.v1+wasm";
const DATA: &str = "application/vnd.wasm.content.layer.v1+data";
const ARCHIVE: &str = "application/vnd.wasm.content.bundle.v1.tar+gzip";
/// `user:password`
pub(crate) const PAIR: &str = "dXNlcjpwYXNzd29yZA==";
const PAGE: &str = "a page of the application";
/// `short`
const INLINE: &str = "c2hvcnQ";

fn code() -> Bytes {
    std::fs::read(built_guest("guest_p3")).unwrap().into()
}

/// The configuration of an application with two files, one of which is in it.
fn locked() -> Value {
    json!({
        "spin_lock_version": 0,
        "metadata": { "name": "pulled", "triggers": { "http": {} }, "trigger": { "type": "http" } },
        "variables": { "greeting": { "default": "hello" } },
        "triggers": [{
            "id": "trigger-guest",
            "trigger_type": "http",
            "trigger_config": { "route": "/...", "component": "guest" },
        }],
        "components": [{
            "id": "guest",
            "metadata": { "key_value_stores": ["default"] },
            "source": { "content_type": "application/wasm", "digest": digest_of(&code()) },
            "env": { "PLACE": "here" },
            "config": { "greeting": "{{ greeting }}" },
            "files": [
                { "path": "static/page.txt", "digest": digest_of(PAGE.as_bytes()) },
                { "path": "short.txt", "digest": digest_of(b"short"), "inline": INLINE },
            ],
        }],
    })
}

/// The host of an application, with the settings and the cache of a user.
pub(crate) fn host(registry: &OciRegistry, tag: &str, user: &TempDir) -> HostBuilder {
    let folder = user.path().to_str().unwrap();
    HostBuilder::new(format!("{}/me/app{tag}", registry.name()))
        .argument("--insecure")
        .argument("--cache-dir")
        .argument(user.path().join("cache"))
        .environment("XDG_CONFIG_HOME", folder)
        .environment("DOCKER_CONFIG", folder)
}

fn downloads(user: &TempDir) -> usize {
    std::fs::read_dir(user.path().join("cache/downloads")).unwrap().count()
}

async fn has_files(host: HostBuilder) {
    let host = host.start().await;
    for (path, expected) in [("static/page.txt", PAGE), ("short.txt", "short")] {
        let path = format!("/file?path=/{path}");
        assert_eq!(host.client().get(&path).await.expect(200).text(), expected);
    }
}

#[tokio::test]
async fn an_application_runs_as_it_was_pushed_and_is_pulled_once() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    registry.push("me/app", "v1", &locked(), &[(WASM, code()), (DATA, PAGE.into())]);
    let running = host(&registry, ":v1", &user).start().await;
    let client = running.client();
    assert_eq!(client.get("/variable?name=greeting").await.expect(200).text(), "hello");
    assert_eq!(client.get("/env?name=PLACE").await.expect(200).text(), "here");
    let info = client.get("/.well-known/spin/info").await.expect(200).json();
    assert_eq!(info["name"], "pulled");
    drop(running);
    has_files(host(&registry, ":v1", &user)).await;
    let blobs = registry.requests().into_iter().filter(|path| path.contains("/blobs/")).count();
    assert_eq!(blobs, 3);
    // The last one that was pulled is used.
    let again = host(&registry, ":v1", &user);
    drop(registry);
    has_files(again).await;
}

#[tokio::test]
async fn a_tag_that_has_moved_is_pulled_again() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    for name in ["first", "second"] {
        let mut locked = locked();
        locked["variables"]["greeting"]["default"] = name.into();
        registry.push("me/app", "latest", &locked, &[(WASM, code()), (DATA, PAGE.into())]);
        let running = host(&registry, "", &user).start().await;
        let greeting = running.client().get("/variable?name=greeting").await.expect(200);
        assert_eq!(greeting.text(), name);
    }
}

/// An archive with one file.
fn archive(name: &str, content: &str) -> Bytes {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[156] = b'0';
    let mut tar = header.to_vec();
    tar.extend(content.as_bytes());
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&tar).unwrap();
    packed.finish().unwrap().into()
}

#[tokio::test]
async fn files_may_be_in_an_archive() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    let archive = archive("./static/page.txt", PAGE);
    registry.push("me/app", "v1", &locked(), &[(WASM, code()), (ARCHIVE, archive)]);
    has_files(host(&registry, ":v1", &user)).await;
}

#[tokio::test]
async fn a_package_with_one_component_serves_all_requests() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    registry.publish("me/app", "1.0.0", code());
    let running = host(&registry, ":1.0.0", &user).start().await;
    running.client().get("/count").await.expect(200);
}

#[tokio::test]
async fn damaged_and_missing_content_is_refused() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    let page = digest_of(PAGE.as_bytes());
    registry.push("me/app", "v1", &locked(), &[(WASM, code())]);
    host(&registry, ":v1", &user).assert_fails(&["me/app:v1", &page, "does not have"]).await;
    registry.push("me/app", "v2", &locked(), &[(WASM, code()), (DATA, PAGE.into())]);
    registry.damage(&page);
    let before = downloads(&user);
    let texts = ["me/app:v2", &digest_of(b"damaged"), &page];
    host(&registry, ":v2", &user).assert_fails(&texts).await;
    assert_eq!(downloads(&user), before);
}

#[tokio::test]
async fn files_outside_of_their_folder_are_refused() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    for path in ["../page.txt", "/page.txt", "a/../../page.txt"] {
        let mut locked = locked();
        locked["components"][0]["files"][0]["path"] = path.into();
        registry.push("me/app", "v1", &locked, &[(WASM, code()), (DATA, PAGE.into())]);
        let texts = [&format!("`{path}`"), "leads out"];
        host(&registry, ":v1", &user).assert_fails(&texts).await;
    }
}

#[tokio::test]
async fn what_is_not_there_or_not_an_application_is_reported() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    host(&registry, ":v1", &user).assert_fails(&["me/app:v1", "404", "its tag"]).await;
    registry.push("me/app", "v1", &json!({}), &[]);
    host(&registry, ":v1", &user).assert_fails(&["not one of Spin"]).await;
    let unknown = host(&registry, ":v2", &user);
    drop(registry);
    unknown.assert_fails(&["there is no connection", "the name of the registry"]).await;
    let run = tessera(&["up", "--from-registry", "Not a name"]).await;
    assert_eq!(run.0, Some(1), "{}", run.1);
    assert!(run.1.contains("`Not a name` is not the name"), "{}", run.1);
}

#[tokio::test]
async fn credentials_are_those_of_spin() {
    let (registry, user) = (OciRegistry::start().await, TempDir::new().unwrap());
    registry.push("me/app", "v1", &locked(), &[(WASM, code()), (DATA, PAGE.into())]);
    registry.restrict(Access::Token(PAIR));
    let login = format!("spin registry login {}", registry.name());
    host(&registry, ":v1", &user).assert_fails(&["refuses access", &login]).await;
    let path = user.path().join("fermyon/registry-auth.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let auths = json!({ "auths": { registry.name(): PAIR } });
    std::fs::write(&path, auths.to_string()).unwrap();
    has_files(host(&registry, ":v1", &user)).await;
}

#[tokio::test]
async fn state_is_kept_in_the_working_directory() {
    let registry = OciRegistry::start().await;
    registry.push("me/app", "v1", &locked(), &[(WASM, code()), (DATA, PAGE.into())]);
    let reference = format!("{}/me/app:v1", registry.name());
    let folder = TempDir::new().unwrap();
    let addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let arguments = [&["up", "--from-registry", &reference, "-k"], &addresses[..]].concat();
    let mut process = Process::start_in(folder.path(), &arguments);
    process.line("listening").await;
    let kept = |path: &str| folder.path().join(".tessera").join(path).exists();
    assert!(kept("cache/downloads") && kept("admin-token"));
}
