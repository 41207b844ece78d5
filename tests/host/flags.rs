//! Flags of `tessera up` and `tessera build`, and their environment variables.

use crate::support::{Application, Process, application, exchange, tessera};
use harness::{Host, HostBuilder, built_guest, tessera_binary};
use serde_json::Value;
use std::fs;
use std::process::Stdio;
use tokio::net::TcpListener;

fn guest(more: &str) -> Application {
    application(&format!("{}{more}\n", Application::GUEST))
}

/// The number of requests that the instance has counted which serves this one.
async fn counted(host: &Host) -> String {
    host.client().get("/count").await.expect(200).text()
}

/// An application without a component.
fn nothing_to_compile() -> Application {
    application("[[trigger.http]]\nroute = \"/...\"\nstatic_response = { body = \"static\" }\n")
}

/// `tessera up` with this application and these arguments.
fn started(app: &Application, arguments: &[&str]) -> Process {
    let manifest = app.manifest();
    let mut all = vec!["up", "-f", manifest.to_str().unwrap()];
    all.extend(["--listen", "localhost:0", "--admin-listen", "localhost:0"]);
    all.extend(arguments);
    Process::start(&all)
}

/// The same, which ends by itself.
async fn up(app: &Application, arguments: &[&str]) -> (Option<i32>, String) {
    let manifest = app.manifest();
    let mut all = vec!["up", "-f", manifest.to_str().unwrap()];
    all.extend(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    all.extend(arguments);
    tessera(&all).await
}

#[tokio::test]
async fn other_forms_of_addresses_are_refused_with_the_right_one() {
    for (address, advice) in [
        (":3000", "`127.0.0.1:3000` for this machine alone, or `0.0.0.0:3000`"),
        ("localhost", "`localhost:3000`"),
        ("3000", "`127.0.0.1:3000`"),
    ] {
        let (code, text) = tessera(&["up", "--listen", address]).await;
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(advice), "{text}");
    }
}

#[tokio::test]
async fn a_name_is_resolved() {
    let app = nothing_to_compile();
    let mut process = started(&app, &["--state-dir", ""]);
    process.line("listening address=127.0.0.1:").await;
}

#[tokio::test]
async fn the_next_free_port_is_found() {
    // Somewhere in the ephemeral range, two ports in a row are most likely free.
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let host = guest("").host().listen(address).argument("--find-free-port").start().await;
    let found = host.address().port();
    assert!((address.port() + 1..=address.port() + 9).contains(&found), "{found}, not {address}");
    host.client().get("/").await.expect(200);
}

#[tokio::test]
async fn an_empty_variable_counts_as_not_set() {
    let app = guest("");
    let mut host = app.host();
    for name in [
        "DISABLE_WASMTIME_CACHE",
        "RUNTIME_CONFIG_FILE",
        "RUST_LOG",
        "SPIN_ALWAYS_BUILD",
        "SPIN_HTTP1_MAX_BUF_SIZE",
        "SPIN_LOG_DIR",
        "SPIN_MAX_INSTANCE_MEMORY",
        "SPIN_STATE_DIR",
        "SPIN_TLS_CERT",
        "SPIN_TLS_KEY",
        "TESSERA_ADMIN_ALLOWED_HOSTS",
        "TESSERA_CONNECTIONS_MAX",
        "TESSERA_INSTANCES_MAX",
        "TESSERA_LOG_FORMAT",
        "TESSERA_WORKERS",
        "WASMTIME_CACHE_FILE",
    ] {
        host = host.environment(name, "");
    }
    host.start().await.client().get("/").await.expect(200);
}

#[tokio::test]
async fn always_build_has_the_truth_values_of_spin() {
    let app = application(&format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"one\"\n\
         [component.one]\nsource = \"one.wasm\"\n[component.one.build]\ncommand = \"cp {} one.wasm\"\n",
        built_guest("guest_p3").display()
    ));
    let host = |value: &str| app.host().environment("SPIN_ALWAYS_BUILD", value);
    for value in ["0", "no", "False"] {
        host(value).assert_fails(&["one.wasm", "`tessera build`"]).await;
    }
    for value in ["1", "yes", "TRUE", "on"] {
        fs::remove_file(app.folder().join("one.wasm")).ok();
        host(value).start().await.client().get("/").await.expect(200);
    }
    let (status, text) = host("perhaps").fail().await;
    assert_eq!(status.code(), Some(2), "{text}");
    assert!(text.contains("perhaps"), "{text}");
}

#[tokio::test]
async fn keys_are_set_at_each_start() {
    let app = guest("key_value_stores = [\"default\"]");
    let folder = tempfile::TempDir::new().unwrap();
    let state = folder.path().join("state");
    harness::share_compiled_code(&state);
    let read = async |host: &Host, key: &str| {
        host.client().get(&format!("/kv?key={key}")).await.expect(200).text()
    };
    let host = || app.host().state(&state).argument("--key-value").argument("a=b=c");
    let mut first = host().argument("--key-value").argument("d=1").start().await;
    assert_eq!(read(&first, "a").await, "b=c");
    first.kill().await;
    let second = app.host().state(&state).argument("--key-value").argument("d=2").start().await;
    assert_eq!(read(&second, "a").await, "b=c");
    assert_eq!(read(&second, "d").await, "2");
}

#[tokio::test]
async fn statements_run_at_each_start_in_their_order() {
    let app = guest("sqlite_databases = [\"default\", \"other\"]")
        .with_file("make.sql", "CREATE TABLE made (x UNIQUE); CREATE TABLE more (x);");
    let other = app.folder().join("other.db");
    let config = format!("[sqlite_database.other]\ntype = \"spin\"\npath = {other:?}\n");
    let app = app.with_file("runtime.toml", config);
    let file = app.folder().join("make.sql");
    let folder = tempfile::TempDir::new().unwrap();
    let state = folder.path().join("state");
    harness::share_compiled_code(&state);
    let host = |statements: &[&str]| {
        let host = app.host().state(&state);
        let host =
            host.argument("--runtime-config-file").argument(app.folder().join("runtime.toml"));
        statements.iter().fold(host, |host, one| host.argument("--sqlite").argument(*one))
    };
    let (make, make_other) = (format!("@{}", file.display()), format!("@{}:other", file.display()));
    let insert = "INSERT INTO made VALUES (1)";
    host(&[make.as_str(), insert, make_other.as_str()]).start().await.kill().await;
    assert!(state.join("sqlite_db.db").exists() && other.exists());
    // Each of these fails, because it has already happened.
    host(&[insert]).assert_fails(&["INSERT", "UNIQUE"]).await;
    host(&[make_other.as_str()]).assert_fails(&["make.sql", "already exists"]).await;
    let unknown = format!("@{}:third", file.display());
    host(&[unknown.as_str()]).assert_fails(&["make.sql", "[sqlite_database.third]"]).await;
    host(&["@none.sql"]).assert_fails(&["none.sql can't be read"]).await;
}

#[tokio::test]
async fn only_the_chosen_components_are_started_and_what_they_need() {
    let app = application(
        r#"
[[trigger.http]]
route = "/a/..."
component = "a"
[[trigger.http]]
route = "/b/..."
component = "b"
[[trigger.http]]
route = "/c/..."
component = "c"
[component.a]
source = "$p2"
allowed_outbound_hosts = ["http://b.spin.internal"]
[component.b]
source = "$p3"
[component.c]
source = "missing.wasm"
"#,
    );
    let host = app.host().argument("-c").argument("a").start().await;
    host.client().get("/a/").await.expect(200);
    let chained = "/a/outbound?authority=b.spin.internal&path=/count";
    assert_eq!(host.client().get(chained).await.expect(200).text(), "1");
    // What is only needed has no public route.
    host.client().get("/b/count").await.expect(404);
    host.client().get("/c/").await.expect(404);
    let unknown = app.host().argument("--component-id").argument("d");
    unknown.assert_fails(&["no component `d`; there are a, b, c"]).await;
}

#[tokio::test]
async fn without_a_state_directory_nothing_is_kept() {
    let app = nothing_to_compile().with_file("runtime.toml", "state_dir = \"\"\n");
    let config = app.folder().join("runtime.toml");
    let config = config.to_str().unwrap();
    for arguments in [["--state-dir", ""], ["--runtime-config-file", config]] {
        let mut process = started(&app, &arguments);
        process.line("all data are lost when the host ends").await;
        process.line("listening").await;
        process.signal(libc::SIGTERM);
        let (code, text) = process.end().await;
        assert_eq!(code, Some(0), "{text}");
        assert!(!app.folder().join(".tessera").exists());
    }
}

#[tokio::test]
async fn instances_are_used_as_often_and_as_long_as_the_operator_wants() {
    let app = guest("");
    let host = app.host().start().await;
    assert_eq!((counted(&host).await, counted(&host).await), ("1".into(), "2".into()));
    for (flag, value) in [
        ("--max-instance-reuse-count", "1"),
        ("--max-instance-reuse-count", "1..2"),
        ("--idle-instance-timeout", "0"),
        ("--idle-instance-timeout", "0..1ns"),
    ] {
        let host = app.host().argument(flag).argument(value).start().await;
        for _ in 0..3 {
            assert_eq!(counted(&host).await, "1", "{flag} {value}");
        }
    }
}

#[tokio::test]
async fn limits_of_instances_can_be_set_for_all_components() {
    let app = guest("");
    // Long enough for the requests that have to be served on a slow machine.
    let host = app.host().argument("--request-timeout").argument("3s");
    let host = host.environment("SPIN_MAX_INSTANCE_MEMORY", "20000000").start().await;
    host.client().get("/sleep?ms=3600000").await.expect(504);
    host.client().get("/memory?mib=4").await.expect(200);
    host.client().get("/memory?mib=40").await.expect(500);
}

#[tokio::test]
async fn more_calls_of_one_instance_at_a_time_are_not_promised() {
    let flag = "--max-instance-concurrent-reuse-count";
    let host = guest("").host().argument(flag).argument("16").start().await;
    host.log_line(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains(flag) && message.contains("one call at a time")
    })
    .await;
}

#[tokio::test]
async fn instances_can_be_made_without_a_pool_and_without_kept_code() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"$p2\"\n",
    );
    let folder = tempfile::TempDir::new().unwrap();
    let state = folder.path().join("state");
    let flags = ["--disable-pooling", "--disable-cache", "--debug-info"];
    let host = flags.iter().fold(app.host().state(&state), |host, flag| host.argument(*flag));
    let host = host.start().await;
    for _ in 0..3 {
        host.client().get("/").await.expect(200);
    }
    assert!(!state.join("cache").exists());
}

#[tokio::test]
async fn files_are_collected_elsewhere_or_offered_directly_and_written_if_that_is_allowed() {
    let app = guest("files = [{ source = \"static\", destination = \"/\" }]");
    fs::create_dir(app.folder().join("static")).unwrap();
    let original = app.folder().join("static/a.txt");
    fs::write(&original, "one").unwrap();
    let read = async |host: &Host| host.client().get("/file?path=/a.txt").await.expect(200).text();
    let write = "/write-file?path=/a.txt&text=two";

    let temp = tempfile::TempDir::new().unwrap();
    let host = app.host().argument("--temp").argument(temp.path()).start().await;
    assert_eq!(read(&host).await, "one");
    host.client().get(write).await.expect(403);
    assert!(temp.path().join("assets/guest/a.txt").exists());

    let host = app.host().argument("--allow-transient-write").start().await;
    host.client().get(write).await.expect(204);
    assert_eq!(read(&host).await, "two");
    assert_eq!(fs::read_to_string(&original).unwrap(), "one");

    let host = app.host().argument("--direct-mounts").start().await;
    fs::write(&original, "three").unwrap();
    assert_eq!(read(&host).await, "three");
    host.client().get(write).await.expect(403);
}

#[tokio::test]
async fn the_routes_are_printed_as_json_on_request() {
    let app = application(
        "[[trigger.http]]\nroute = \"/\"\ncomponent = \"guest\"\n\
         [[trigger.http]]\nroute = \"/api/...\"\ncomponent = \"guest\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"$p3\"\n",
    );
    let mut child = tokio::process::Command::new(tessera_binary())
        .args(["up", "--format", "json", "--listen", "127.0.0.1:0"])
        .args(["--admin-listen", "127.0.0.1:0", "--state-dir", "", "--from"])
        .arg(app.manifest())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let text = harness::read_until(&mut output, "\n}\n").await.unwrap();
    let printed: Value = serde_json::from_str(&text).unwrap();
    assert!(printed["base_url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{text}");
    let routes: Vec<_> = printed["routes"].as_array().unwrap().iter().collect();
    let route = |route: &str, wildcard: bool| serde_json::json!({ "id": "guest", "route": route, "wildcard": wildcard });
    assert_eq!(routes, [&route("/", false), &route("/api", true), &route("/", true)]);
}

#[tokio::test]
async fn flags_that_are_refused_say_why() {
    let app = guest("");
    for (flags, words) in [
        (&["--profile", "debug"][..], "`debug`"),
        (&["--truncate-logs"], "no --log-dir"),
        (&["--follow", "gest"], "no component `gest`; there are guest"),
    ] {
        let (code, text) = up(&app, flags).await;
        assert_eq!(code, Some(1), "{flags:?}: {text}");
        assert!(text.contains(words), "{flags:?}: {text}");
    }
}

#[tokio::test]
async fn a_component_without_a_manifest_serves_all_requests() {
    let host = HostBuilder::new(built_guest("guest_p3")).start().await;
    assert_eq!(counted(&host).await, "1");
    let info = host.client().get("/.well-known/spin/info").await.expect(200).json();
    assert_eq!(info["name"], "guest_p3");
    HostBuilder::new("missing.wasm").assert_fails(&["missing.wasm, can't be read"]).await;
}

#[tokio::test]
async fn variables_of_spin_without_effect_are_named() {
    let host = guest("")
        .host()
        .environment("SPIN_OTEL_TRACING_LEVEL", "debug")
        .environment("SPIN_WASMTIME_TOTAL_TABLES", "10")
        .environment("WASMTIME_CACHE_FILE", "cache.toml")
        .start()
        .await;
    for name in ["SPIN_OTEL_TRACING_LEVEL", "SPIN_WASMTIME_TOTAL_TABLES", "--cache"] {
        host.log_line(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.contains(name) && message.contains("no effect")
        })
        .await;
    }
}

#[tokio::test]
async fn variables_of_spin_limit_the_instances() {
    // A call of the caller leads through two instances.
    let app = Application::with_neighbor("", "");
    let one = |name: &str| app.host().environment(name, "1");
    for name in ["SPIN_MAX_INSTANCE_COUNT", "SPIN_WASMTIME_INSTANCE_COUNT"] {
        one(name).assert_fails(&["--instances-max 1 is too small"]).await;
    }
    let flag = one("SPIN_MAX_INSTANCE_COUNT").argument("--instances-max").argument("10");
    flag.start().await.client().get("/").await.expect(200);
    let many = app.host().environment("SPIN_MAX_INSTANCE_COUNT", "1000000000");
    many.start().await.client().get("/").await.expect(200);
    let words = "SPIN_MAX_INSTANCE_COUNT is `many`: write a number of instances";
    app.host().environment("SPIN_MAX_INSTANCE_COUNT", "many").assert_fails(&[words]).await;
    let without_pool = app.host().environment("SPIN_WASMTIME_POOLING", "0");
    without_pool.start().await.client().get("/").await.expect(200);
}

#[tokio::test]
async fn the_head_of_a_request_by_http_1_has_the_size_that_spin_s_flag_says() {
    let app = guest("");
    let host = |bytes: &str| app.host().argument("--http1-max-buf-size").argument(bytes.to_owned());
    let answer = async |host: &Host, bytes: usize| {
        let long = "y".repeat(bytes);
        let head = format!("GET /count HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-long: {long}");
        exchange(host.address(), format!("{head}\r\n\r\n").as_bytes()).await
    };
    let large = host("120000").start().await;
    assert!(answer(&large, 100_000).await.starts_with("HTTP/1.1 200 "));
    let small = host("8192").start().await;
    assert!(answer(&small, 4_000).await.starts_with("HTTP/1.1 200 "));
    assert!(answer(&small, 10_000).await.starts_with("HTTP/1.1 431 "));
    let (status, output) = host("8191").fail().await;
    assert_eq!(status.code(), Some(2), "{output}");
    assert!(output.contains("8191 is not in 8192..=1048576"), "{output}");
}

#[tokio::test]
async fn programs_can_ask_for_all_flags() {
    let (code, text) = tessera(&["up", "--launch-metadata-only"]).await;
    assert_eq!(code, Some(0), "{text}");
    let flags: Value = serde_json::from_str(&text).unwrap();
    let listen = serde_json::json!({ "long": "--listen" });
    assert!(flags["all_flags"].as_array().unwrap().contains(&listen), "{text}");
}

#[tokio::test]
async fn a_manifest_is_found_in_the_folders_above() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"one\"\n\
         [component.one]\nsource = \"one.wasm\"\nbuild = { command = \"pwd > where\" }\n",
    );
    let below = app.folder().join("a/b");
    fs::create_dir_all(&below).unwrap();
    let build = || {
        let mut command = tokio::process::Command::new(tessera_binary());
        command.arg("build").current_dir(&below).stdin(Stdio::null());
        command
    };
    let output = build().output().await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && text.contains("using "), "{text}");
    assert!(app.folder().join("where").exists());
    // The search does not leave a Git repository.
    fs::create_dir(app.folder().join("a/.git")).unwrap();
    let output = build().output().await.unwrap();
    let text = harness::unwrapped(&String::from_utf8(output.stderr).unwrap());
    assert!(!output.status.success() && text.contains("no manifest"), "{text}");
}

#[tokio::test]
async fn a_build_can_start_the_application_afterwards() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\nstatic_response = { body = \"static\" }\n\
         [component.one]\nsource = \"one.wasm\"\nbuild = { command = \"touch built\" }\n",
    );
    let manifest = app.manifest();
    let mut all = vec!["build", "--skip-target-checks", "--skip-generate-wits"];
    all.extend(["-f", manifest.to_str().unwrap(), "--up", "--listen", "127.0.0.1:0"]);
    all.extend(["--admin-listen", "127.0.0.1:0"]);
    let mut process = Process::start(&all);
    process.line("listening").await;
    assert!(app.folder().join("built").exists());
    process.signal(libc::SIGTERM);
    let (code, text) = process.end().await;
    assert_eq!(code, Some(0), "{text}");
}
