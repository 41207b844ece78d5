//! The state of the host: permissions, and reports of damage.

use crate::support::{Application, Backend, application, assert_problem, event, eventually};
use crate::support::{publish, subscribed};
use bytes::Bytes;
use http::Method;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use tempfile::TempDir;

fn guest() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/outbound"
component = "asker"
[component.guest]
source = "$p3"
key_value_stores = ["ours"]
[component.asker]
source = "$p3"
allowed_outbound_hosts = ["http://guest.spin.internal"]
"#,
    )
}

/// The status that another component gets when it checks the guest's readiness.
async fn asked_by_another(host: &harness::Host) -> u16 {
    let path = "/outbound?url=http://guest.spin.internal/readyz";
    host.client().get(path).await.status.as_u16()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// Overwrites the second half of a file.
fn damage(path: &Path) {
    let pages = fs::metadata(path).expect("the file").len() / 4_096;
    let file = File::options().write(true).open(path).expect("the file");
    for page in pages / 2..pages {
        file.write_all_at(&[0xff; 4_096], page * 4_096).expect("it is overwritten");
    }
}

#[tokio::test]
async fn the_state_is_private_even_if_it_was_not_before() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    harness::share_compiled_code(&state);
    let mut host = guest().host().state(&state).start().await;
    let put = "/kv?store=ours&key=name";
    host.client().send(Method::PUT, put, None, Bytes::from("x")).await.expect(204);
    host.kill().await;
    let store = state.join("ours.db");
    for path in [&store, &state.join("ours.db-wal"), &state.join("admin-token")] {
        assert_eq!(mode(path), 0o600, "{}", path.display());
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(&state, Permissions::from_mode(0o755)).unwrap();
    let _host = guest().host().state(&state).start().await;
    assert_eq!(mode(&state), 0o700);
    for path in [&store, &state.join("ours.db-wal"), &state.join("admin-token")] {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_damaged_store_is_reported_and_read_only() {
    let folder = TempDir::new().unwrap();
    harness::share_compiled_code(folder.path());
    let mut host = guest().host().state(folder.path()).start().await;
    host.admin().get("/readyz").await.expect(200);
    assert_eq!(asked_by_another(&host).await, 200, "it answers for itself");
    for number in 0..300 {
        let path = format!("/kv?store=ours&key=key-{number}");
        let value = Bytes::from("x".repeat(1_000));
        host.client().send(Method::PUT, &path, None, value).await.expect(204);
    }
    host.terminate();
    host.wait().await;
    damage(&folder.path().join("ours.db"));

    let host = guest().host().state(folder.path()).start().await;
    let ready = host.admin().get("/readyz").await.expect(503);
    assert_eq!(ready.header("content-type"), "application/health+json");
    let notes = ready.json()["notes"].to_string();
    assert!(notes.contains("`ours` is damaged") && notes.contains("ours.db"), "{notes}");
    assert_eq!(asked_by_another(&host).await, 503, "the host answers for it");
    let line = host.log_line(|line| line["level"] == "ERROR").await;
    assert!(line["message"].as_str().unwrap().contains("restore"), "{line:?}");
    let path = "/kv?store=ours&key=key-0";
    let refused = host.client().send(Method::PUT, path, None, Bytes::from("y")).await;
    assert!(refused.status.is_server_error(), "{refused:?}");
    host.admin().get("/livez").await.expect(200);
}

#[tokio::test]
async fn a_damaged_event_log_prevents_the_start_and_is_named() {
    let folder = TempDir::new().unwrap();
    harness::share_compiled_code(folder.path());
    let backend = Backend::start().await;
    let app = subscribed(&backend, r#"{ types = ["nothing"], path = "$backend" }"#);
    let mut host = app.host().state(folder.path()).start().await;
    for part in 0..20 {
        let events: Vec<_> = (0..20).map(|n| event("a", &format!("a{part}-{n}"))).collect();
        publish(&host, &events).await;
    }
    host.terminate();
    host.wait().await;
    damage(&folder.path().join("events.db"));
    let texts = ["events.db", "is damaged", "backup", "move it"];
    app.host().state(folder.path()).assert_fails(&texts).await;
}

#[tokio::test]
async fn the_host_is_not_ready_before_it_stops() {
    let mut host = guest().host().argument("--drain-delay=3600").start().await;
    host.admin().get("/readyz").await.expect(200);
    host.terminate();
    eventually(async || {
        let answer = host.admin().get("/readyz").await;
        (answer.status == 503).then_some(())
    })
    .await;
    // It continues to serve until the delay is over.
    host.client().send(Method::PUT, "/kv?store=ours&key=a", None, Bytes::new()).await.expect(204);
    host.terminate();
    assert_eq!(host.wait().await.code(), Some(143));
}

#[tokio::test]
async fn other_methods_are_refused() {
    let host = guest().host().start().await;
    let answer = host.admin().send(Method::POST, "/readyz", None, Bytes::new()).await;
    assert_eq!(answer.status, 405);
    let anyone = harness::Client::new(&format!("http://{}", host.admin_address()));
    let unknown = anyone.send(Method::DELETE, "/dead-letters/1", None, Bytes::new()).await;
    assert_problem(&unknown, 401, "unauthorized");
}

#[tokio::test]
async fn each_run_has_a_unique_number_in_the_environment() {
    let folder = TempDir::new().unwrap();
    harness::share_compiled_code(folder.path());
    let app = guest();
    for run in ["1", "2", "3"] {
        let host = app.host().state(folder.path()).environment("TESSERA_INCARNATION", "99");
        let mut host = host.start().await;
        let number = host.client().get("/env?name=TESSERA_INCARNATION").await.expect(200).text();
        assert_eq!(number, run);
        host.kill().await;
    }
}
