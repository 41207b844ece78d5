//! Revisions of components: code and configuration, changed while the host runs.

use crate::support::{Application, application, eventually};
use harness::{Client, Host, HostBuilder, send_signal, tessera_binary};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::process::Command;
use tokio::task::JoinSet;

const MANIFEST: &str = r#"
[application.tool.tessera]
limits.deadline_ms = 20000
policies.calm = { timeout_ms = 5000 }
[variables]
greeting = { default = "hello" }
place = { default = "world" }
host = { default = "http://one.test" }
password = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "guest"
[[trigger.http]]
route = "/other/..."
component = "other"
[component.guest]
source = "$p3"
environment = { FROM_MANIFEST = "first" }
allowed_outbound_hosts = ["{{ host }}"]
[component.guest.variables]
greeting = "{{ greeting }}"
sentence = "{{ greeting }}, {{ place }}"
password = "{{ password }}"
[component.guest.tool.tessera]
inbound = "calm"
[component.other]
source = "$p3"
variables = { place = "{{ place }}" }
"#;

fn app() -> Application {
    application(MANIFEST)
}

fn host(app: &Application) -> HostBuilder {
    app.host().variable("password", "hunter2").state(&app.folder().join("state"))
}

/// Runs a command of an operator. Returns whether it has succeeded, and what it has printed.
async fn operator(host: &Host, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(tessera_binary());
    command.args(arguments).kill_on_drop(true);
    command.env("TESSERA_ADMIN_URL", format!("http://{}", host.admin_address()));
    command.env("TESSERA_ADMIN_TOKEN_FILE", host.state().join("admin-token"));
    command.env("USER", "ann");
    let output = command.output().await.expect("tessera runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

async fn done(host: &Host, arguments: &[&str]) -> String {
    let (success, output) = operator(host, arguments).await;
    assert!(success, "{arguments:?}: {output}");
    output
}

async fn refused(host: &Host, arguments: &[&str], reasons: &[&str]) {
    let (success, output) = operator(host, arguments).await;
    let output = output.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!success, "{arguments:?}: {output}");
    for reason in reasons {
        assert!(output.contains(reason), "{arguments:?}: {output}");
    }
}

async fn variable(host: &Host, name: &str) -> String {
    host.client().get(&format!("/variable?name={name}")).await.expect(200).text()
}

/// A component, as operators see it.
async fn shown(host: &Host, id: &str) -> Value {
    let all = host.admin().get("/revisions").await.expect(200).json();
    let all = all["components"].as_array().expect("components").clone();
    all.into_iter().find(|one| one["id"] == id).expect("the component")
}

/// The digest of a component's code.
async fn code(host: &Host, id: &str) -> String {
    let answer = host.admin().get(&format!("/components/{id}")).await.expect(200).json();
    answer["component"]["code"].as_str().expect("a digest").to_owned()
}

/// Clients that read two variables in each request until they are stopped.
struct Readers {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Vec<String>>,
}

impl Readers {
    fn begin(host: &Host) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut clients = JoinSet::new();
        for _ in 0..4 {
            let (client, stop) = (host.client(), stop.clone());
            clients.spawn(async move {
                let mut read = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    read.push(pair(&client).await);
                }
                read
            });
        }
        Self { stop, clients }
    }

    async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

async fn pair(client: &Client) -> String {
    client.get("/variables?names=greeting.sentence").await.expect(200).text()
}

#[tokio::test]
async fn values_of_variables_change_without_a_restart() {
    let app = app();
    let mut host = host(&app).start().await;
    let other = shown(&host, "other").await["stable"].clone();
    let first = shown(&host, "guest").await["stable"].clone();
    let readers = Readers::begin(&host);
    for greeting in ["hi", "ciao", "salut"] {
        let output = done(&host, &["config", "set", &format!("greeting={greeting}")]).await;
        assert!(output.contains("variables.greeting") && !output.contains("other"), "{output}");
        assert_eq!(variable(&host, "sentence").await, format!("{greeting}, world"));
    }
    for read in readers.end().await {
        // A call sees all old values or all new ones.
        let (greeting, sentence) = read.split_once(' ').expect("two values");
        assert_eq!(sentence, format!("{greeting}, world"));
    }
    // Only the component that is concerned has new revisions, of the same code.
    assert_eq!(shown(&host, "other").await["stable"], other);
    let guest = shown(&host, "guest").await;
    assert_ne!(guest["stable"], first);
    let codes = guest["revisions"].as_array().expect("revisions").iter();
    let codes: std::collections::BTreeSet<_> =
        codes.map(|one| one["code"].as_str().expect("a digest").to_owned()).collect();
    assert_eq!(codes.len(), 1);

    // What is wrong changes nothing.
    for (arguments, reasons) in [
        (&["config", "set", "greting=x"][..], &["`greting`", "did you mean `greeting`?"][..]),
        (
            &["config", "set", "host=no pattern"],
            &["`guest`", "allowed_outbound_hosts", "no pattern"],
        ),
        (&["config", "unset", "nothing"], &["declares no variable `nothing`"]),
        (&["config", "apply", "missing.json"], &["missing.json can't be read"]),
    ] {
        refused(&host, arguments, reasons).await;
    }
    let body = json!({ "set": { "greeting": 5, "password": "hunter9" } });
    let problem = host.admin().post("/configuration", &body).await.problem(400);
    assert!(!problem.to_string().contains("hunter9"), "{problem}");
    assert_eq!(variable(&host, "sentence").await, "salut, world");

    // Secrets change, and are never shown.
    let output = done(&host, &["config", "set", "password=hunter3"]).await;
    assert!(output.contains("variables.password: secret, digest "), "{output}");
    assert_eq!(variable(&host, "password").await, "hunter3");
    let shown = done(&host, &["config", "show"]).await;
    let diff = done(&host, &["diff", "guest"]).await;
    let history = done(&host, &["history", "guest"]).await;
    let admin = host.admin().get("/configuration").await.expect(200).text();
    for text in [&output, &shown, &diff, &history, &admin] {
        assert!(!text.contains("hunter"), "{text}");
    }
    assert!(shown.contains("greeting = \"salut\"  (set by an operator: ann)"), "{shown}");
    assert!(history.contains("configured: variables.password by ann"), "{history}");
    assert!(diff.contains("- variables.password = secret, digest "), "{diff}");

    // It is durable, and can be taken back, also after a crash.
    host.kill().await;
    let host = self::host(&app).start().await;
    assert_eq!(variable(&host, "password").await, "hunter3");
    assert_eq!(variable(&host, "sentence").await, "salut, world");
    done(&host, &["rollback", "guest"]).await;
    eventually(async || (variable(&host, "password").await == "hunter2").then_some(())).await;
    // What was taken back stays so when something else changes, of both components.
    let output = done(&host, &["config", "set", "place=town"]).await;
    assert!(output.contains("guest  ") && output.contains("other  "), "{output}");
    assert_eq!(variable(&host, "sentence").await, "salut, town");
    assert_eq!(variable(&host, "password").await, "hunter2");
    done(&host, &["config", "unset", "greeting", "place"]).await;
    assert_eq!(variable(&host, "sentence").await, "hello, world");
    let output = done(&host, &["config", "set", "greeting=hello"]).await;
    assert!(output.contains("nothing has changed"), "{output}");
}

#[tokio::test]
async fn a_changed_manifest_takes_effect_and_a_faulty_one_does_not() {
    let app = app().with_file("values.toml", "password = \"hunter2\"\ngreeting = \"file\"\n");
    let values = format!("@{}", app.folder().join("values.toml").display());
    let host = app.host().argument("--variable").argument(values);
    let host = host.state(&app.folder().join("state")).start().await;
    let text = std::fs::read_to_string(app.manifest()).expect("the manifest");
    let write = |text: &str| std::fs::write(app.manifest(), text).expect("the manifest");
    let environment = async || host.client().get("/env?name=FROM_MANIFEST").await.text();
    let limit = async || {
        let guest = host.admin().get("/components/guest").await.expect(200).json();
        guest["component"]["limits"]["deadline_ms"].clone()
    };

    // All that can change, at once.
    std::fs::write(
        app.folder().join("values.toml"),
        "password = \"hunter2\"\ngreeting = \"new\"\n",
    )
    .expect("the values");
    let changed = text
        .replace("\"first\"", "\"second\"")
        .replace("deadline_ms = 20000", "deadline_ms = 10000")
        .replace("timeout_ms = 5000", "timeout_ms = 100")
        .replace("[component.guest]\n", "[component.guest]\nbuild.command = \"true\"\n");
    write(&changed);
    let output = done(&host, &["reload"]).await;
    for key in
        ["environment.FROM_MANIFEST", "limits.deadline_ms", "timeout_ms", "variables.greeting"]
    {
        assert!(output.contains(key), "{key}: {output}");
    }
    assert_eq!(environment().await, "second");
    assert_eq!(variable(&host, "sentence").await, "new, world");
    assert_eq!(limit().await, 10_000);
    // The policy of calls from outside has another timeout.
    assert_eq!(host.client().get("/sleep?ms=5000").await.status, 504);
    let edges = host.admin().get("/edges").await.expect(200).json();
    assert_eq!(edges["edges"].as_array().map(Vec::len), Some(1), "{edges}");
    let policies = host.admin().get("/policies").await.expect(200).json();
    assert_eq!(policies["policies"][0]["rules"][0], "100 ms per attempt", "{policies}");
    let output = done(&host, &["reload"]).await;
    assert!(output.contains("nothing has changed"), "{output}");

    // What is wrong or needs a restart changes nothing.
    for (from, to, reasons) in [
        ("\"/other/...\"", "\"/another/...\"", &["`trigger.http`", "restart"][..]),
        (
            "variables = { place",
            "key_value_stores = [\"default\"]\nvariables = { place",
            &["`component.other.key_value_stores`", "restart"],
        ),
        ("timeout_ms = 100", "timeout_ms = 0", &["spin.toml:", "timeout_ms"]),
        ("[component.guest]\n", "[component.guest]\nsorce = \"x\"\n", &["sorce", "source"]),
        (
            "greeting = { default = \"hello\" }",
            "greeting = { default = \"hello\" }\n\
          more = { required = true }",
            &["more", "--variable more="],
        ),
    ] {
        assert!(changed.contains(from), "{from}");
        write(&changed.replace(from, to).replace("\"second\"", "\"third\""));
        refused(&host, &["reload"], reasons).await;
        assert_eq!(environment().await, "second");
    }

    // The same by a signal, and back by a rollback. A host that has a terminal ends by this signal.
    if std::fs::File::open("/dev/tty").is_ok() {
        return;
    }
    write(&changed.replace("\"second\"", "\"third\""));
    send_signal(host.process_id(), libc::SIGHUP);
    eventually(async || (environment().await == "third").then_some(())).await;
    let history = done(&host, &["history", "guest"]).await;
    assert!(history.contains("configured: environment.FROM_MANIFEST by SIGHUP"), "{history}");
    done(&host, &["rollback", "guest"]).await;
    assert_eq!(environment().await, "second");
    done(&host, &["rollback", "guest"]).await;
    assert_eq!(environment().await, "third");
}

#[tokio::test]
async fn the_same_code_runs_in_three_configurations() {
    let (mut digests, mut revisions) = (Vec::new(), Vec::new());
    for stage in ["dev", "staging", "production"] {
        let app = app();
        let file = app.folder().join(format!("{stage}.env"));
        let greeting = format!("SPIN_VARIABLE_GREETING=\"hello from {stage}\"\n");
        let values = format!("{greeting}SPIN_VARIABLE_HOST=http://{stage}.test\n");
        std::fs::write(&file, values).expect("the values");
        let host = host(&app).start().await;
        done(&host, &["config", "apply", file.to_str().expect("a path in UTF-8")]).await;
        assert_eq!(variable(&host, "greeting").await, format!("hello from {stage}"));
        digests.push(code(&host, "guest").await);
        revisions.push(shown(&host, "guest").await["stable"].clone());
        let shown = done(&host, &["config", "show", "guest"]).await;
        assert!(shown.contains(&format!("http://{stage}.test")), "{shown}");
    }
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    revisions.dedup();
    assert_eq!(revisions.len(), 3, "{revisions:?}");
}
