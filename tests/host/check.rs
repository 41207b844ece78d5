//! `tessera check`: contracts of new code, compared with those of other code.

use crate::links::linked;
use crate::support::oci::{OciRegistry, digest_of};
use crate::support::{Application, application, tessera};
use harness::{built_guest, repository};
use serde_json::{Value, json};

/// The caller and the callee of links, of which the callee has the code of another guest now.
fn broken() -> Application {
    application(
        r#"
[[trigger.http]]
route = "/..."
component = "caller"
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links@1.0.0" = { component = "callee-bridge" }
[component.callee]
source = "$p3"
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
"#,
    )
}

/// Runs `tessera check` for an application.
async fn check(app: &Application, arguments: &[&str]) -> (Option<i32>, String) {
    let manifest = app.manifest();
    let first = ["check", "-f", manifest.to_str().unwrap()];
    tessera(&[&first[..], arguments].concat()).await
}

#[tokio::test]
async fn what_would_break_is_named_with_the_callers() {
    let callee = built_guest("guest_callee");
    let same = ["callee", "--against", callee.to_str().unwrap()];
    let (code, output) = check(&linked("", ""), &same).await;
    assert_eq!((code, output.as_str()), (Some(0), "compatible\n"));
    let app = broken();
    let (code, output) = check(&app, &[&same[..], &["--json"]].concat()).await;
    assert_eq!(code, Some(1), "{output}");
    let found: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(found["compatible"], false);
    let places: Vec<_> = found["breaks"].as_array().unwrap().iter().map(|one| &one["at"]).collect();
    for interface in ["fragile", "values"] {
        let name = format!("`tessera-test:links/{interface}@1.0.0`");
        for at in [format!("callee: export {name}"), format!("caller: import {name}")] {
            assert!(places.contains(&&json!(at)), "{at}: {found}");
        }
    }
    let reason = &found["breaks"][0]["reason"];
    assert_eq!(reason, "it is no longer exported", "{found}");
}

#[tokio::test]
async fn other_code_is_in_a_registry_or_kept_by_a_host() {
    let (registry, app) = (OciRegistry::start().await, broken());
    let code = std::fs::read(built_guest("guest_callee")).unwrap();
    let name = format!("{}/me/callee:v1", registry.name());
    registry.publish("me/callee", "v1", code.clone());
    let digest = digest_of(&code).replace("sha256:", "");
    let kept = app.folder().join(".tessera/revisions/code");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join(format!("{digest}.wasm")), code).unwrap();
    for against in [&*name, &digest[..12]] {
        let (code, output) = check(&app, &["callee", "-k", "--against", against]).await;
        assert_eq!(code, Some(1), "{output}");
        assert!(output.contains("callee: export `tessera-test:links/values@1.0.0`"), "{output}");
        assert!(output.contains("would break those who use the old contract"), "{output}");
    }
    let (code, output) = check(&app, &["callee", "--against", "0123456789ab"]).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("no code whose digest begins with it"), "{output}");
    let (_, output) = check(&app, &["unknown", "--against", &digest]).await;
    assert!(output.contains("the manifest has no component `unknown`"), "{output}");
}

#[tokio::test]
async fn descriptions_of_apis_and_events_are_compared() {
    let path = repository().join("functions/cart/api.json");
    let mut api: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let same = ["--api", path.to_str().unwrap(), "--against", path.to_str().unwrap()];
    let app = linked("", "");
    let (code, output) = check(&app, &same).await;
    assert_eq!((code, output.as_str()), (Some(0), "compatible\n"));
    api["operations"].as_object_mut().unwrap().remove("clearCart");
    let new = app.folder().join("api.json");
    std::fs::write(&new, api.to_string()).unwrap();
    let changed = ["--api", new.to_str().unwrap(), "--against", path.to_str().unwrap()];
    let (code, output) = check(&app, &changed).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.starts_with("clearCart: the operation was removed\n1 change"), "{output}");
    let (old, new) = (app.folder().join("old.json"), app.folder().join("new.json"));
    let event = |kind: &str| json!({ "type": "object", "properties": { "id": { "type": kind } } });
    std::fs::write(&old, json!({ "placed.v1": event("string") }).to_string()).unwrap();
    std::fs::write(&new, json!({ "placed.v1": event("integer") }).to_string()).unwrap();
    let events = ["--events", new.to_str().unwrap(), "--against", old.to_str().unwrap()];
    let (code, output) = check(&app, &events).await;
    assert_eq!(code, Some(1), "{output}");
    let expected = "placed.v1: id: its type is integer now, and was string before";
    assert!(output.contains(expected), "{output}");
}
