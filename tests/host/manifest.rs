//! Manifests with faults: the host does not start, and reports each fault with its line and a hint.

use crate::support::{Application, application};

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
async fn a_store_of_two_components_is_refused() {
    let app = application(&format!(
        "{GUEST}key_value_stores = [\"orders\"]\n[component.other]\nsource = \"$p2\"\n\
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
        "[[trigger.http]]\nroute = \"/a/.../b\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"$p3\"\nallowed_outbound_hosts = [\"not a host\"]\n",
    );
    assert_refused(&app, "/a/.../b", &["/a/.../b"]).await;
    assert_refused(&app, "not a host", &["not a host"]).await;
}

#[tokio::test]
async fn all_faults_are_reported_at_once() {
    let app = application(
        "[[trigger.http]]\nroute = \"/a/.../b\"\ncomponent = \"guest\"\n\
         [[trigger.http]]\nroute = \"/\"\ncomponent = \"unknown\"\n\
         [component.guest]\nsource = \"$p3\"\ncolor = \"red\"\n",
    );
    for at in ["/a/.../b", "\"unknown\"", "color"] {
        assert_refused(&app, at, &[]).await;
    }
}

#[tokio::test]
async fn a_trigger_that_would_never_fire_is_refused() {
    let app = application(&format!(
        "{GUEST}[[trigger.redis]]\nchannel = \"orders\"\naddress = \"redis://localhost\"\n\
         component = \"guest\"\n"
    ));
    assert_refused(&app, "[[trigger.redis]]", &["no Redis triggers", "stock_only"]).await;
}

#[tokio::test]
async fn a_permission_without_effect_causes_a_warning() {
    let app = application(&format!("{GUEST}ai_models = [\"llama2-chat\"]\n"));
    let host = app.host().start().await;
    let warning = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("`component.guest.ai_models` has no effect")
    };
    assert_eq!(host.log_line(warning).await["level"], "WARN");
    host.client().get("/").await.expect(200);
}
