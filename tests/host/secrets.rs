//! Secrets that everybody can read in the manifest, secrets that the host makes, and the address
//! that clients are told.

use crate::support::{Application, application, eventually, unwrapped};
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

/// Where others could reach the application.
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

const LOOPBACK_ONLY: &str = "secret_defaults = \"loopback-only\"";

#[tokio::test]
async fn a_published_secret_keeps_the_host_from_starting_where_others_can_reach_it() {
    let app = guest(LOOPBACK_ONLY);
    let (status, text) = anywhere(app.host().variable("api_key", "mine")).fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    let text = unwrapped(&text);
    for word in [
        "`password`",
        "0.0.0.0:",
        "--variable password=…",
        "SPIN_VARIABLE_PASSWORD=…",
        "--insecure-defaults",
    ] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    assert!(!text.contains("api_key"), "only what is missing: {text}");
}

#[tokio::test]
async fn setting_a_secret_to_what_is_published_is_no_better() {
    let app = guest(LOOPBACK_ONLY);
    let host = app.host().variable("api_key", "mine");
    let (status, text) = anywhere(host.variable("password", "published")).fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("`password`"), "{text}");
}

#[tokio::test]
async fn secrets_of_ones_own_let_it_start_anywhere() {
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
    let warnings = warnings(&host);
    assert!(warnings.iter().any(|text| text.contains("`api_key`, `password`")), "{warnings:?}");
}

#[tokio::test]
async fn an_application_that_asks_for_no_rule_starts_with_a_warning() {
    let host = anywhere(guest("").host()).start().await;
    assert_eq!(variable(&host, "password").await, "published");
    let warnings = warnings(&host);
    assert!(warnings.iter().any(|text| text.contains("`api_key`, `password`")), "{warnings:?}");
}

/// Ends it in order, so that its state can be used again.
async fn ended(mut host: Host) {
    host.terminate();
    host.wait().await;
}

/// Whether the log says that a secret was made.
fn made(host: &Host, state: &Path) -> bool {
    let file = state.join("generated-secrets.env").display().to_string();
    host.log().iter().any(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("`api_key`") && message.contains(&file)
    })
}

#[tokio::test]
async fn a_secret_is_made_once_and_stays_the_same() {
    let (app, folder) = (guest("generated_secrets = [\"api_key\"]"), TempDir::new().unwrap());
    let state = folder.path().join("state");
    let host = app.host().state(&state).start().await;
    let secret = variable(&host, "api_key").await;
    assert!(secret.len() >= 32 && secret.chars().all(|c| c.is_ascii_hexdigit()), "{secret}");
    assert!(made(&host, &state), "{:#?}", host.log());
    assert!(!host.log().iter().any(|line| line.to_string().contains(&secret)), "it is no secret");
    assert_eq!(variable(&host, "password").await, "published", "only what is listed");
    ended(host).await;
    let file = state.join("generated-secrets.env");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, format!("SPIN_VARIABLE_API_KEY={secret}\n"));

    let host = app.host().state(&state).start().await;
    assert_eq!(variable(&host, "api_key").await, secret);
    assert!(!made(&host, &state), "{:#?}", host.log());
    ended(host).await;

    let other = app.host().start().await;
    assert_ne!(variable(&other, "api_key").await, secret, "another state has another one");
}

#[tokio::test]
async fn an_operators_own_value_wins_and_none_is_made() {
    let (app, folder) = (guest("generated_secrets = [\"api_key\"]"), TempDir::new().unwrap());
    let state = folder.path().join("state");
    let host = app.host().state(&state).variable("api_key", "mine").start().await;
    assert_eq!(variable(&host, "api_key").await, "mine");
    assert!(!state.join("generated-secrets.env").exists());
}

#[tokio::test]
async fn a_damaged_file_of_secrets_is_named() {
    let (app, folder) = (guest("generated_secrets = [\"api_key\"]"), TempDir::new().unwrap());
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("generated-secrets.env"), "no line of this kind\n").unwrap();
    let (status, text) = app.host().state(&state).fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("generated-secrets.env"), "{text}");
}

#[tokio::test]
async fn all_missing_variables_are_named_at_once_and_no_secret_is_generated() {
    let app = guest(
        "secret_defaults = \"loopback-only\"\nbase_url = \"url\"\n\
         generated_secrets = [\"api_key\"]",
    );
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let (status, text) = anywhere(app.host().state(&state)).fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    for word in ["`url`", "`password`", "--variable url=…", "--variable password=…"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
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
    let (status, text) = app.host().state(&state).fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("missing.wasm") && !text.contains("api_key"), "{text}");
    assert!(!state.join("generated-secrets.env").exists());
}

const BASE_URL: &str = "base_url = \"url\"";

#[tokio::test]
async fn the_application_is_told_where_its_clients_reach_it() {
    let host = guest(BASE_URL).host().start().await;
    assert_eq!(variable(&host, "url").await, format!("http://{}", host.address()));
    let host = guest("").host().start().await;
    assert_eq!(variable(&host, "url").await, "http://127.0.0.1:3000", "only if it asks for it");
    let host = guest(BASE_URL).host().variable("url", "https://shop.example").start().await;
    assert_eq!(variable(&host, "url").await, "https://shop.example");
}

#[tokio::test]
async fn an_address_that_is_all_of_them_is_none_to_tell_clients() {
    let (status, text) = anywhere(guest(BASE_URL).host()).fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    let text = unwrapped(&text);
    for word in ["`url`", "0.0.0.0:", "--variable url=…"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    let app = guest(BASE_URL);
    let host = app.host().argument("--insecure-defaults");
    let host = anywhere(host).start().await;
    assert_eq!(variable(&host, "url").await, "http://127.0.0.1:3000");
}

#[tokio::test]
async fn a_url_of_this_machine_alone_is_warned_about_where_others_come_in() {
    let app = guest(BASE_URL);
    let host = app.host().variable("url", "http://localhost:3000");
    let host = anywhere(host).start().await;
    eventually(async || {
        let told = |text: &String| text.contains("`url` is http://localhost:3000");
        warnings(&host).iter().any(told).then_some(())
    })
    .await;
}
