//! Manifests with faults: nothing starts, and each fault is shown with its place and a way
//! out.

use crate::support::{Application, application, unwrapped};

/// The lines of a component that serves everything, so that a case shows only its fault.
const WELL: &str = r#"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
"#;

/// The host refuses the manifest: the place is the line that has `at` in it, and the text
/// says all of `words`.
async fn assert_refused(app: &Application, at: &str, words: &[&str]) {
    let (status, text) = app.host().fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    let place = format!("spin.toml:{}:", app.line_of(at));
    assert!(text.contains(&place), "{place} is not in {text}");
    let text = unwrapped(&text);
    assert!(text.contains("help: "), "there is a hint in {text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[tokio::test]
async fn a_manifest_that_is_not_there_is_named() {
    let app = application(WELL);
    std::fs::remove_file(app.manifest()).unwrap();
    let (status, text) = app.host().fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(unwrapped(&text).contains("spin.toml"), "{text}");
}

#[tokio::test]
async fn the_place_has_a_line_and_a_column() {
    let app = application(&format!("{WELL}\n  unknown_key = 1\n"));
    let (_, text) = app.host().fail().await;
    let place = format!("spin.toml:{}:3", app.line_of("unknown_key"));
    assert!(text.contains(&place), "{place} is not in {text}");
}

#[tokio::test]
async fn a_source_that_is_not_there_is_named_with_a_way_to_make_it() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"no/such.wasm\"\n[component.guest.build]\ncommand = \"true\"\n",
    );
    let (status, text) = app.host().fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    let text = unwrapped(&text);
    for word in ["no/such.wasm", "`guest`", "tessera build"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[tokio::test]
async fn an_unknown_component_is_named_with_the_one_that_may_be_meant() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"gest\"\n\
         [component.guest]\nsource = \"$p3\"\n",
    );
    assert_refused(&app, "\"gest\"", &["gest", "`guest`"]).await;
}

#[tokio::test]
async fn one_store_has_one_owner() {
    let app = application(&format!(
        "{WELL}key_value_stores = [\"orders\"]\n[component.other]\nsource = \"$p2\"\n\
         key_value_stores = [\"orders\"]\n"
    ));
    assert_refused(&app, "orders", &["orders", "guest", "other"]).await;
}

#[tokio::test]
async fn a_bridge_leads_somewhere() {
    let app = application(&format!(
        "{WELL}[component.bridge]\nsource = \"$p2\"\ntool.tessera.bridges = \"nobody\"\n"
    ));
    assert_refused(&app, "\"nobody\"", &["nobody"]).await;
}

#[tokio::test]
async fn links_make_no_circle() {
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
async fn routes_and_host_patterns_have_a_syntax() {
    let app = application(
        "[[trigger.http]]\nroute = \"/a/.../b\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"$p3\"\nallowed_outbound_hosts = [\"not a host\"]\n",
    );
    assert_refused(&app, "/a/.../b", &["/a/.../b"]).await;
    assert_refused(&app, "not a host", &["not a host"]).await;
}

#[tokio::test]
async fn all_faults_are_shown_at_once() {
    let app = application(
        "[[trigger.http]]\nroute = \"/a/.../b\"\ncomponent = \"guest\"\n\
         [[trigger.http]]\nroute = \"/\"\ncomponent = \"nobody\"\n\
         [component.guest]\nsource = \"$p3\"\ncolor = \"red\"\n",
    );
    for at in ["/a/.../b", "\"nobody\"", "color"] {
        assert_refused(&app, at, &[]).await;
    }
}

#[tokio::test]
async fn a_trigger_that_would_never_fire_is_refused() {
    let app = application(&format!(
        "{WELL}[[trigger.redis]]\nchannel = \"orders\"\naddress = \"redis://localhost\"\n\
         component = \"guest\"\n"
    ));
    assert_refused(&app, "[[trigger.redis]]", &["no Redis triggers", "stock_only"]).await;
}

#[tokio::test]
async fn a_permission_without_effect_causes_a_warning() {
    let app = application(&format!("{WELL}sqlite_databases = [\"default\"]\n"));
    let host = app.host().start().await;
    let warning = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("`component.guest.sqlite_databases` has no effect")
    };
    assert_eq!(host.log_line(warning).await["level"], "WARN");
    host.client().get("/").await.expect(200);
}
