//! What keeps the host from starting, and what it says then. And what makes it start fast.

use crate::support::{Application, application, unwrapped};
use harness::HostBuilder;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use tempfile::TempDir;
use tokio::net::TcpListener;

fn guest() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
key_value_stores = ["default"]
"#,
    )
}

/// The host ends with a failure and says all of this.
async fn assert_fails(host: HostBuilder, words: &[&str]) {
    let (status, text) = host.fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    let text = unwrapped(&text);
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    assert_fails(
        guest().host().listen(address),
        &[&address.to_string(), "another process listens there"],
    )
    .await;
}

#[tokio::test]
async fn an_admin_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let app = guest();
    let manifest = app.manifest();
    let manifest = manifest.to_str().unwrap();
    let (code, text) = crate::support::tessera(&[
        "up",
        "-f",
        manifest,
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        &address,
    ])
    .await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&address) && text.contains("--admin-listen"), "{text}");
}

#[tokio::test]
async fn a_state_directory_that_is_a_file_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    std::fs::write(&path, "not a folder").unwrap();
    assert_fails(guest().host().state(&path), &[path.to_str().unwrap()]).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a folder");
}

#[tokio::test]
async fn a_state_directory_below_a_file_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let path = folder.path().join("file/state");
    assert_fails(guest().host().state(&path), &[path.to_str().unwrap()]).await;
}

#[tokio::test]
async fn folders_may_be_relative() {
    let app = guest();
    // Tests run in the folder of their package.
    let host = app.host().argument("--cache-dir").argument("../target/relative-cache");
    host.start().await.client().get("/").await.expect(200);
}

#[tokio::test]
async fn a_state_directory_belongs_to_one_process() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let app = guest();
    let first = app.host().state(&state).start().await;
    assert_fails(app.host().state(&state), &[state.to_str().unwrap(), "in use by process"]).await;
    first.client().get("/").await.expect(200);
}

#[tokio::test]
async fn a_state_directory_is_free_again_after_a_kill() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let app = guest();
    let mut first = app.host().state(&state).start().await;
    first.kill().await;
    app.host().state(&state).start().await.client().get("/").await.expect(200);
}

#[tokio::test]
async fn files_for_tls_that_do_not_fit_are_named() {
    let pem = || {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    };
    let ((certificate, key), (_, other_key)) = (pem(), pem());
    let app = guest()
        .with_file("cert.pem", certificate)
        .with_file("key.pem", key)
        .with_file("other.pem", other_key)
        .with_file("empty.pem", "");
    let host = |cert: &str, key: &str| {
        let path = |name: &str| app.folder().join(name).into_os_string();
        let host = app.host().argument("--tls-cert").argument(path(cert));
        host.argument("--tls-key").argument(path(key))
    };
    assert_fails(host("none.pem", "key.pem"), &["--tls-cert", "none.pem"]).await;
    assert_fails(host("empty.pem", "key.pem"), &["--tls-cert", "no certificate"]).await;
    assert_fails(host("cert.pem", "empty.pem"), &["--tls-key", "no private key"]).await;
    assert_fails(host("cert.pem", "other.pem"), &["do not fit together"]).await;
    let alone = app.host().argument("--tls-cert").argument(app.folder().join("cert.pem"));
    let (status, text) = alone.fail().await;
    assert_eq!(status.code(), Some(2), "{text}");
    assert!(text.contains("--tls-key"), "{text}");
}

/// An application of one component, made from this WebAssembly text.
fn made_of(text: &str) -> Application {
    application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"guest.wasm\"\n",
    )
    .with_file("guest.wasm", wat::parse_str(text).expect("WebAssembly text"))
}

#[tokio::test]
async fn a_core_module_is_no_component_and_gets_the_way_to_one() {
    let words = ["guest.wasm", "core WebAssembly module", "--target wasm32-wasip2"];
    assert_fails(made_of("(module)").host(), &words).await;
}

#[tokio::test]
async fn a_file_that_is_no_webassembly_is_named() {
    let app = made_of("(component)").with_file("guest.wasm", "this is no code");
    assert_fails(app.host(), &["guest.wasm", "not a component"]).await;
}

#[tokio::test]
async fn a_component_that_serves_no_http_can_have_no_route() {
    let words = ["`guest`", "wasi:http/handler@0.3", "wasi:http/incoming-handler@0.2"];
    assert_fails(made_of("(component)").host(), &words).await;
}

#[tokio::test]
async fn an_import_that_nobody_provides_is_named_with_the_line_to_add() {
    let app =
        made_of(r#"(component (import "acme:things/stuff@1.2.0" (instance (export "f" (func)))))"#);
    let words = [
        "`guest`",
        "acme:things/stuff@1.2.0",
        "[component.guest.dependencies]",
        "\"acme:things/stuff@1.2.0\" = { component = ",
    ];
    assert_fails(app.host(), &words).await;
}

/// Compiled code in a state directory: a file that is made anew is another one.
fn compiled(state: &Path) -> BTreeSet<(String, u64)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![state.join("cache")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert((path.display().to_string(), entry.metadata().unwrap().ino()));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_second_start_compiles_nothing() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let app = guest();
    let mut host = app.host().state(&state).start().await;
    host.client().get("/").await.expect(200);
    host.terminate();
    host.wait().await;
    let first = compiled(&state);
    assert_eq!(first.len(), 1, "{first:?}");
    let host = app.host().state(&state).start().await;
    host.client().get("/").await.expect(200);
    assert_eq!(compiled(&state), first);
}
