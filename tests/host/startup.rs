//! Reasons for which the host does not start, and how it reports them; compilation at startup.

use crate::support::{Application, Process, application, tessera, unwrapped};
use harness::built_component;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use tempfile::TempDir;
use tokio::net::TcpListener;

fn guest() -> Application {
    application(&format!("{}key_value_stores = [\"default\"]\n", Application::GUEST))
}

#[tokio::test]
async fn a_port_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let texts = [&address.to_string(), "another process listens there"];
    guest().host().listen(address).assert_fails(&texts).await;
}

#[tokio::test]
async fn an_admin_port_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let app = guest();
    let manifest = app.manifest();
    let manifest = manifest.to_str().unwrap();
    let (code, text) =
        tessera(&["up", "-f", manifest, "--listen", "127.0.0.1:0", "--admin-listen", &address])
            .await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&address) && text.contains("--admin-listen"), "{text}");
}

#[tokio::test]
async fn missing_code_is_reported_before_other_code_is_compiled() {
    let component = |id: &str, source: &str| {
        format!(
            "[[trigger.http]]\nroute = \"/{id}\"\ncomponent = \"{id}\"\n\
             [component.{id}]\nsource = \"{source}\"\n"
        )
    };
    let sources = [("a", "$p3"), ("b", "$p3"), ("c", "$p3"), ("z", "gone.wasm")];
    let app = application(&sources.map(|(id, source)| component(id, source)).concat());
    let cache = TempDir::new().unwrap();
    let host = app.host().argument("--cache-dir").argument(cache.path().to_str().unwrap());
    let output = host.assert_fails(&["`z`", "gone.wasm"]).await;
    assert!(!output.contains("compiling"), "{output}");
}

#[tokio::test]
async fn a_state_directory_that_is_a_file_is_reported() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    std::fs::write(&path, "not a folder").unwrap();
    guest().host().state(&path).assert_fails(&[path.to_str().unwrap()]).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a folder");
}

#[tokio::test]
async fn a_state_directory_below_a_file_is_reported() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let path = folder.path().join("file/state");
    guest().host().state(&path).assert_fails(&[path.to_str().unwrap()]).await;
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
    let texts = [state.to_str().unwrap(), "in use by process"];
    app.host().state(&state).assert_fails(&texts).await;
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
async fn invalid_tls_files_are_reported() {
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
    host("none.pem", "key.pem").assert_fails(&["--tls-cert", "none.pem"]).await;
    host("empty.pem", "key.pem").assert_fails(&["--tls-cert", "no certificate"]).await;
    host("cert.pem", "empty.pem").assert_fails(&["--tls-key", "no private key"]).await;
    host("cert.pem", "other.pem").assert_fails(&["does not match the certificate"]).await;
    let alone = app.host().argument("--tls-cert").argument(app.folder().join("cert.pem"));
    let (status, text) = alone.fail().await;
    assert_eq!(status.code(), Some(2), "{text}");
    assert!(text.contains("--tls-key"), "{text}");
}

/// An application with one component, which is compiled from this WebAssembly text.
fn made_of(text: &str) -> Application {
    application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"guest.wasm\"\n",
    )
    .with_file("guest.wasm", wat::parse_str(text).expect("WebAssembly text"))
}

#[tokio::test]
async fn a_core_module_that_no_adapter_fits_is_refused() {
    let module = r#"(module (import "wasi_snapshot_preview1" "teleport" (func)))"#;
    let texts = ["guest.wasm", "core module", "with a current SDK", "teleport"];
    made_of(module).host().assert_fails(&texts).await;
    let texts = ["`guest`", "exports none of wasi:http/handler@0.3"];
    made_of("(module)").host().assert_fails(&texts).await;
}

#[tokio::test]
async fn a_file_that_is_not_webassembly_is_reported() {
    let app = made_of("(component)").with_file("guest.wasm", "this is no code");
    let texts = ["guest.wasm is not a WebAssembly component", "it begins with \"this\""];
    app.host().assert_fails(&texts).await;
    let app = made_of("(component)").with_file("guest.wasm", "");
    app.host().assert_fails(&["guest.wasm is not a WebAssembly component", "it is empty"]).await;
}

#[tokio::test]
async fn webassembly_text_needs_its_own_extension() {
    let app = made_of("(component)").with_file("guest.wasm", "(component)");
    app.host().assert_fails(&["guest.wasm is not a WebAssembly component"]).await;
    let manifest = std::fs::read_to_string(app.manifest()).unwrap();
    let app = app
        .with_file("spin.toml", manifest.replace("guest.wasm", "guest.wat"))
        .with_file("guest.wat", "(component)");
    // It is valid, but lacks the export that its trigger needs.
    app.host().assert_fails(&["`guest`", "wasi:http/handler@0.3"]).await;
}

#[tokio::test]
async fn an_instance_limit_below_one_call_chain_is_refused() {
    let app = application(
        r#"
[[trigger.http]]
route = "/..."
component = "one"
[[trigger.http]]
route = { private = true }
component = "two"
[[trigger.http]]
route = { private = true }
component = "three"
[component.one]
source = "$p3"
allowed_outbound_hosts = ["http://two.spin.internal"]
[component.two]
source = "$p3"
allowed_outbound_hosts = ["http://three.spin.internal"]
[component.three]
source = "$p3"
"#,
    );
    let host = |count: &str| app.host().argument("--instances-max").argument(count);
    let texts = ["--instances-max 2", "`one`", "3 components", "at least 3"];
    host("2").assert_fails(&texts).await;
    let there = "/outbound?url=http://two.spin.internal/outbound?url=http://three.spin.internal/";
    host("3").start().await.client().get(there).await.expect(200);
}

#[tokio::test]
async fn problems_of_the_runtime_configuration_are_printed_under_a_heading() {
    let app = guest().with_file("one.toml", "state_dirr = \"x\"\n");
    let app = app.with_file("two.toml", "state_dirr = \"x\"\nlog_dirr = \"y\"\n");
    let app = app.with_file("syntax.toml", "a = [\n");
    let run = async |name: &str| {
        let file = app.folder().join(name).into_os_string();
        let (status, text) =
            app.host().argument("--runtime-config-file").argument(file).fail().await;
        assert_eq!(status.code(), Some(1), "{text}");
        assert!(!text.lines().any(|line| line.trim() == "Error:"), "an empty heading: {text}");
        let headings = text.matches("tessera::runtime_config").count();
        (headings, text.matches("unknown key `state_dirr`").count(), unwrapped(&text))
    };
    let (headings, printed, text) = run("one.toml").await;
    assert_eq!((headings, printed), (1, 1), "{text}");
    // The first problem is also in the summary.
    let (headings, printed, text) = run("two.toml").await;
    assert_eq!((headings, printed), (2, 2), "{text}");
    assert!(text.contains("2 problems, the first at"), "{text}");
    let (headings, _, text) = run("syntax.toml").await;
    assert_eq!(headings, 1, "{text}");
    let (headings, _, text) = run("none.toml").await;
    assert_eq!((headings, text.matches("none.toml").count()), (1, 1), "{text}");
}

/// The arguments of a start without compiled code.
fn first_start<'a>(manifest: &'a str, state: &'a str) -> Vec<&'a str> {
    let ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    [&["up", "-f", manifest, "--state-dir", state][..], &ports].concat()
}

#[tokio::test]
async fn a_signal_ends_the_compilation_immediately() {
    // Large, so that the compilation takes longer than the signal.
    let source = built_component(Path::new("target/wasm32-wasip2/release/gateway.wasm"));
    let app = application(&format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"large\"\n\
         [component.large]\nsource = \"{}\"\n",
        source.display()
    ));
    for (signal, code) in [(libc::SIGTERM, 143), (libc::SIGINT, 130)] {
        let folder = TempDir::new().unwrap();
        let state = folder.path().join("state");
        let manifest = app.manifest();
        let arguments = first_start(manifest.to_str().unwrap(), state.to_str().unwrap());
        let mut process = Process::start(&arguments);
        process.line("compiling large (1 of 1)").await;
        process.signal(signal);
        let (ended, text) = process.end().await;
        assert_eq!(ended, Some(code), "{text}");
        assert_eq!(compiled(&state), BTreeSet::new(), "no partial file is left");
    }
}

#[tokio::test]
async fn only_the_first_start_reports_compilation() {
    let (app, folder) = (guest(), TempDir::new().unwrap());
    let state = folder.path().join("state");
    let compiling = |log: &[serde_json::Value]| {
        let is_report = |line: &&serde_json::Value| line["message"] == "compiling guest (1 of 1)";
        log.iter().filter(is_report).count()
    };
    for expected in [1, 0] {
        let mut host = app.host().state(&state).start().await;
        assert_eq!(compiling(&host.log()), expected, "{:#?}", host.log());
        host.terminate();
        host.wait().await;
    }
}

#[tokio::test]
async fn a_json_log_has_only_json_lines() {
    let (app, folder) = (guest(), TempDir::new().unwrap());
    let state = folder.path().join("state");
    let manifest = app.manifest();
    let mut arguments = first_start(manifest.to_str().unwrap(), state.to_str().unwrap());
    arguments.extend(["--log-format", "json"]);
    let mut process = Process::start(&arguments);
    let ready: serde_json::Value =
        serde_json::from_str(&process.line("\"ready\"").await).expect("JSON");
    let address = ready["url"].as_str().and_then(|url| url.strip_prefix("http://127.0.0.1:"));
    assert!(address.is_some_and(|port| port.parse::<u16>().is_ok()), "{ready}");
    for (member, value) in [("application", "test"), ("state_dir", state.to_str().unwrap())] {
        assert_eq!(ready[member], value, "{ready}");
    }
    assert!(ready["admin"].is_string() && ready["duration_ms"].is_u64(), "{ready}");
    process.signal(libc::SIGTERM);
    let (code, text) = process.end().await;
    assert_eq!(code, Some(0), "{text}");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let route = lines.iter().find(|line| line["message"] == "route").expect("its route");
    assert_eq!(route["component"], "guest");
}

#[tokio::test]
async fn a_failed_start_is_reported_in_json_too() {
    let app = application("[[trigger.http]]\nroute = \"/...\"\ncomponent = \"unknown\"\n");
    let manifest = app.manifest();
    let arguments = ["up", "-f", manifest.to_str().unwrap(), "--log-format", "json"];
    let (code, text) = tessera(&arguments).await;
    assert_eq!(code, Some(1), "{text}");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let message = lines[0]["message"].as_str().unwrap();
    assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()), "{text}");
    assert!(message.contains("spin.toml:") && message.contains("`unknown`"), "{text}");
}

#[tokio::test]
async fn a_component_without_an_http_handler_cannot_have_a_route() {
    let texts = ["`guest`", "wasi:http/handler@0.3", "wasi:http/incoming-handler@0.2"];
    made_of("(component)").host().assert_fails(&texts).await;
}

#[tokio::test]
async fn an_unsatisfied_import_is_reported_with_the_line_to_add() {
    let app =
        made_of(r#"(component (import "acme:things/stuff@1.2.0" (instance (export "f" (func)))))"#);
    let texts = [
        "`guest`",
        "acme:things/stuff@1.2.0",
        "[component.guest.dependencies]",
        "\"acme:things/stuff@1.2.0\" = { component = ",
    ];
    app.host().assert_fails(&texts).await;
}

/// The files of compiled code in a state directory, with their inode numbers.
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
    assert_eq!(first.len(), 2, "code and its checksum: {first:?}");
    let host = app.host().state(&state).start().await;
    host.client().get("/").await.expect(200);
    assert_eq!(compiled(&state), first);
}
