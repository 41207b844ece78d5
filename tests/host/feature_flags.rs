//! Feature flags: what components, operators and OFREP clients see.

use crate::support::{Application, Backend, application, soon, spans, tessera};
use harness::collector::Collector;
use harness::{Client, Host};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The file of the manifest.
fn file() -> Value {
    let on_off = json!({ "on": true, "off": false });
    json!({ "flags": {
        "plain": { "type": "boolean", "variants": on_off, "default_variant": "on" },
        "targeted": {
            "type": "boolean", "variants": on_off, "default_variant": "off",
            "rules": [{
                "when": [
                    { "attribute": "country", "operator": "in", "values": ["DE"] },
                    { "attribute": "age", "operator": "at_least", "value": 18 },
                ],
                "variant": "on",
            }],
        },
        "half": {
            "type": "boolean", "variants": on_off, "default_variant": "off",
            "rules": [{ "split": [
                { "variant": "on", "weight": 50 }, { "variant": "off", "weight": 50 },
            ] }],
        },
        "color": {
            "type": "string", "variants": { "warm": "red", "cold": "blue" },
            "default_variant": "cold",
        },
        "count": { "type": "integer", "variants": { "few": 3 }, "default_variant": "few" },
        "ratio": { "type": "double", "variants": { "half": 0.5 }, "default_variant": "half" },
        "style": {
            "type": "object", "variants": { "large": { "size": 3 } }, "default_variant": "large",
        },
    } })
}

fn app(backend: &Backend) -> Application {
    let manifest = format!(
        r#"
[application.tool.tessera]
flags = "flags.json"
[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "$flags"
allowed_outbound_hosts = ["{}"]
[component.guest.dependencies]
"tessera:flags@1.0.0" = {{ component = "flags-bridge" }}
[component.flags-bridge]
source = "$flags"
tool.tessera.bridges = "host"
"#,
        backend.origin()
    );
    application(&manifest).with_file("flags.json", file().to_string())
}

/// A boolean flag with these rules.
fn boolean(rules: &Value) -> Value {
    json!({
        "type": "boolean", "variants": { "on": true, "off": false }, "default_variant": "off",
        "rules": rules,
    })
}

fn split(percent: u32) -> Value {
    boolean(&json!([{ "split": [
        { "variant": "on", "weight": percent }, { "variant": "off", "weight": 100 - percent },
    ] }]))
}

/// What the component gets.
async fn evaluated(client: &Client, path: &str) -> String {
    client.get(path).await.expect(200).text()
}

#[tokio::test]
async fn components_get_values_with_reasons_and_never_an_error() {
    let backend = Backend::start().await;
    let app = app(&backend);
    let host = app.host().start().await;
    let off = json!({ "type": "boolean", "state": "disabled", "variants": { "on": true }, "default_variant": "on" });
    host.admin().put("/flags/off", &off).await.expect(200);
    let client = host.client();
    for (path, expected) in [
        ("/boolean?key=plain&default=false", "true on Static -"),
        ("/string?key=color&default=x", "blue cold Static -"),
        ("/integer?key=count&default=0", "3 few Static -"),
        ("/double?key=ratio&default=0", "0.5 half Static -"),
        ("/object?key=style&default={}", r#"{"size":3} large Static -"#),
        ("/boolean?key=targeted&default=true&country=DE&age=18", "true on TargetingMatch -"),
        ("/boolean?key=targeted&default=true&country=DE&age=17", "false off Default -"),
        ("/boolean?key=targeted&default=true", "false off Default -"),
        ("/boolean?key=off&default=true", "true - Disabled -"),
        ("/boolean?key=off&default=false", "false - Disabled -"),
        ("/boolean?key=unknown&default=true", "true - Error FlagNotFound"),
        ("/integer?key=ratio&default=7", "7 - Error TypeMismatch"),
        ("/boolean?key=half&default=true", "true - Error TargetingKeyMissing"),
        ("/boolean?key=plain&default=false&country=A&twice=B", "false - Error InvalidContext"),
    ] {
        assert_eq!(evaluated(&client, path).await, expected, "{path}");
    }
    // A share of the users, and always the same.
    let mut on = 0;
    for user in 0..40 {
        let path = format!("/boolean?key=half&default=false&user=u{user}");
        let first = evaluated(&client, &path).await;
        assert_eq!(evaluated(&client, &path).await, first);
        on += usize::from(first == "true on Split -");
    }
    assert!((8..=32).contains(&on), "{on} of 40");
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    for line in [
        r#"tessera_feature_flag_evaluations_total{flag="color",variant="cold"} 1"#.to_owned(),
        r#"tessera_feature_flag_evaluations_total{flag="off",variant="_DEFAULT"} 2"#.to_owned(),
        r#"tessera_feature_flag_evaluations_total{flag="_OTHER",variant="_DEFAULT"} 1"#.to_owned(),
        format!(r#"tessera_feature_flag_evaluations_total{{flag="half",variant="on"}} {}"#, on * 2),
    ] {
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn a_call_sees_one_state_of_the_flags_and_the_next_call_the_new_one() {
    let mut backend = Backend::start().await;
    let app = app(&backend);
    let host = app.host().start().await;
    let (client, path) = (host.client(), format!("/twice?key=plain&wait={}", backend.url("/")));
    let call = client.spawn_get(path.clone());
    let waiting = backend.next().await;
    host.admin().post("/flags/plain/disable", &json!({})).await.expect(200);
    waiting.answer(200, "");
    assert_eq!(soon(call).await.unwrap().expect(200).text(), "true true");
    let call = client.spawn_get(path);
    backend.next().await.answer(200, "");
    assert_eq!(soon(call).await.unwrap().expect(200).text(), "false false");
}

#[tokio::test]
async fn evaluations_are_spans_with_attributes() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let collector = Collector::start().await;
    let backend = Backend::start().await;
    let app = app(&backend);
    let host = app
        .host()
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .environment("OTEL_BSP_SCHEDULE_DELAY", "10")
        .start()
        .await;
    let client = host.client().with("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01"));
    evaluated(&client, "/boolean?key=targeted&default=false&country=DE&age=20").await;
    evaluated(&client, "/boolean?key=unknown&default=false").await;
    let exported = collector
        .spans_with(|spans| {
            let of_flags =
                spans.iter().filter(|one| one.attributes.contains_key("feature_flag.key"));
            of_flags.count() == 2
        })
        .await;
    let found = exported.iter().find(|one| one.span.name == "targeted=on").expect("the span");
    for (key, value) in [
        ("feature_flag.key", "targeted"),
        ("feature_flag.result.variant", "on"),
        ("feature_flag.result.reason", "targeting_match"),
        ("feature_flag.provider.name", "tessera"),
    ] {
        assert_eq!(found.attributes.get(key).map(String::as_str), Some(value), "{key}");
    }
    let unknown = exported.iter().find(|one| one.span.name == "_OTHER").expect("the span");
    assert_eq!(unknown.attributes["feature_flag.result.reason"], "error");
    assert_eq!(unknown.attributes["error.type"], "flag_not_found");
    let kept = spans(&host, TRACE, "flag").await;
    assert!(kept.iter().any(|span| span["operation"] == "targeted=on"), "{kept:#?}");
}

#[tokio::test]
async fn changes_survive_a_crash_and_wrong_ones_change_nothing() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state");
    let backend = Backend::start().await;
    let app = app(&backend);
    let mut host = app.host().state(&state).start().await;
    let admin = host.admin();
    let everyone = boolean(&json!([{ "variant": "on" }]));
    let set = admin.put("/flags/targeted?by=ann", &everyone).await.expect(200).json();
    assert_eq!((&set["origin"], &set["is_in_file"]), (&json!("admin"), &json!(true)), "{set}");
    admin.put("/flags/new", &split(0)).await.expect(200);
    admin.post("/flags/plain/disable?by=bob", &json!({})).await.expect(200);

    let mut wrong = everyone.clone();
    wrong["rules"] = json!([{ "variant": "maybe" }]);
    wrong["extra"] = json!({});
    let refused = admin.put("/flags/targeted", &wrong).await.problem(400);
    let errors = refused["errors"].as_array().expect("errors").clone();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/extra", "/rules/0/variant"], "{refused}");
    admin.put("/flags/a%20b", &everyone).await.problem(400);
    admin.put("/flags/targeted?bye=ann", &everyone).await.problem(400);
    admin.delete("/flags/color").await.problem(409);
    admin.delete("/flags/unknown").await.problem(404);
    admin.post("/flags/unknown/enable", &json!({})).await.problem(404);
    let stranger = Client::new(&format!("http://{}", host.admin_address()));
    stranger.put("/flags/targeted", &split(0)).await.problem(401);
    stranger.get("/flags").await.problem(401);

    host.kill().await;
    let host = app.host().state(&state).start().await;
    let (client, admin) = (host.client(), host.admin());
    let targeted = "/boolean?key=targeted&default=false";
    assert_eq!(evaluated(&client, targeted).await, "true on TargetingMatch -");
    assert_eq!(evaluated(&client, "/boolean?key=plain&default=false").await, "false - Disabled -");
    let changes = admin.get("/flag-changes").await.expect(200).json();
    let changes = changes["changes"].as_array().unwrap();
    let shown: Vec<_> = changes
        .iter()
        .map(|one| ["flag", "change", "by"].map(|name| one[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [["targeted", "set", "ann"], ["new", "set", ""], ["plain", "disabled", "bob"]]
    );
    // Without the operator's definition, that of the file is in force again.
    admin.delete("/flags/targeted").await.expect(204);
    assert_eq!(evaluated(&client, targeted).await, "false off Default -");
    admin.delete("/flags/new").await.expect(204);
    assert!(evaluated(&client, "/boolean?key=new&default=true").await.ends_with("FlagNotFound"));
}

#[tokio::test]
async fn ofrep_clients_evaluate_one_flag_or_all() {
    let backend = Backend::start().await;
    let app = app(&backend);
    let host = app.host().start().await;
    let ofrep = Client::new(&format!("http://{}", host.admin_address()));
    let one = async |key: &str, body: &Value| {
        let answer = ofrep.post(&format!("/ofrep/v1/evaluate/flags/{key}"), body).await;
        assert_eq!(answer.header("content-type"), "application/json");
        (answer.status.as_u16(), answer.json())
    };
    let adult = json!({ "context": { "targetingKey": "u1", "country": "DE", "age": 20 } });
    let targeted =
        json!({ "key": "targeted", "reason": "TARGETING_MATCH", "variant": "on", "value": true });
    assert_eq!(one("targeted", &adult).await, (200, targeted));
    assert_eq!(one("style", &json!({})).await.1["value"], json!({ "size": 3 }));
    host.admin().post("/flags/plain/disable", &json!({})).await.expect(200);
    let disabled = json!({ "key": "plain", "reason": "DISABLED" });
    assert_eq!(one("plain", &json!({})).await, (200, disabled), "the client's own default");
    for (key, body, status, code) in [
        ("unknown", json!({}), 404, "FLAG_NOT_FOUND"),
        ("half", json!({}), 400, "TARGETING_KEY_MISSING"),
        ("half", json!({ "context": 1 }), 400, "INVALID_CONTEXT"),
        ("half", json!([]), 400, "PARSE_ERROR"),
    ] {
        let (got, answer) = one(key, &body).await;
        assert_eq!((got, &answer["errorCode"]), (status, &json!(code)), "{answer}");
        assert_eq!(answer["key"], key);
        assert!(answer["errorDetails"].is_string(), "{answer}");
    }

    let all = "/ofrep/v1/evaluate/flags";
    let answer = ofrep.post(all, &adult).await.expect(200);
    let flags = answer.json()["flags"].as_array().unwrap().clone();
    let keys: Vec<_> = flags.iter().map(|flag| flag["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["color", "count", "half", "plain", "ratio", "style", "targeted"]);
    let known = ofrep.with("if-none-match", answer.header("etag"));
    let unchanged = known.post(all, &adult).await.expect(304);
    assert!(unchanged.body.is_empty());
    assert_eq!(unchanged.header("etag"), answer.header("etag"));
    // Another context, or another definition, has another tag.
    let anyone = known.post(all, &json!({})).await.expect(200).json();
    let half = anyone["flags"].as_array().unwrap().iter().find(|flag| flag["key"] == "half");
    assert_eq!(half.unwrap()["errorCode"], "TARGETING_KEY_MISSING");
    host.admin().post("/flags/plain/enable", &json!({})).await.expect(200);
    known.post(all, &adult).await.expect(200);
    let invalid = known.post(all, &json!({ "context": { "targetingKey": 1 } })).await.expect(400);
    assert_eq!(invalid.json()["errorCode"], "INVALID_CONTEXT");
    let large = json!({ "context": { "a": "x".repeat(600_000) } });
    assert_eq!(ofrep.post(all, &large).await.expect(400).json()["errorCode"], "PARSE_ERROR");
    let other = ofrep.send(Method::GET, all, None, Default::default()).await;
    assert_eq!((other.status.as_u16(), other.header("allow")), (405, "POST"));
}

/// Runs `tessera flags` for a host.
async fn run(host: &Host, arguments: &[&str]) -> (Option<i32>, String) {
    let (url, token) =
        (format!("http://{}", host.admin_address()), host.state().join("admin-token"));
    let at = ["--admin-url", &url, "--admin-token-file", token.to_str().unwrap()];
    tessera(&[&["flags"], arguments, &at].concat()).await
}

#[tokio::test]
async fn an_operator_uses_the_command_line() {
    let backend = Backend::start().await;
    let app = app(&backend)
        .with_file("half.json", split(50).to_string())
        .with_file("wrong.json", r#"{ "type": "bool", "variants": { "on": true } }"#);
    let host = app.host().start().await;
    let path = |name: &str| app.folder().join(name).to_str().unwrap().to_owned();
    let ok = async |arguments: &[&str], expected: &str| {
        let (code, output) = run(&host, arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {output}");
        assert!(output.contains(expected), "{arguments:?}: {output}");
    };
    ok(&["list"], "color  enabled  string  from the file").await;
    ok(&["set", "plain", "--from", &path("half.json"), "--by", "ann"], "in place of the file's")
        .await;
    ok(&["disable", "plain", "--by", "bob"], "plain  disabled  boolean").await;
    ok(&["show", "plain"], "disabled by bob").await;
    ok(&["show", "plain"], r#""weight": 50"#).await;
    ok(&["enable", "plain"], "plain  enabled").await;
    ok(&["evaluate", "plain", "--targeting-key", "u1"], r#""reason":"SPLIT""#).await;
    let adult = ["evaluate", "targeted", "--attribute", "country=DE", "--attribute", "age=18"];
    ok(&adult, r#""variant":"on""#).await;
    ok(&["remove", "plain"], "the definition is removed").await;
    ok(&["list"], "plain  enabled  boolean  from the file").await;
    for (arguments, code, expected) in [
        (vec!["set", "plain", "--from", &path("wrong.json")], 1, "/type must be one of"),
        (vec!["set", "plain", "--from", "missing.json"], 1, "can't read missing.json"),
        (vec!["set", "plain"], 2, "--from"),
        (vec!["show", "unknown"], 1, "there is no flag with this key"),
        (vec!["remove", "color"], 1, "disable it instead"),
        (vec!["evaluate", "unknown"], 1, "there is no flag `unknown`"),
        (vec!["evaluate", "plain", "--attribute", "country"], 2, "write NAME=VALUE"),
        (vec!["enabled", "plain"], 2, "unrecognized subcommand"),
    ] {
        let (got, output) = run(&host, &arguments).await;
        assert_eq!(got, Some(code), "{arguments:?}: {output}");
        assert!(output.contains(expected), "{arguments:?}: {output}");
    }
}

#[tokio::test]
async fn a_wrong_file_prevents_the_start() {
    let backend = Backend::start().await;
    let wrong = json!({ "flags": { "f": { "type": "boolean", "variants": { "on": 1 } } } });
    let wrong = app(&backend).with_file("flags.json", wrong.to_string());
    wrong
        .host()
        .assert_fails(&["flags.json", "/flags/f/variants/on must be `true` or `false`"])
        .await;
    let missing = app(&backend);
    std::fs::remove_file(missing.folder().join("flags.json")).unwrap();
    missing.host().assert_fails(&["flags.json", "names it, relative to the manifest"]).await;
}
