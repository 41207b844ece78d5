//! `tessera watch`.

use crate::rollouts::{Load, version};
use crate::support::{Application, Process, application, eventually};
use harness::{Host, LogLine, fixed_address};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Two components. The build of one of them copies the version that its source names.
fn app() -> Application {
    let app = application(
        r#"
[[trigger.http]]
route = "/..."
component = "shop"
[[trigger.http]]
route = "/count"
component = "neighbor"
[component.shop]
source = "out/shop.wasm"
[component.shop.build]
command = """
name=$(cat name); test $name != endless || { sleep 1000 & echo $! > pid; wait; }
cp ../versions/$name.wasm ../out/new && mv ../out/new ../out/shop.wasm"""
workdir = "source"
watch = ["na*"]
[component.neighbor]
source = "$p3"
[component.neighbor.build]
command = "echo built >> neighbor.log"
watch = ["neighbor/**/*.rs"]
"#,
    );
    for folder in ["source", "out", "versions", "neighbor"] {
        fs::create_dir(app.folder().join(folder)).unwrap();
    }
    for word in ["first", "second", "third"] {
        fs::write(app.folder().join(format!("versions/{word}.wasm")), version(word)).unwrap();
    }
    fs::write(app.folder().join("versions/text.wasm"), "no component").unwrap();
    edit(&app, "first");
    app
}

/// Replaces the source by renaming, as editors do.
fn edit(app: &Application, word: &str) {
    let source = app.folder().join("source");
    fs::write(source.join(".name.tmp"), word).unwrap();
    fs::rename(source.join(".name.tmp"), source.join("name")).unwrap();
}

fn append(path: &Path, text: &str) {
    let old = fs::read_to_string(path).unwrap();
    fs::write(path, format!("{old}{text}")).unwrap();
}

async fn serves(host: &Host, word: &str) {
    let client = host.client();
    eventually(async || (client.get("/").await.expect(200).text() == word).then_some(())).await;
}

/// Whether a line of the log has this level and all of these texts.
fn says<'a>(level: &'a str, texts: &'a [&str]) -> impl Fn(&LogLine) -> bool + 'a {
    move |line| {
        let message = line["message"].as_str().unwrap_or_default();
        line["level"] == level && texts.iter().all(|text| message.contains(text))
    }
}

#[tokio::test]
async fn what_is_edited_is_served_and_what_fails_leaves_the_old_code() {
    let app = app();
    let host = app.host().watch(&["--debounce", "10"]).start().await;
    assert_eq!(host.client().get("/count").await.expect(200).text(), "1");
    serves(&host, "first").await;
    let load = Load::begin(&host);

    edit(&app, "second");
    serves(&host, "second").await;
    host.log_line(says("INFO", &["shop: built in ", " s, deployed in ", " s"])).await;
    // The host keeps its own files from other users, and not what is built.
    let mode = |name: &str| fs::metadata(app.folder().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("out/shop.wasm"), mode("versions/second.wasm"));

    edit(&app, "missing");
    let failed = ["missing.wasm", "the build of shop failed", "shop stays as it is"];
    host.log_line(says("ERROR", &failed)).await;
    serves(&host, "second").await;

    edit(&app, "text");
    let refused = ["shop is refused and stays as it is", "not a WebAssembly component"];
    host.log_line(says("ERROR", &refused)).await;
    serves(&host, "second").await;

    // A build that does not end is canceled by the next change.
    edit(&app, "endless");
    let pid = app.folder().join("source/pid");
    eventually(async || pid.exists().then_some(())).await;
    edit(&app, "third");
    serves(&host, "third").await;
    host.log_line(says("INFO", &["the build is canceled"])).await;

    // Code that comes from elsewhere.
    fs::write(app.folder().join("out/new"), version("other")).unwrap();
    fs::rename(app.folder().join("out/new"), app.folder().join("out/shop.wasm")).unwrap();
    serves(&host, "other").await;

    let answers = load.end().await;
    let failed: Vec<_> = answers.iter().filter(|(status, _)| *status != 200).collect();
    assert!(!answers.is_empty() && failed.is_empty(), "{failed:?}");
    // The other component was built once, at the start, and its instance is the same.
    assert_eq!(fs::read_to_string(app.folder().join("neighbor.log")).unwrap(), "built\n");
    assert_eq!(host.client().get("/count").await.expect(200).text(), "2");
}

#[tokio::test]
async fn a_change_of_the_manifest_restarts_the_application_if_it_is_valid() {
    let app = app();
    // The same address after the restart.
    let host = app.host().listen(fixed_address()).watch(&["--debounce", "10"]).start().await;
    serves(&host, "first").await;
    let manifest = app.manifest();
    let valid = fs::read_to_string(&manifest).unwrap();
    append(&manifest, "[[trigger.http]]\nroute = \"/more\"\ncomponent = \"absent\"\n");
    host.log_line(says("ERROR", &["absent", "goes on with the manifest before"])).await;
    serves(&host, "first").await;
    // The same text as before is no change.
    fs::write(&manifest, &valid).unwrap();
    fs::create_dir(app.folder().join("neighbor/deep")).unwrap();
    fs::write(app.folder().join("neighbor/deep/new.rs"), "").unwrap();
    host.log_line(says("INFO", &["neighbor: built in", "the code is the same"])).await;
    append(&manifest, "[[trigger.http]]\nroute = \"/more\"\ncomponent = \"neighbor\"\n");
    host.log_line(says("INFO", &["spin.toml has changed: the application restarts"])).await;
    let client = host.client();
    eventually(async || {
        let answer = client.try_send(http::Method::GET, "/more", None, Default::default()).await;
        answer.is_ok_and(|answer| answer.status == 200 && answer.text() != "first").then_some(())
    })
    .await;
    // It is the same process, and goes on watching.
    edit(&app, "second");
    serves(&host, "second").await;
}

#[tokio::test]
async fn a_signal_ends_the_application_and_a_build_in_progress() {
    let app = app();
    let mut host = app.host().watch(&["--debounce", "10"]).start().await;
    edit(&app, "endless");
    let pid = app.folder().join("source/pid");
    eventually(async || {
        let text = fs::read_to_string(&pid).ok()?;
        text.ends_with('\n').then_some(())
    })
    .await;
    let child = fs::read_to_string(&pid).unwrap().trim().to_owned();
    host.interrupt();
    assert!(host.wait().await.success(), "{:#?}", host.log());
    let runs = || {
        fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    };
    eventually(async || (!runs()).then_some(())).await;
}

/// Begins to watch an application whose start fails.
fn begin(app: &Application) -> Process {
    let (manifest, state) = (app.manifest(), app.folder().join("state"));
    harness::share_compiled_code(&state);
    let arguments = ["watch", "-f", manifest.to_str().unwrap(), "--debounce", "10", "--"];
    let up = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--state-dir"];
    let state = state.to_str().unwrap();
    Process::start(&[&arguments[..], &up[..], &[state]].concat())
}

#[tokio::test]
async fn what_a_failed_build_has_written_is_no_reason_to_build_again() {
    let app = app();
    let manifest = app.manifest();
    let text = fs::read_to_string(&manifest).unwrap();
    let command = "echo built >> neighbor.log";
    // It notes whether there was an edit.
    let noted = "echo built $(ls neighbor | grep -c by_hand) >> neighbor.log";
    let failing = format!("{noted}; echo >> neighbor/made.rs; exit 1");
    fs::write(&manifest, text.replace(command, &failing)).unwrap();
    let mut process = begin(&app);
    process.line("started again when a file changes").await;
    let builds = || fs::read_to_string(app.folder().join("neighbor.log")).unwrap();
    fs::write(app.folder().join("neighbor/by_hand.rs"), "").unwrap();
    process.line("started again when a file changes").await;
    assert_eq!(builds(), "built 0\nbuilt 1\n");
    process.signal(libc::SIGTERM);
    process.end().await;
}

#[tokio::test]
async fn a_start_that_fails_is_repeated_when_a_file_changes() {
    let app = app();
    edit(&app, "missing");
    let manifest = app.manifest();
    let mut process = begin(&app);
    process.line("the build of shop failed").await;
    process.line("started again when a file changes").await;
    append(&manifest, "[[trigger.http]]\nroute = \"/more\"\ncomponent = \"absent\"\n");
    process.line("absent").await;
    process.line("started again when a file changes").await;
    let text = fs::read_to_string(&manifest).unwrap();
    edit(&app, "first");
    fs::write(&manifest, text.replace("\"absent\"", "\"neighbor\"")).unwrap();
    process.line("is ready after").await;
    process.signal(libc::SIGTERM);
    let (code, text) = process.end().await;
    assert_eq!(code, Some(0), "{text}");
}

#[tokio::test]
async fn without_builds_only_new_code_is_deployed() {
    let app = app();
    let out = app.folder().join("out/shop.wasm");
    fs::write(&out, version("ready")).unwrap();
    let host = app.host().watch(&["--skip-build", "-d", "10"]).start().await;
    serves(&host, "ready").await;
    edit(&app, "second");
    fs::write(&out, version("newer")).unwrap();
    serves(&host, "newer").await;
    assert!(!app.folder().join("neighbor.log").exists());
}
