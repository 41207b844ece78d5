//! Secrets with published defaults, generated secrets, and the base URL of the application.

use crate::support::{Application, application};
use harness::{Client, Host, HostBuilder};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

fn guest(settings: &str) -> Application {
    application(&format!(
        r#"
[application.tool.tessera]
{settings}
[variables]
password = {{ default = "published", secret = true }}
api_key = {{ default = "published, too", secret = true }}
url = {{ default = "http://127.0.0.1:3000" }}
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$p3"
[component.guest.variables]
password = "{{{{ password }}}}"
api_key = "{{{{ api_key }}}}"
url = "{{{{ url }}}}"
"#
    ))
}

/// On an address that other machines can reach.
fn anywhere(host: HostBuilder) -> HostBuilder {
    host.listen(SocketAddr::from(([0, 0, 0, 0], 0)))
}

async fn variable(host: &Host, name: &str) -> String {
    let client = Client::new(&format!("http://127.0.0.1:{}", host.address().port()));
    client.get(&format!("/variable?name={name}")).await.expect(200).text()
}

fn warnings(host: &Host) -> Vec<String> {
    let log = host.log();
    let warnings = log.iter().filter(|line| line["level"] == "WARN");
    warnings.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits for a warning that contains this text.
async fn warning(host: &Host, text: &str) {
    host.log_line(|line| {
        line["level"] == "WARN" && line["message"].as_str().is_some_and(|m| m.contains(text))
    })
    .await;
}

const LOOPBACK_ONLY: &str = "secret_defaults = \"loopback-only\"";

#[tokio::test]
async fn a_published_secret_prevents_the_start_on_a_reachable_address() {
    let app = guest(LOOPBACK_ONLY);
    let texts = [
        "`password`",
        "0.0.0.0:",
        "--variable password=…",
        "SPIN_VARIABLE_PASSWORD=…",
        "--insecure-defaults",
    ];
    let text = anywhere(app.host().variable("api_key", "mine")).assert_fails(&texts).await;
    assert!(!text.contains("api_key"), "only missing variables: {text}");
}

#[tokio::test]
async fn a_secret_that_is_set_to_its_published_default_is_refused() {
    let app = guest(LOOPBACK_ONLY);
    let host = app.host().variable("api_key", "mine");
    anywhere(host.variable("password", "published")).assert_fails(&["`password`"]).await;
}

#[tokio::test]
async fn with_other_secrets_the_host_starts_on_a_reachable_address() {
    let app = guest(LOOPBACK_ONLY);
    let host = app.host().variable("api_key", "mine");
    let host = anywhere(host.variable("password", "mine, too")).start().await;
    assert_eq!(variable(&host, "password").await, "mine, too");
    assert_eq!(warnings(&host), Vec::<String>::new());
}

#[tokio::test]
async fn published_secrets_work_on_loopback() {
    let host = guest(LOOPBACK_ONLY).host().start().await;
    assert_eq!(variable(&host, "password").await, "published");
    assert_eq!(warnings(&host), Vec::<String>::new());
}

#[tokio::test]
async fn the_rule_can_be_overridden_with_a_warning() {
    let app = guest(LOOPBACK_ONLY);
    let host = app.host().argument("--insecure-defaults");
    let host = anywhere(host).start().await;
    assert_eq!(variable(&host, "password").await, "published");
    warning(&host, "`api_key`, `password`").await;
}

#[tokio::test]
async fn without_the_rule_published_secrets_cause_a_warning() {
    let host = anywhere(guest("").host()).start().await;
    assert_eq!(variable(&host, "password").await, "published");
    warning(&host, "`api_key`, `password`").await;
}

/// Stops it, so that its state can be used again.
async fn stop(mut host: Host) {
    host.terminate();
    host.wait().await;
}

/// Whether the log reports that the secret was generated.
fn generated(host: &Host, state: &Path) -> bool {
    let file = state.join("generated-secrets.env").display().to_string();
    host.log().iter().any(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("`api_key`") && message.contains(&file)
    })
}

#[tokio::test]
async fn a_secret_is_generated_once_and_stays_the_same() {
    let (app, folder) = (guest("generated_secrets = [\"api_key\"]"), TempDir::new().unwrap());
    let state = folder.path().join("state");
    let host = app.host().state(&state).start().await;
    let secret = variable(&host, "api_key").await;
    assert!(secret.len() >= 32 && secret.chars().all(|c| c.is_ascii_hexdigit()), "{secret}");
    assert!(generated(&host, &state), "{:#?}", host.log());
    assert!(
        !host.log().iter().any(|line| line.to_string().contains(&secret)),
        "the secret is in the log"
    );
    assert_eq!(variable(&host, "password").await, "published", "only what is listed");
    stop(host).await;
    let file = state.join("generated-secrets.env");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, format!("SPIN_VARIABLE_API_KEY={secret}\n"));

    let host = app.host().state(&state).start().await;
    assert_eq!(variable(&host, "api_key").await, secret);
    assert!(!generated(&host, &state), "{:#?}", host.log());
    stop(host).await;

    let other = app.host().start().await;
    assert_ne!(variable(&other, "api_key").await, secret, "each state has its own secret");
}

#[tokio::test]
async fn a_secret_of_the_operator_is_not_generated() {
    let (app, folder) = (guest("generated_secrets = [\"api_key\"]"), TempDir::new().unwrap());
    let state = folder.path().join("state");
    let host = app.host().state(&state).variable("api_key", "mine").start().await;
    assert_eq!(variable(&host, "api_key").await, "mine");
    assert!(!state.join("generated-secrets.env").exists());
}

#[tokio::test]
async fn a_damaged_file_of_secrets_is_reported() {
    let (app, folder) = (guest("generated_secrets = [\"api_key\"]"), TempDir::new().unwrap());
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("generated-secrets.env"), "no line of this kind\n").unwrap();
    app.host().state(&state).assert_fails(&["generated-secrets.env"]).await;
}

#[tokio::test]
async fn missing_variables_are_reported_at_once_and_no_secret_is_generated() {
    let app = guest(
        "secret_defaults = \"loopback-only\"\nbase_url = \"url\"\n\
         generated_secrets = [\"api_key\"]",
    );
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let texts = ["`url`", "`password`", "--variable url=…", "--variable password=…"];
    let text = anywhere(app.host().state(&state)).assert_fails(&texts).await;
    assert!(!text.contains("api_key"), "{text}");
    assert!(!state.join("generated-secrets.env").exists());
}

#[tokio::test]
async fn a_failed_start_generates_no_secrets() {
    let app = guest("generated_secrets = [\"api_key\"]");
    let manifest = std::fs::read_to_string(app.manifest()).unwrap();
    let source = harness::built_guest("guest_p3").display().to_string();
    let app = app.with_file("spin.toml", manifest.replace(&source, "missing.wasm"));
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let text = app.host().state(&state).assert_fails(&["missing.wasm"]).await;
    assert!(!text.contains("api_key"), "{text}");
    assert!(!state.join("generated-secrets.env").exists());
}

const BASE_URL: &str = "base_url = \"url\"";

#[tokio::test]
async fn the_base_url_variable_is_the_address_of_the_host() {
    let host = guest(BASE_URL).host().start().await;
    assert_eq!(variable(&host, "url").await, format!("http://{}", host.address()));
    let host = guest("").host().start().await;
    assert_eq!(variable(&host, "url").await, "http://127.0.0.1:3000", "only with `base_url`");
    let host = guest(BASE_URL).host().variable("url", "https://shop.example").start().await;
    assert_eq!(variable(&host, "url").await, "https://shop.example");
}

#[tokio::test]
async fn an_unspecified_address_needs_an_explicit_base_url() {
    let texts = ["`url`", "0.0.0.0:", "--variable url=…"];
    anywhere(guest(BASE_URL).host()).assert_fails(&texts).await;
    let app = guest(BASE_URL);
    let host = app.host().argument("--insecure-defaults");
    let host = anywhere(host).start().await;
    assert_eq!(variable(&host, "url").await, "http://127.0.0.1:3000");
}

#[tokio::test]
async fn a_loopback_base_url_on_a_reachable_address_causes_a_warning() {
    let app = guest(BASE_URL);
    let host = app.host().variable("url", "http://localhost:3000");
    let host = anywhere(host).start().await;
    warning(&host, "`url` is http://localhost:3000").await;
}
