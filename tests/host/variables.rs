//! Variables of the application, and environments of components.

use crate::support::{Application, application};
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
async fn variables_of_a_component_are_templates() {
    let host = guest().host().variable("password", "p").variable("token", "t").start().await;
    let client = host.client();
    assert_eq!(variable(&client, "color").await, "red");
    assert_eq!(variable(&client, "sentence").await, "hello, red world");
    // Other variables of the application are not available to the component.
    let answer = client.get("/variable?name=token").await.expect(404);
    assert!(answer.text().contains("Undefined"), "{}", answer.text());
    client.get("/config?name=token").await.expect(404);
}

#[tokio::test]
async fn missing_variables_are_reported_at_once() {
    let texts = ["password", "token", "--variable password=", "SPIN_VARIABLE_TOKEN"];
    let text = guest().host().assert_fails(&texts).await;
    assert!(!text.contains("color"), "only missing variables: {text}");
}

#[tokio::test]
async fn a_flag_for_a_variable_that_is_not_declared_is_refused_with_a_suggestion() {
    let app = guest();
    let host = app.host().variable("passwort", "p").variable("token", "t");
    let texts = ["--variable", "`passwort` (did you mean `password`?)", "`zzz`", "greeting"];
    host.variable("zzz", "z").assert_fails(&texts).await;
}

#[tokio::test]
async fn a_variable_of_the_environment_that_is_not_declared_is_warned_about() {
    let app = guest();
    let host = app.host().variable("password", "p").variable("token", "t");
    let host = host.environment("SPIN_VARIABLE_FLAVOR", "blue").start().await;
    host.log_line(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("SPIN_VARIABLE_FLAVOR") && message.contains("`flavor`")
    })
    .await;
}

#[tokio::test]
async fn flags_override_files_which_override_the_environment_and_defaults() {
    let app = guest().with_file(
        "runtime.toml",
        "[[variables_provider]]\ntype = \"static\"\nvalues = { color = \"file\" }\n",
    );
    let secrets = app.host().variable("password", "p").variable("token", "t");
    let file = app.folder().join("runtime.toml");
    let color = async |host: harness::HostBuilder| {
        let host = host.start().await;
        variable(&host.client(), "color").await
    };
    let environment = secrets.environment("SPIN_VARIABLE_COLOR", "environment");
    assert_eq!(color(environment).await, "environment");
    let host = || {
        let host = app.host().variable("password", "p").variable("token", "t");
        let host = host.environment("SPIN_VARIABLE_COLOR", "environment");
        host.argument("--runtime-config-file").argument(&file)
    };
    assert_eq!(color(host()).await, "file");
    assert_eq!(color(host().variable("color", "flag")).await, "flag");
}

#[tokio::test]
async fn flags_may_name_files() {
    let app = guest()
        .with_file("password.txt", "line\n")
        .with_file("more.json", r#"{"token": "j", "color": "json", "unknown": "u"}"#)
        .with_file("more.toml", "color = \"toml\"\n");
    let host = || {
        let host = app.host().folder(app.folder());
        let host = host.variable("password", "@password.txt");
        host.argument("--variable").argument("@more.json")
    };
    let started = host().start().await;
    assert_eq!(variable(&started.client(), "password").await, "line\n");
    assert_eq!(variable(&started.client(), "color").await, "json");
    started
        .log_line(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.contains("`unknown`") && message.contains("not declared")
        })
        .await;
    let started = host().argument("--variable").argument("@more.toml").start().await;
    assert_eq!(variable(&started.client(), "color").await, "toml");
    let host = || app.host().folder(app.folder()).argument("--variable");
    host().argument("@none.json").assert_fails(&["none.json can't be read"]).await;
    std::fs::write(app.folder().join("bad.json"), r#"{"token": ["s3cret"]}"#).unwrap();
    let text = host().argument("@bad.json").assert_fails(&["bad.json:1:"]).await;
    assert!(!text.contains("s3cret"), "{text}");
    std::fs::write(app.folder().join("bad.toml"), "token = [\"s3cret\"]").unwrap();
    let text = host().argument("@bad.toml").assert_fails(&["bad.toml:1:9"]).await;
    assert!(!text.contains("s3cret"), "{text}");
    let (status, text) = host().argument("@more.txt").fail().await;
    assert_eq!(status.code(), Some(2), "{text}");
    assert!(text.contains("NAME=@FILE"), "{text}");
}

#[tokio::test]
async fn the_environment_continues_in_a_file_of_the_working_directory() {
    let app = guest().with_file(
        ".env",
        "# comment\nSPIN_VARIABLE_COLOR=blue\nSPIN_VARIABLE_GREETING='good day'\n\
         SPIN_VARIABLE_PASSWORD=p\nSPIN_VARIABLE_TOKEN=t\n",
    );
    let host = app.host().folder(app.folder());
    let host = host.environment("SPIN_VARIABLE_COLOR", "green").start().await;
    assert_eq!(variable(&host.client(), "sentence").await, "good day, green world");
    // Only in the working directory, as in Spin.
    app.host().assert_fails(&["SPIN_VARIABLE_TOKEN"]).await;
    let app = app.with_file(".env", "SPIN_VARIABLE_TOKEN = \"s3cret\n");
    let text =
        app.host().folder(app.folder()).assert_fails(&[".env", "neither `NAME=value`"]).await;
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn an_allowed_host_without_a_value_grants_nothing_and_can_be_set_later() {
    let mut backend = crate::support::Backend::start().await;
    let app = application(&format!(
        "[variables]\ntelemetry_host = {{ default = \"\" }}\n{}\
         allowed_outbound_hosts = [\"http://127.0.0.2\", \"{{{{ telemetry_host }}}}\"]\n",
        Application::GUEST
    ));
    let path = format!("/outbound?url={}", backend.url("/"));
    let host = app.host().start().await;
    let answer = host.client().get(&path).await.expect(502).text();
    assert!(answer.contains("HttpRequestDenied"), "{answer}");
    let host = app.host().variable("telemetry_host", &backend.origin()).start().await;
    let client = host.client();
    let (answer, ()) = tokio::join!(client.get(&path), async {
        backend.next().await.answer(200, "reached");
    });
    assert_eq!(answer.expect(200).text(), "reached");
}

#[tokio::test]
async fn secrets_are_not_logged() {
    const SECRET: &str = "correct-horse-battery";
    let host = guest().host().variable("password", SECRET).variable("token", SECRET).start().await;
    assert_eq!(variable(&host.client(), "password").await, SECRET);
    host.client().get("/trap").await.expect(500);
    host.log_line(|line| line["blame"] == "guest").await;
    let log = serde_json::to_string(&host.log()).unwrap();
    assert!(!log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn guests_do_not_inherit_the_environment_of_the_host() {
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
