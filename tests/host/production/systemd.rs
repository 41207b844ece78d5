//! The service of systemd, and what the host reports to it.

use super::{commands, stop_seconds, text};
use crate::support::{Application, application, eventually};
use harness::{program, tessera_binary};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const UNIT: &str = "deploy/systemd/tessera@.service";
/// Where the unit has the program.
const PROGRAM: &str = "/usr/local/bin/tessera";
/// The worst mark of `systemd-analyze security`, of 100; a service without any restriction has 96.
const EXPOSURE_MAX: &str = "20";
/// Longer than a start takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn setting(unit: &str, key: &str) -> String {
    let mut lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.next().unwrap_or_else(|| panic!("no {key}")).to_owned()
}

#[tokio::test]
async fn the_unit_starts_this_host_and_lets_it_stop() {
    let unit = text(UNIT);
    let command = setting(&unit, "ExecStart");
    let arguments: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
    assert_eq!(arguments[0], PROGRAM);
    commands::understands(&arguments[1..]).await;
    let timeout = setting(&unit, "TimeoutStopSec");
    let timeout: u64 = timeout.strip_suffix('s').and_then(|text| text.parse().ok()).expect("s");
    assert!(timeout > stop_seconds(&arguments), "{timeout} s");
    assert_eq!(setting(&unit, "Type"), "notify");
    assert_eq!(setting(&unit, "ExecReload"), "/bin/kill -HUP $MAINPID");
}

#[test]
fn systemd_accepts_the_unit_and_finds_little_exposed() {
    let Some(analyze) = program("systemd-analyze") else {
        skipped::because("systemd-analyze is not installed (Debian package systemd)");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let built = tessera_binary();
    let unit = text(UNIT).replace(PROGRAM, built.to_str().expect("a path in UTF-8"));
    let path = folder.path().join("tessera@.service");
    std::fs::write(&path, unit).expect("the unit");
    let verify = ["verify", "--man=no", "--recursive-errors=no"].as_slice();
    let security = ["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX];
    for arguments in [verify, &security] {
        let output = Command::new(&analyze).args(arguments).arg(&path).output().expect("it starts");
        let warnings = String::from_utf8_lossy(&output.stderr);
        let table = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && warnings.is_empty(), "{warnings}{table}");
    }
}

/// A socket that takes notifications, in a folder of its own.
fn supervisor() -> (tempfile::TempDir, PathBuf, UnixDatagram) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    (folder, path, socket)
}

fn received(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).expect("a notification");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn the_supervisor_learns_when_the_host_serves_and_when_it_stops() {
    let (_folder, path, socket) = supervisor();
    let app = application(Application::GUEST);
    let path = path.to_str().expect("a path in UTF-8");
    let mut host = app.host().environment("NOTIFY_SOCKET", path).start().await;
    let ready = received(&socket);
    assert!(ready.starts_with("READY=1\n") && ready.contains("Serving http://"), "{ready}");
    host.terminate();
    assert!(received(&socket).starts_with("STOPPING=1\n"));
    assert_eq!(host.wait().await.code(), Some(0));
}

#[tokio::test]
async fn a_host_serves_without_the_supervisor_that_it_can_not_notify() {
    let app = application(Application::GUEST);
    let host = app.host().environment("NOTIFY_SOCKET", "/no/such/socket").start().await;
    host.client().get("/").await.expect(200);
    let warned = |line: &serde_json::Value| line.to_string().contains("/no/such/socket");
    eventually(async || host.log().iter().any(warned).then_some(())).await;
}
