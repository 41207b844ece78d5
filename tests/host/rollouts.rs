//! New revisions of components of a running host.

use crate::support::{Application, application, eventually};
use harness::{Client, Host, built_guest, tessera_binary};
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::process::Command;
use tokio::task::JoinSet;

/// Clients that send one request after the other.
const CLIENTS: usize = 8;

pub(crate) fn app() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "shop"
[[trigger.http]]
route = "/count"
component = "neighbor"
[component.shop]
source = "shop.wasm"
[component.neighbor]
source = "$p3"
"#,
    )
    .with_file("shop.wasm", version("stable"))
}

/// The guest with this word.
pub(crate) fn version(word: &str) -> Vec<u8> {
    let mut code = std::fs::read(built_guest("guest_versioned")).expect("the guest");
    let marker = b"version=stable          ";
    let at = code.windows(marker.len()).position(|window| window == marker).expect("the marker");
    let word = format!("version={word:16}");
    code[at..at + marker.len()].copy_from_slice(word.as_bytes());
    code
}

/// The file of a version, for the command line.
fn file(app: &Application, word: &str) -> PathBuf {
    let path = app.folder().join(format!("{word}.wasm"));
    std::fs::write(&path, version(word)).expect("the file is written");
    path
}

/// The command line, for a host.
pub(crate) fn command(host: &Host, verb: &str) -> Command {
    let mut command = Command::new(tessera_binary());
    command.args([verb, "--admin-url"]).arg(format!("http://{}", host.admin_address()));
    command.arg("--admin-token-file").arg(host.state().join("admin-token"));
    command.args(verb_has_author(verb)).kill_on_drop(true);
    command
}

fn verb_has_author(verb: &str) -> &'static [&'static str] {
    match verb {
        "status" | "history" => &[],
        _ => &["--by", "ann"],
    }
}

/// Runs a command to its end. Returns all that it has printed.
pub(crate) async fn run(command: &mut Command) -> (ExitStatus, String) {
    let output = command.output().await.expect("tessera runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&text).into_owned())
}

async fn deploy(host: &Host, app: &Application, word: &str, more: &[&str]) -> (ExitStatus, String) {
    let mut command = command(host, "deploy");
    command.arg("shop").arg("--from").arg(file(app, word)).args(more);
    run(&mut command).await
}

/// A canary with short steps.
const CANARY: &[&str] = &["--canary", "20,50", "--every", "100ms", "--calls-min", "200"];

/// The version that answers now.
pub(crate) async fn served(host: &Host) -> String {
    host.client().get("/").await.expect(200).text()
}

/// The component, as operators see it.
async fn shown(host: &Host) -> Value {
    let all = host.admin().get("/revisions").await.expect(200).json();
    let all = all["components"].as_array().expect("components").clone();
    all.into_iter().find(|one| one["id"] == "shop").expect("the component")
}

/// Clients that send requests until they are asked for what came back.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Vec<(u16, String)>>,
}

impl Load {
    pub(crate) fn begin(host: &Host) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (client, stop) = (host.client(), stop.clone());
            clients.spawn(async move {
                let mut answers = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.get("/").await;
                    answers.push((answer.status.as_u16(), answer.text()));
                }
                answers
            });
        }
        Self { stop, clients }
    }

    pub(crate) async fn end(self) -> Vec<(u16, String)> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

#[tokio::test]
async fn new_code_is_deployed_under_load_without_a_failed_request() {
    let app = app();
    let host = app.host().start().await;
    assert_eq!(host.client().get("/count").await.expect(200).text(), "1");
    let load = Load::begin(&host);
    for word in ["one", "two", "three"] {
        let (exit, output) = deploy(&host, &app, word, &[]).await;
        assert!(exit.success() && output.contains("promoted"), "{output}");
        assert_eq!(served(&host).await, word);
    }
    let answers = load.end().await;
    let failed: Vec<_> = answers.iter().filter(|(status, _)| *status != 200).collect();
    assert!(failed.is_empty(), "{failed:?}");
    // The instance of the other component is the same.
    assert_eq!(host.client().get("/count").await.expect(200).text(), "2");
}

#[tokio::test]
async fn an_earlier_revision_is_taken_back() {
    let app = app();
    let host = app.host().start().await;
    deploy(&host, &app, "next", &[]).await;
    assert_eq!(served(&host).await, "next");
    let (exit, output) = run(command(&host, "rollback").arg("shop")).await;
    assert!(exit.success(), "{output}");
    assert_eq!(served(&host).await, "stable");
    let (_, history) = run(command(&host, "history").arg("shop")).await;
    for words in ["deployed by ann", "promoted", "rolled back by ann"] {
        assert!(history.contains(words), "{history}");
    }
}

#[tokio::test]
async fn a_good_canary_is_promoted() {
    let app = app();
    let host = app.host().start().await;
    let load = Load::begin(&host);
    let (exit, output) = deploy(&host, &app, "good", CANARY).await;
    assert!(exit.success() && output.contains("gets 50 % of the calls"), "{output}");
    assert_eq!(served(&host).await, "good");
    let answers = load.end().await;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    assert!(answers.iter().any(|(_, version)| version == "stable"));
}

#[tokio::test]
async fn a_canary_that_is_worse_is_rolled_back_by_itself() {
    // On a busy machine, the latency of any two revisions may differ.
    let any_latency = ["--latency-ratio-max", "1000"].as_slice();
    for (word, more, reason) in [
        ("failing", any_latency, "% of its calls fail"),
        ("slow", &[], "of its latency is"),
        ("leaking", any_latency, "MiB of memory"),
    ] {
        let app = app();
        let host = app.host().start().await;
        let load = Load::begin(&host);
        let steps = ["--canary", "20", "--every", "1h", "--calls-min", "200"];
        let (exit, output) = deploy(&host, &app, word, &[&steps, more].concat()).await;
        assert_eq!(exit.code(), Some(1), "{output}");
        assert!(output.contains("rolled back") && output.contains(reason), "{output}");
        assert_eq!(served(&host).await, "stable");
        let answers = load.end().await;
        let failed = answers.iter().filter(|(status, _)| *status != 200);
        assert!(
            failed.clone().all(|(_, version)| version == "failing"),
            "{:?}",
            failed.collect::<Vec<_>>()
        );
        assert_eq!(shown(&host).await["rollout"], Value::Null);
    }
}

#[tokio::test]
async fn requests_of_one_user_stay_with_one_revision() {
    let app = app();
    let host = app.host().start().await;
    let way = ["--canary", "50", "--every", "1h", "--detach", "--sticky", "cookie:user"];
    let (exit, output) =
        deploy(&host, &app, "next", &[&way[..], &["--match", "x-beta:yes"]].concat()).await;
    assert!(exit.success(), "{output}");
    eventually(async || (shown(&host).await["rollout"]["share_percent"] == 50).then_some(())).await;
    let version = async |client: Client| client.get("/").await.expect(200).text();
    let mut versions = Vec::new();
    for user in 0..20 {
        let client = || host.client().with("cookie", &format!("a=b; user={user}"));
        let first = version(client()).await;
        for _ in 0..5 {
            assert_eq!(version(client()).await, first);
        }
        versions.push(first);
    }
    assert!(versions.contains(&"next".to_owned()) && versions.contains(&"stable".to_owned()));
    for _ in 0..10 {
        assert_eq!(version(host.client().with("x-beta", "yes")).await, "next");
    }
}

#[tokio::test]
async fn a_blue_green_deployment_waits_for_its_promotion() {
    let app = app();
    let host = app.host().start().await;
    let (exit, output) = deploy(&host, &app, "next", &["--blue-green"]).await;
    assert!(exit.success() && output.contains("tessera promote shop"), "{output}");
    assert_eq!(served(&host).await, "stable");
    let (exit, output) = deploy(&host, &app, "other", &[]).await;
    assert!(!exit.success() && output.contains("in progress"), "{output}");
    let (exit, output) = run(command(&host, "promote").arg("shop")).await;
    assert!(exit.success(), "{output}");
    assert_eq!(served(&host).await, "next");
}

#[tokio::test]
async fn code_that_breaks_a_caller_is_refused() {
    let app = application(
        r#"
[[trigger.http]]
route = "/..."
component = "caller"
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = { component = "callee-bridge" }
"tessera-test:links/fragile@1.0.0" = { component = "callee-bridge" }
[component.callee]
source = "$callee"
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
"#,
    );
    let host = app.host().start().await;
    let mut command = command(&host, "deploy");
    command.arg("callee").arg("--from").arg(built_guest("guest_p3"));
    let (exit, output) = run(&mut command).await;
    assert_eq!(exit.code(), Some(1), "{output}");
    assert!(output.contains("`caller` would break") && output.contains("links/"), "{output}");
    let answer = host.client().get("/refuse").await.expect(502).text();
    assert!(answer.contains("not today"), "{answer}");
}

#[tokio::test]
async fn what_can_not_be_deployed_has_a_reason_and_changes_nothing() {
    let app = app().with_file("text.wasm", "no component");
    let host = app.host().start().await;
    let text = app.folder().join("text.wasm");
    let text = text.to_str().expect("a path in UTF-8");
    for (arguments, reason) in [
        (["shop", "--from", text].as_slice(), "not a WebAssembly component"),
        (&["nothing", "--from", text], "no component `nothing`"),
        (&["shop", "--from", "missing.wasm"], "can't be read"),
        (&["shop", "--revision", "0123"], "deploy its file again"),
        (&["shop", "--from", text, "--canary", "50,5"], "must grow"),
        (&["shop", "--from", text, "--canary", "50", "--every", "5"], "with a unit"),
        (&["shop"], "spin.toml"),
    ] {
        let (exit, output) = run(command(&host, "deploy").current_dir("/").args(arguments)).await;
        assert!(!exit.success() && output.contains(reason), "{arguments:?}: {output}");
    }
    for verb in ["promote", "rollback"] {
        let (exit, output) = run(command(&host, verb).arg("shop")).await;
        assert!(!exit.success() && output.contains("there is no"), "{verb}: {output}");
    }
    assert_eq!(served(&host).await, "stable");
}

#[tokio::test]
async fn changes_need_the_token() {
    let app = app();
    let host = app.host().start().await;
    let stranger = Client::new(&format!("http://{}", host.admin_address()));
    for path in ["revisions", "promote", "rollback"] {
        stranger.post(&format!("/components/shop/{path}"), &Value::Null).await.problem(401);
    }
}

#[tokio::test]
async fn revisions_and_rollouts_survive_a_crash() {
    let app = app();
    let state = app.folder().join("state");
    let mut host = app.host().state(&state).start().await;
    deploy(&host, &app, "first", &[]).await;
    host.kill().await;
    let mut host = app.host().state(&state).start().await;
    assert_eq!(served(&host).await, "first");
    let way = ["--canary", "50", "--every", "1h", "--detach"];
    deploy(&host, &app, "second", &way).await;
    eventually(async || (shown(&host).await["rollout"]["share_percent"] == 50).then_some(())).await;
    host.kill().await;
    let host = app.host().state(&state).start().await;
    eventually(async || (shown(&host).await["rollout"]["share_percent"] == 50).then_some(())).await;
    let (exit, output) = run(command(&host, "rollback").arg("shop")).await;
    assert!(exit.success(), "{output}");
    assert_eq!(served(&host).await, "first");
    // What was stable before the crash can be taken back, too.
    let (exit, output) = run(command(&host, "rollback").arg("shop")).await;
    assert!(exit.success(), "{output}");
    eventually(async || (served(&host).await == "stable").then_some(())).await;
}

#[tokio::test]
async fn a_build_that_replaced_the_file_of_the_manifest_is_a_candidate_until_it_is_promoted() {
    let app = app();
    let state = app.folder().join("state");
    let mut host = app.host().state(&state).start().await;
    let app = app.with_file("shop.wasm", version("rebuilt"));
    let mut deploy = command(&host, "deploy");
    deploy.arg("shop").arg("-f").arg(app.manifest());
    let (exit, output) = run(deploy.args(["--canary", "50", "--every", "1h", "--detach"])).await;
    assert!(exit.success(), "{output}");
    eventually(async || (shown(&host).await["rollout"]["share_percent"] == 50).then_some(())).await;
    host.kill().await;
    let mut host = app.host().state(&state).start().await;
    eventually(async || (shown(&host).await["rollout"]["share_percent"] == 50).then_some(())).await;
    run(command(&host, "rollback").arg("shop")).await;
    assert_eq!(served(&host).await, "stable");
    host.kill().await;
    let host = app.host().state(&state).start().await;
    assert_eq!(served(&host).await, "stable");
}

#[tokio::test]
async fn a_change_of_another_revision_than_the_one_that_is_meant_is_refused() {
    let app = app();
    let host = app.host().start().await;
    deploy(&host, &app, "one", &[]).await;
    let one = shown(&host).await["stable"].as_str().unwrap().to_owned();
    let path = format!("/components/shop/rollback?of={one}");
    host.admin().post(&path, &Value::Null).await.expect(200);
    // Sent again, it would bring the revision back.
    let problem = host.admin().post(&path, &Value::Null).await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("tessera status"), "{problem}");
    assert_eq!(served(&host).await, "stable");
}

#[tokio::test]
async fn new_code_of_the_manifest_replaces_what_was_deployed() {
    let app = app();
    let state = app.folder().join("state");
    let mut host = app.host().state(&state).start().await;
    deploy(&host, &app, "deployed", &[]).await;
    host.kill().await;
    let app = app.with_file("shop.wasm", version("rebuilt"));
    let host = app.host().state(&state).start().await;
    assert_eq!(served(&host).await, "rebuilt");
    let (_, history) = run(command(&host, "history").arg("shop")).await;
    assert!(history.contains("from the manifest"), "{history}");
}

#[tokio::test]
async fn a_change_that_can_not_be_recorded_does_not_count_and_can_be_repeated() {
    let app = app();
    let state = app.folder().join("state");
    let (revisions, record) = (state.join("revisions"), state.join("revisions/shop.json"));
    let code = revisions.join("code");
    std::fs::create_dir_all(&code).expect("the folder");
    // What a crash leaves in the middle of a write.
    std::fs::write(code.join(".half.wasm.new"), "half").expect("the file");
    let mut host = app.host().state(&state).start().await;
    assert!(!code.join(".half.wasm.new").exists());
    // Nothing can be written in place of a folder.
    std::fs::create_dir(&record).expect("the folder");
    let (exit, output) = deploy(&host, &app, "next", &[]).await;
    assert!(!exit.success() && output.contains("can't be written"), "{output}");
    assert_eq!(served(&host).await, "stable");
    std::fs::remove_dir(&record).expect("the folder");
    // A build writes over the file of the manifest.
    let app = app.with_file("shop.wasm", version("rebuilt"));
    let (exit, output) = deploy(&host, &app, "next", &["--blue-green"]).await;
    assert!(exit.success(), "{output}");
    std::fs::rename(&record, revisions.join("aside")).expect("the record");
    std::fs::create_dir(&record).expect("the folder");
    let (exit, output) = run(command(&host, "rollback").arg("shop")).await;
    assert!(!exit.success() && output.contains("can't be written"), "{output}");
    let (exit, output) = run(command(&host, "promote").arg("shop")).await;
    assert!(!exit.success() && output.contains("is being rolled back"), "{output}");
    std::fs::remove_dir(&record).expect("the folder");
    eventually(async || shown(&host).await["rollout"].is_null().then_some(())).await;
    let (exit, output) = deploy(&host, &app, "next", &[]).await;
    assert!(exit.success() && served(&host).await == "next", "{output}");
    host.kill().await;
    // The code of the first start is kept, although its file was replaced.
    let app = app.with_file("shop.wasm", version("stable"));
    let host = app.host().state(&state).start().await;
    assert_eq!(served(&host).await, "next");
    std::fs::write(app.folder().join("shop.wasm"), "replaced").expect("the file");
    let (exit, output) = run(command(&host, "rollback").arg("shop")).await;
    assert!(exit.success() && served(&host).await == "stable", "{output}");
}

/// The same guest with other bytes: a custom section that means nothing.
fn equal_version(word: &str) -> Vec<u8> {
    [version(word).as_slice(), b"\x00\x05\x04same"].concat()
}

/// A number of copies of calls with this outcome.
async fn copies(host: &Host, outcome: &str) -> u64 {
    let series =
        format!("tessera_rollout_copies_total{{component=\"shop\",outcome=\"{outcome}\"}}");
    host.metric(&series).await.unwrap_or_default()
}

#[tokio::test]
async fn a_shadow_gets_copies_of_reads_and_callers_do_not_notice() {
    let app = app();
    let host = app.host().start().await;
    let steps = ["--shadow", "100", "--every", "100ms", "--calls-min", "50", "--detach"];
    // It fails always.
    let (exit, output) = deploy(&host, &app, "failing", &steps).await;
    assert!(exit.success(), "{output}");
    eventually(async || (shown(&host).await["rollout"]["is_ready"] == true).then_some(())).await;
    // Only reads are copied.
    for _ in 0..10 {
        host.client().post("/", &Value::Null).await.expect(200);
    }
    assert_eq!(shown(&host).await["rollout"]["copies"]["same"], 0);
    assert_eq!(shown(&host).await["rollout"]["copies"]["different"], 0);
    host.client().get("/").await.expect(200);
    eventually(async || {
        let (_, status) = run(&mut command(&host, "status")).await;
        status.contains("GET /...: status 200, and 500 (trace ").then_some(())
    })
    .await;
    let load = Load::begin(&host);
    eventually(async || shown(&host).await["rollout"].is_null().then_some(())).await;
    let answers = load.end().await;
    assert!(answers.iter().all(|(status, text)| *status == 200 && text == "stable"));
    let (_, history) = run(command(&host, "history").arg("shop")).await;
    assert!(history.contains("answers differ from those of the stable revision"), "{history}");
    assert!(copies(&host, "different").await >= 50);

    // Equal answers lead to the next step.
    let file = app.folder().join("equal.wasm");
    std::fs::write(&file, equal_version("stable")).expect("the file is written");
    let load = Load::begin(&host);
    let mut deployment = command(&host, "deploy");
    deployment.arg("shop").arg("--from").arg(&file).args(&steps[..6]).args(["--canary", "50"]);
    deployment.args(["--latency-ratio-max", "1000"]);
    let (exit, output) = run(&mut deployment).await;
    assert!(exit.success() && output.contains("promoted"), "{output}");
    assert!(output.contains("gets 50 % of the calls"), "{output}");
    load.end().await;
    assert!(copies(&host, "same").await >= 50);

    // Copies beyond the limit are dropped.
    let (exit, output) = deploy(&host, &app, "slow", &["--shadow", "100", "--detach"]).await;
    assert!(exit.success(), "{output}");
    eventually(async || (shown(&host).await["rollout"]["is_ready"] == true).then_some(())).await;
    let load: Vec<_> = (0..8).map(|_| Load::begin(&host)).collect();
    eventually(async || (copies(&host, "dropped").await > 0).then_some(())).await;
    for load in load {
        assert!(load.end().await.iter().all(|(status, text)| *status == 200 && text == "stable"));
    }
}
