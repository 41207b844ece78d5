//! Links: imports of one component that another running component implements.

use crate::support::{Application, application, assert_problem, occupancy, soon};

/// A caller and a callee. The bridge is never loaded, so it may be any file.
pub(crate) fn linked(caller_limits: &str, callee_limits: &str) -> Application {
    linked_to("$callee", caller_limits, callee_limits)
}

fn linked_to(callee: &str, caller_limits: &str, callee_limits: &str) -> Application {
    application(&format!(
        r#"
[[trigger.http]]
route = "/..."
component = "caller"
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = {{ component = "callee-bridge" }}
"tessera-test:links/fragile@1.0.0" = {{ component = "callee-bridge" }}
[component.caller.tool.tessera]
limits = {{ {caller_limits} }}
[component.callee]
source = "{callee}"
[component.callee.tool.tessera]
limits = {{ {callee_limits} }}
[component.callee-bridge]
source = "$callee"
tool.tessera.bridges = "callee"
"#
    ))
}

#[tokio::test]
async fn values_of_every_type_arrive_unchanged() {
    let host = linked("", "").host().start().await;
    for path in ["/describe", "/echo", "/echo-sync"] {
        let pairs = host.client().get(path).await.expect(200).json();
        let pairs = pairs.as_array().expect("pairs");
        assert_eq!(pairs.len(), 3);
        for pair in pairs {
            assert_eq!(pair["sent"], pair["received"], "{path}");
        }
    }
}

#[tokio::test]
async fn long_strings_and_lists_arrive_complete() {
    let host = linked("", "").host().start().await;
    for path in ["/text?length=1000000", "/text?length=0", "/numbers?length=100000"] {
        assert_eq!(host.client().get(path).await.expect(200).text(), "true", "{path}");
    }
}

#[tokio::test]
async fn an_error_of_the_contract_reaches_the_caller() {
    let host = linked("", "").host().start().await;
    let answer = host.client().get("/refuse").await.expect(502).text();
    assert!(answer.contains("Rejected") && answer.contains("not today"), "{answer}");
}

#[tokio::test]
async fn a_failed_call_is_unavailable_and_the_callee_stays_usable() {
    let host = linked("", "cpu_time_max_ms = 200").host().start().await;
    for path in ["/trap", "/trap-sync", "/compute"] {
        let answer = host.client().get(path).await.expect(502).text();
        assert!(answer.contains("Unavailable") && answer.contains("callee"), "{path}: {answer}");
        assert_eq!(host.client().get("/count").await.expect(200).text(), "1", "a new instance");
        // The next call uses that instance.
        occupancy(&host, "callee", 0, 0).await;
    }
    let blamed = host.log_line(|line| line["blame"] == "guest").await;
    assert_eq!(blamed["component"], "callee");
}

#[tokio::test]
async fn a_contract_without_unavailable_makes_a_failed_call_a_trap() {
    let host = linked("", "").host().start().await;
    assert_problem(&host.client().get("/fragile").await, 500, "trap");
    assert_eq!(host.client().get("/count").await.expect(200).text(), "1");
}

#[tokio::test]
async fn the_instances_of_a_callee_are_reused() {
    let host = linked("instance_reuse_max = 1", "").host().start().await;
    for count in ["1", "2", "3"] {
        assert_eq!(host.client().get("/count").await.expect(200).text(), count);
        // Then the instance is free again.
        occupancy(&host, "callee", 0, 0).await;
    }
}

#[tokio::test]
async fn the_deadline_of_a_caller_applies_to_its_callee() {
    let host = linked("deadline_ms = 400", "deadline_ms = 600000").host().start().await;
    let answer = soon(host.client().get("/sleep?ms=600000")).await;
    // Either the callee is ended first, or the caller.
    assert!([502, 504].contains(&answer.status.as_u16()), "{}", answer.text());
    occupancy(&host, "callee", 0, 0).await;
    occupancy(&host, "caller", 0, 0).await;
}

#[tokio::test]
async fn a_callee_over_its_deadline_is_unavailable() {
    let host = linked("", "deadline_ms = 200").host().start().await;
    let answer = soon(host.client().get("/sleep?ms=600000")).await.expect(502).text();
    assert!(answer.contains("Unavailable") && answer.contains("in time"), "{answer}");
    occupancy(&host, "callee", 0, 0).await;
}

#[tokio::test]
async fn a_full_callee_is_unavailable() {
    let limits = "concurrency_max = 1, queue_length_max = 1, deadline_ms = 600000";
    let host = linked("deadline_ms = 600000", limits).host().start().await;
    let client = host.client();
    let _running = client.spawn_get("/sleep?ms=600000");
    occupancy(&host, "callee", 1, 0).await;
    let _queued = client.spawn_get("/sleep?ms=600000");
    occupancy(&host, "callee", 1, 1).await;
    let answer = client.get("/count").await.expect(502).text();
    assert!(answer.contains("Unavailable") && answer.contains("Too many calls"), "{answer}");
}

/// A component that exports a function of the contract with other types.
const OTHER_SHAPE: &str = r#"
(component
  (core module $code
    (memory (export "memory") 1)
    (func (export "f") (param i32) (result i32) local.get 0))
  (core instance $code (instantiate $code))
  (func $f (param "text" u32) (result u32) (canon lift (core func $code "f")))
  (instance $values
    (export "echo" (func $f)) (export "echo-sync" (func $f)) (export "describe" (func $f))
    (export "echo-text" (func $f)) (export "echo-numbers" (func $f))
    (export "refuse" (func $f)) (export "trap" (func $f)) (export "trap-sync" (func $f))
    (export "sleep" (func $f)) (export "compute" (func $f)) (export "count" (func $f)))
  (export "tessera-test:links/values@1.0.0" (instance $values)))
"#;

#[tokio::test]
async fn a_callee_with_other_types_prevents_the_start() {
    let bytes = wat::parse_str(OTHER_SHAPE).expect("WebAssembly text");
    let app = linked_to("other.wasm", "", "").with_file("other.wasm", bytes);
    let texts = ["`caller`", "`callee`", "tessera-test:links/values@1.0.0"];
    app.host().assert_fails(&texts).await;
}

#[tokio::test]
async fn a_callee_without_the_export_prevents_the_start() {
    let texts = ["`caller`", "`callee`", "tessera-test:links/", "does not export it"];
    linked_to("$p2", "", "").host().assert_fails(&texts).await;
}

#[tokio::test]
async fn a_dependency_that_is_not_a_bridge_is_composed_into_its_importer() {
    let app = application(
        r#"
[[trigger.http]]
route = "/..."
component = "caller"
[component.caller]
source = "$caller"
[component.caller.dependencies]
"tessera-test:links/values@1.0.0" = { component = "library" }
"tessera-test:links/fragile@1.0.0" = { component = "library" }
[component.library]
source = "$callee"
"#,
    );
    let host = app.host().start().await;
    let pairs = host.client().get("/echo").await.expect(200).json();
    assert_eq!(pairs[2]["sent"], pairs[2]["received"]);
    // They share an instance, so a trap of the library is a trap of its importer.
    assert_problem(&host.client().get("/trap").await, 500, "trap");
    host.client().get("/echo").await.expect(200);
    let components = host.admin().get("/components").await.expect(200).json();
    assert_eq!(components["components"].as_array().unwrap().len(), 1, "{components}");
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(!metrics.contains("tessera_link_call_duration_seconds_count{"), "{metrics}");
}
