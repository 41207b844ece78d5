//! What components print: in the log, and in files.

use crate::support::{Application, application};
use harness::Host;
use std::fs;

/// Two components that print at `/log`. The second one is only called by the first.
fn two_guests() -> Application {
    application(&format!(
        "{}allowed_outbound_hosts = [\"http://other.spin.internal\"]\n\
         [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"other\"\n\
         [component.other]\nsource = \"$p3\"\n",
        Application::GUEST
    ))
}

/// Both components print, the first one last.
async fn print(host: &Host) {
    let other = "/outbound?url=http://other.spin.internal/log";
    host.client().get(other).await.expect(200);
    host.client().get("/log").await.expect(200);
}

fn is_output(line: &serde_json::Value, component: &str) -> bool {
    line["target"] == "tessera::guest" && line["component"] == component
}

fn has_output(host: &Host, component: &str) -> bool {
    host.log().iter().any(|line| is_output(line, component))
}

#[tokio::test]
async fn the_output_of_chosen_components_is_in_the_log() {
    let host = two_guests().host().argument("--follow").argument("guest").start().await;
    print(&host).await;
    host.log_line(|line| is_output(line, "guest")).await;
    assert!(!has_output(&host, "other"));
}

#[tokio::test]
async fn a_quiet_host_logs_no_output_of_components() {
    for flag in ["--quiet", "-q", "--shush"] {
        let host = two_guests().host().argument(flag).start().await;
        print(&host).await;
        host.client().get("/trap").await.expect(500);
        host.log_line(|line| line["blame"] == "guest").await;
        assert!(!has_output(&host, "guest") && !has_output(&host, "other"));
    }
    let both = two_guests().host().argument("-q").argument("--follow").argument("guest");
    let (status, text) = both.fail().await;
    assert_eq!(status.code(), Some(2), "{text}");
}

#[tokio::test]
async fn output_is_also_kept_in_files_as_it_was_printed() {
    let app = two_guests();
    let logs = app.folder().join("logs/of components");
    let host = || app.host().argument("-L").argument(&logs);
    let read = |name: &str| fs::read_to_string(logs.join(name)).unwrap();
    let printed = "an ordinary line\n";
    let quiet = host().argument("--quiet").start().await;
    print(&quiet).await;
    assert_eq!(read("guest_stdout.txt"), printed);
    assert_eq!(read("other_stdout.txt"), printed);
    assert!(read("guest_stderr.txt").contains("\u{1b}[31mcolour\u{1b}[0m\rand"));
    drop(quiet);
    print(&host().start().await).await;
    assert_eq!(read("guest_stdout.txt"), printed.repeat(2));
    print(&host().argument("--truncate-logs").start().await).await;
    assert_eq!(read("guest_stdout.txt"), printed);
}

#[tokio::test]
async fn the_directory_of_files_can_be_configured_and_an_empty_value_means_none() {
    let app = two_guests().with_file("runtime.toml", "log_dir = \"logs\"\n");
    // As in Spin, from the working directory.
    let file = app.folder().join("runtime.toml");
    let host = || app.host().folder(app.folder()).argument("--runtime-config-file").argument(&file);
    let path = app.folder().join("logs/guest_stdout.txt");
    print(&host().environment("SPIN_LOG_DIR", "").start().await).await;
    assert!(!path.exists());
    print(&host().start().await).await;
    assert_eq!(fs::read_to_string(&path).unwrap(), "an ordinary line\n");
}
