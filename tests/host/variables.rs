//! Variables, and what else operators tell components.

use crate::support::{Application, application, unwrapped};
use harness::Client;

fn guest() -> Application {
    application(
        r#"
[variables]
color = { default = "red" }
greeting = { default = "hello" }
password = { required = true, secret = true }
token = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
environment = { FROM_MANIFEST = "manifest" }
[component.guest.variables]
color = "{{ color }}"
sentence = "{{ greeting }}, {{ color }} world"
password = "{{ password }}"
"#,
    )
}

async fn variable(client: &Client, name: &str) -> String {
    let value = client.get(&format!("/variable?name={name}")).await.expect(200).text();
    let config = client.get(&format!("/config?name={name}")).await.expect(200).text();
    assert_eq!(value, config, "both interfaces say the same");
    value
}

#[tokio::test]
async fn texts_of_a_component_are_made_of_variables() {
    let host = guest().host().variable("password", "p").variable("token", "t").start().await;
    let client = host.client();
    assert_eq!(variable(&client, "color").await, "red");
    assert_eq!(variable(&client, "sentence").await, "hello, red world");
    // A variable of the application that the component does not name is none of its own.
    let answer = client.get("/variable?name=token").await.expect(404);
    assert!(answer.text().contains("Undefined"), "{}", answer.text());
    client.get("/config?name=token").await.expect(404);
}

#[tokio::test]
async fn every_variable_that_nobody_set_is_named_at_once() {
    let (status, text) = guest().host().fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    let text = unwrapped(&text);
    for word in ["password", "token", "--variable password=", "SPIN_VARIABLE_TOKEN"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    assert!(!text.contains("color"), "only what is missing: {text}");
}

#[tokio::test]
async fn a_flag_for_a_variable_that_is_not_declared_is_refused_with_a_suggestion() {
    let app = guest();
    let host = app.host().variable("passwort", "p").variable("token", "t");
    let (status, text) = host.variable("zzz", "z").fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    let text = unwrapped(&text);
    for word in ["--variable", "`passwort` (did you mean `password`?)", "`zzz`", "greeting"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[tokio::test]
async fn a_variable_of_the_environment_that_is_not_declared_is_warned_about() {
    let app = guest();
    let host = app.host().variable("password", "p").variable("token", "t");
    let host = host.environment("SPIN_VARIABLE_FLAVOR", "blue").start().await;
    let warned = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("SPIN_VARIABLE_FLAVOR") && message.contains("`flavor`")
    };
    assert!(host.log().iter().any(warned), "{:#?}", host.log());
}

#[tokio::test]
async fn flags_win_over_the_environment_and_that_over_files_and_those_over_defaults() {
    let app = guest().with_file(
        "runtime.toml",
        "[[variables_provider]]\ntype = \"static\"\n[variables_provider.values]\n\
         color = \"file\"\npassword = \"file\"\ntoken = \"file\"\n",
    );
    let file = app.folder().join("runtime.toml");
    let host = || app.host().argument("--runtime-config-file").argument(&file);
    let color = async |host: harness::HostBuilder| {
        let host = host.start().await;
        variable(&host.client(), "color").await
    };
    assert_eq!(color(host()).await, "file");
    let host = || host().environment("SPIN_VARIABLE_COLOR", "environment");
    assert_eq!(color(host()).await, "environment");
    assert_eq!(color(host().variable("color", "flag")).await, "flag");
}

#[tokio::test]
async fn secrets_are_in_no_log() {
    const SECRET: &str = "correct-horse-battery";
    let host = guest().host().variable("password", SECRET).variable("token", SECRET).start().await;
    assert_eq!(variable(&host.client(), "password").await, SECRET);
    host.client().get("/trap").await.expect(500);
    host.log_line(|line| line["blame"] == "guest").await;
    let log = serde_json::to_string(&host.log()).unwrap();
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn environments_are_the_manifests_and_the_operators_and_not_the_hosts() {
    let host = guest()
        .host()
        .variable("password", "p")
        .variable("token", "t")
        .argument("--env")
        .argument("FROM_OPERATOR=operator")
        .environment("FROM_HOST", "host")
        .start()
        .await;
    let client = host.client();
    assert_eq!(client.get("/env?name=FROM_MANIFEST").await.expect(200).text(), "manifest");
    assert_eq!(client.get("/env?name=FROM_OPERATOR").await.expect(200).text(), "operator");
    client.get("/env?name=FROM_HOST").await.expect(404);
    client.get("/env?name=PATH").await.expect(404);
}
