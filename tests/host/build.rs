//! `tessera build`.

use crate::support::{Process, application, eventually, tessera};
use std::process::Stdio;

fn manifest(builds: &str) -> String {
    format!("[[trigger.http]]\nroute = \"/...\"\ncomponent = \"one\"\n{builds}")
}

#[tokio::test]
async fn a_failed_command_is_reported_with_its_output_and_exit_code() {
    let app = application(&manifest(
        "[component.one]\nsource = \"one.wasm\"\n[component.one.build]\n\
         command = \"echo to stdout; echo to stderr >&2; exit 3\"\n",
    ));
    let (code, text) = tessera(&["build", "-f", app.manifest().to_str().unwrap()]).await;
    assert_eq!(code, Some(1), "{text}");
    for word in ["to stdout\nto stderr", "the build of one failed", "exit status: 3", "exit 3"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[tokio::test]
async fn a_failed_command_is_reported_with_its_folder() {
    let app = application(&manifest(
        "[component.one]\nsource = \"one.wasm\"\nbuild = { command = \"exit 3\" }\n",
    ));
    let output = tokio::process::Command::new(harness::tessera_binary())
        .arg("build")
        .current_dir(app.folder())
        .stdin(Stdio::null())
        .output();
    let text = String::from_utf8(output.await.expect("tessera starts").stderr).unwrap();
    assert!(text.contains("`exit 3` in .\n"), "{text}");
}

/// Whether a process runs that is not a child of this one.
fn runs(pid: &str) -> bool {
    // A process in state Z has ended.
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

#[tokio::test]
async fn a_signal_ends_the_commands_and_their_children() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let app = application(&manifest(
            "[component.one]\nsource = \"one.wasm\"\n[component.one.build]\n\
             command = \"sleep 1000 & echo $! > child.new; mv child.new child; wait\"\n",
        ));
        let manifest = app.manifest();
        let process = Process::start(&["build", "-f", manifest.to_str().unwrap()]);
        let file = app.folder().join("child");
        eventually(async || file.exists().then_some(())).await;
        let child = std::fs::read_to_string(&file).unwrap();
        assert!(runs(child.trim()));
        process.signal(signal);
        let (ended, text) = process.end().await;
        assert_eq!(ended, Some(code), "{text}");
        eventually(async || (!runs(child.trim())).then_some(())).await;
    }
}

#[tokio::test]
async fn commands_run_in_their_folders_and_duplicates_run_once() {
    let app = application(&manifest(
        "[component]\none.source = \"one.wasm\"\ntwo.source = \"two.wasm\"\n\
         three.source = \"three.wasm\"\n\
         one.build = { command = \"echo run >> runs\" }\n\
         two.build = { command = \"echo run >> runs\" }\n\
         three.build = { command = \"pwd > where\", workdir = \"sub\" }\n",
    ));
    std::fs::create_dir(app.folder().join("sub")).unwrap();
    let (code, text) = tessera(&["build", "-f", app.manifest().to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{text}");
    let read = |name: &str| std::fs::read_to_string(app.folder().join(name)).unwrap();
    assert_eq!(read("runs"), "run\n");
    assert!(read("sub/where").trim_end().ends_with("/sub"), "{}", read("sub/where"));
}

#[tokio::test]
async fn a_component_without_a_build_command_is_skipped() {
    let app = application(&manifest("[component.one]\nsource = \"$p3\"\n"));
    let (code, text) = tessera(&["build", "-f", app.manifest().to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{text}");
}

#[tokio::test]
async fn a_single_component_can_be_built_by_its_id() {
    let app = application(&manifest(
        "[component]\none.source = \"one.wasm\"\ntwo.source = \"two.wasm\"\n\
         one.build = { command = \"touch one\" }\ntwo.build = { command = \"touch two\" }\n",
    ));
    let manifest = app.manifest();
    let manifest = manifest.to_str().unwrap();
    let (code, text) = tessera(&["build", "-f", manifest, "--component-id", "two"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(app.folder().join("two").exists() && !app.folder().join("one").exists());
    let (code, text) = tessera(&["build", "-f", manifest, "--component-id", "three"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("`three`") && text.contains("one, two"), "{text}");
}

#[tokio::test]
async fn up_with_build_starts_the_built_component() {
    let guest = harness::built_guest("guest_p3");
    let app = application(&manifest(&format!(
        "[component.one]\nsource = \"one.wasm\"\n[component.one.build]\n\
         command = \"cp {} one.wasm\"\n",
        guest.display()
    )));
    let host = app.host().argument("--build").start().await;
    host.client().get("/").await.expect(200);
}
