//! Manifests with faults: the host does not start, and reports each fault with its line and a hint.

use crate::support::{Application, Backend, application, stock_application};
use bytes::Bytes;
use http::Method;

const GUEST: &str = Application::GUEST;

/// Checks that the host refuses the manifest, and reports the line that contains `at`, a hint, and
/// these texts.
async fn assert_refused(app: &Application, at: &str, texts: &[&str]) {
    let line = format!("spin.toml:{}:", app.line_of(at));
    app.host().assert_fails(&[&[&line, "help: "], texts].concat()).await;
}

#[tokio::test]
async fn a_missing_manifest_is_reported() {
    let app = application(GUEST);
    std::fs::remove_file(app.manifest()).unwrap();
    app.host().assert_fails(&["spin.toml"]).await;
}

#[tokio::test]
async fn a_fault_has_a_line_and_a_column() {
    let app = application(&format!("{GUEST}\n  unknown_key = 1\n"));
    let place = format!("spin.toml:{}:3", app.line_of("unknown_key"));
    app.host().assert_fails(&[&place]).await;
}

#[tokio::test]
async fn a_missing_source_is_reported_with_the_command_that_builds_it() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"no/such.wasm\"\n[component.guest.build]\ncommand = \"true\"\n",
    );
    app.host().assert_fails(&["no/such.wasm", "`guest`", "tessera build"]).await;
}

#[tokio::test]
async fn an_unknown_component_is_reported_with_a_suggestion() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"gest\"\n\
         [component.guest]\nsource = \"$p3\"\n",
    );
    assert_refused(&app, "\"gest\"", &["gest", "`guest`"]).await;
}

#[tokio::test]
async fn a_store_of_two_components_is_refused_in_an_application_for_this_host() {
    let app = application(&format!(
        "[application.tool.tessera]\n{GUEST}key_value_stores = [\"orders\"]\n[component.other]\nsource = \"$p2\"\n\
         key_value_stores = [\"orders\"]\n"
    ));
    assert_refused(&app, "orders", &["orders", "guest", "other"]).await;
}

#[tokio::test]
async fn a_bridge_to_an_unknown_component_is_refused() {
    let app = application(&format!(
        "{GUEST}[component.bridge]\nsource = \"$p2\"\ntool.tessera.bridges = \"unknown\"\n"
    ));
    assert_refused(&app, "\"unknown\"", &["unknown"]).await;
}

#[tokio::test]
async fn cyclic_links_are_refused() {
    let app = application(
        r#"
[[trigger.http]]
route = "/..."
component = "one"
[component.one]
source = "$p3"
dependencies = { "a:b/c@1.0.0" = { component = "two-bridge" } }
[component.two]
source = "$p3"
dependencies = { "d:e/f@1.0.0" = { component = "one-bridge" } }
[component.one-bridge]
source = "$p2"
tool.tessera.bridges = "one"
[component.two-bridge]
source = "$p2"
tool.tessera.bridges = "two"
"#,
    );
    assert_refused(&app, "a:b/c@1.0.0", &["one", "two"]).await;
}

#[tokio::test]
async fn invalid_routes_and_host_patterns_are_refused() {
    let app = application(
        "[[trigger.http]]\nroute = \"/*/b\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"$p3\"\nallowed_outbound_hosts = [\"not a host\"]\n",
    );
    assert_refused(&app, "/*/b", &["/*/b"]).await;
    assert_refused(&app, "not a host", &["not a host"]).await;
}

#[tokio::test]
async fn all_faults_are_reported_at_once() {
    let app = application(
        "[[trigger.http]]\nroute = \"/*/b\"\ncomponent = \"guest\"\n\
         [[trigger.http]]\nroute = \"/\"\ncomponent = \"unknown\"\n\
         [component.guest]\nsource = \"$p3\"\ncolor = \"red\"\n",
    );
    for at in ["/*/b", "\"unknown\"", "color"] {
        assert_refused(&app, at, &[]).await;
    }
}

#[tokio::test]
async fn a_redis_trigger_of_a_component_without_a_handler_prevents_the_start() {
    let app = application(&format!(
        "{GUEST}[[trigger.redis]]\nchannel = \"orders\"\naddress = \"redis://localhost\"\n\
         component = \"guest\"\n"
    ));
    app.host().assert_fails(&["it has a Redis trigger", "spin:redis/inbound-redis@3.0.0"]).await;
}

#[tokio::test]
async fn a_permission_without_effect_causes_a_warning() {
    let app = application(&format!("{GUEST}allowed_outbound_hosts = [\"ftp://example.com:21\"]\n"));
    let host = app.host().start().await;
    let warning = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("`component.guest.allowed_outbound_hosts[0]` has no effect")
    };
    assert_eq!(host.log_line(warning).await["level"], "WARN");
    host.client().get("/").await.expect(200);
}

#[tokio::test]
async fn a_store_of_two_components_is_shared_in_other_applications() {
    let app = stock_application(&format!(
        "{GUEST}key_value_stores = [\"default\"]\n\
         [[trigger.http]]\nroute = \"/other/...\"\ncomponent = \"other\"\n\
         [component.other]\nsource = \"$p3\"\nkey_value_stores = [\"default\"]\n\
         [[trigger.http]]\nroute = \"/kv\"\ncomponent = \"other\"\n"
    ));
    let host = app.host().start().await;
    let client = host.client();
    // One component writes, and the other one reads.
    let written = client.send(Method::PUT, "/kv?key=a", None, Bytes::from("1")).await;
    written.expect(204);
    assert_eq!(client.get("/wasi-kv?key=a").await.expect(200).text(), "1");
}

#[tokio::test]
async fn a_manifest_of_version_1_runs() {
    let backend = Backend::start().await;
    let app = application(GUEST);
    std::fs::create_dir(app.folder().join("static")).unwrap();
    let app = app.with_file("static/a.txt", "a");
    let guest = harness::built_guest("guest_p3");
    let address = backend.origin().replace("http://", "");
    std::fs::write(
        app.manifest(),
        format!(
            r#"
spin_version = "1"
name = "older"
trigger = {{ type = "http", base = "/" }}
[variables]
greeting = {{ default = "good morning" }}
[[component]]
id = "Older_Guest"
source = "{}"
files = ["static/*"]
environment = {{ PLACE = "here" }}
allowed_http_hosts = ["{address}"]
key_value_stores = ["default"]
[component.config]
greeting = "{{{{ greeting }}}}"
[component.trigger]
route = "/..."
"#,
            guest.display()
        ),
    )
    .unwrap();
    let host = app.host().start().await;
    let text = async |path: &str| host.client().get(path).await.expect(200).text();
    assert_eq!(text("/variable?name=greeting").await, "good morning");
    assert_eq!(text("/env?name=PLACE").await, "here");
    assert_eq!(text("/file?path=/static/a.txt").await, "a");
    let upstream = async {
        let mut backend = backend;
        backend.next().await.answer(200, "from outside");
    };
    let path = format!("/outbound?url=http://{address}/x");
    assert_eq!(tokio::join!(text(&path), upstream).0, "from outside");
}

#[tokio::test]
async fn a_host_whose_variable_is_empty_is_not_granted_until_it_is_set() {
    let mut backend = Backend::start().await;
    let app = application(&format!(
        "[variables]\nupstream = {{ default = \"\" }}\n\
         {GUEST}allowed_outbound_hosts = [\"http://nobody.example\", \"{{{{ upstream }}}}\"]\n"
    ));
    let path = format!("/outbound?url={}", backend.url("/x"));
    let host = app.host().start().await;
    host.client().get(&path).await.expect(502);
    assert!(backend.idle());
    let host = app.host().variable("upstream", &backend.origin()).start().await;
    let client = host.client();
    let upstream = async { backend.next().await.answer(200, "yes") };
    assert_eq!(tokio::join!(client.get(&path), upstream).0.expect(200).text(), "yes");
}

#[tokio::test]
async fn of_two_equal_routes_the_last_one_is_used_with_a_warning() {
    let app = stock_application(&format!(
        "{GUEST}[[trigger.http]]\nroute = \"/twice\"\nstatic_response = {{ body = \"first\" }}\n\
         [[trigger.http]]\nroute = \"/twice\"\nstatic_response = {{ body = \"last\" }}\n"
    ));
    let host = app.host().start().await;
    let warning = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("two triggers have the route `/twice`")
    };
    assert_eq!(host.log_line(warning).await["level"], "WARN");
    assert_eq!(host.client().get("/twice").await.expect(200).text(), "last");
}

#[tokio::test]
async fn files_from_outside_of_the_application_are_there_and_excluded_ones_are_not() {
    let outside = tempfile::tempdir().unwrap();
    for name in ["a.txt", "a.map"] {
        std::fs::write(outside.path().join(name), name).unwrap();
    }
    let app = application("");
    // Both are in the folder for temporary files.
    let name = outside.path().file_name().unwrap().to_str().unwrap();
    let manifest = std::fs::read_to_string(app.manifest()).unwrap();
    let guest = GUEST.replace("$p3", harness::built_guest("guest_p3").to_str().unwrap());
    let files = format!(
        "files = [{{ source = \"../{name}\", destination = \"/shared\" }}]\n\
         exclude_files = [\"**/*.map\"]\n"
    );
    std::fs::write(app.manifest(), format!("{manifest}{guest}{files}")).unwrap();
    let host = app.host().start().await;
    let file = async |name: &str| host.client().get(&format!("/file?path=/shared/{name}")).await;
    assert_eq!(file("a.txt").await.expect(200).text(), "a.txt");
    file("a.map").await.expect(404);
}

#[tokio::test]
async fn the_chosen_build_profile_replaces_what_it_has() {
    let app = application(&format!(
        "{GUEST}environment = {{ PLACE = \"default\", COLOR = \"red\" }}\n\
         [component.guest.profile.debug]\nenvironment = {{ PLACE = \"debug\" }}\n"
    ));
    for (profile, place) in [(None, "default"), (Some("debug"), "debug")] {
        let host = app.host();
        let host = match profile {
            Some(profile) => host.argument("--profile").argument(profile),
            None => host,
        };
        let host = host.start().await;
        let variable = async |name: &str| {
            let path = format!("/env?name={name}");
            host.client().get(&path).await.expect(200).text()
        };
        assert_eq!(variable("PLACE").await, place);
        assert_eq!(variable("COLOR").await, "red");
    }
    let misspelled = app.host().argument("--profile").argument("deubg");
    misspelled.assert_fails(&["`deubg`", "did you mean `debug`?"]).await;
}
