//! `tessera doctor`.

use crate::support::{Application, application, tessera};
use std::net::SocketAddr;
use tokio::net::TcpListener;

fn guest(source: &str) -> Application {
    application(&format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"{source}\"\n"
    ))
}

/// An address that is in use until the listener is dropped.
async fn taken_address() -> (TcpListener, String) {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = taken.local_addr().unwrap();
    (taken, address.to_string())
}

async fn doctor(app: &Application, listen: &str) -> (Option<i32>, String) {
    let manifest = app.manifest();
    let arguments = ["doctor", "-f", manifest.to_str().unwrap(), "--listen", listen];
    tessera(&[&arguments[..], &["--admin-listen", "127.0.0.1:0"]].concat()).await
}

#[tokio::test]
async fn an_application_without_problems_passes() {
    let (code, text) = doctor(&guest("$p3"), "127.0.0.1:0").await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("0 failed") && !text.contains("FAIL "), "{text}");
    for looked_at in ["cargo", "wasm32-wasip2", "manifest of test", "1 built components"] {
        assert!(text.contains(looked_at), "{looked_at:?} is not in {text}");
    }
}

#[tokio::test]
async fn each_problem_comes_with_a_fix() {
    let (_taken, address) = taken_address().await;
    let (code, text) = doctor(&guest("no/such.wasm"), &address).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("2 failed"), "{text}");
    assert!(text.contains(&format!("FAIL   application address {address}")), "{text}");
    assert!(text.contains("choose another address"), "{text}");
    assert!(text.contains("no/such.wasm"), "{text}");
}

#[tokio::test]
async fn a_missing_component_is_reported_with_its_build_command() {
    let app = guest("no/such.wasm\"\nbuild = { command = \"make it\" }\ndescription = \"x");
    let (code, text) = doctor(&app, "127.0.0.1:0").await;
    assert_eq!(code, Some(1), "{text}");
    for word in ["no/such.wasm", "tessera build", "make it"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[tokio::test]
async fn faults_of_the_manifest_are_reported_with_their_lines() {
    let app = guest("$p3\"\ncolor = \"red");
    let (code, text) = doctor(&app, "127.0.0.1:0").await;
    assert_eq!(code, Some(1), "{text}");
    let place = format!("spin.toml:{}:", app.line_of("color"));
    assert!(text.contains(&place) && text.contains("FAIL   manifest"), "{text}");
}

#[tokio::test]
async fn a_published_secret_is_a_problem_on_a_reachable_address() {
    let app = application(
        r#"
tool.tessera.secret_defaults = "loopback-only"
[variables]
password = { default = "published", secret = true }
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
"#,
    );
    for (listen, expected) in [("127.0.0.1:0", 0), ("0.0.0.0:0", 1)] {
        let (code, text) = doctor(&app, listen).await;
        assert_eq!(code, Some(expected), "{listen}: {text}");
        assert_eq!(text.contains("--variable password=…"), expected == 1, "{listen}: {text}");
    }
}
