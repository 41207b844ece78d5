//! Live links: an import of one component answered by another one.

use crate::support::{Application, application, assert_problem, occupancy, soon};
use std::time::Duration;

/// A caller and a callee. The bridge is never loaded, so it may be anything.
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
async fn every_kind_of_value_arrives_unchanged() {
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
async fn long_texts_and_lists_arrive_whole() {
    let host = linked("", "").host().start().await;
    for path in ["/text?length=1000000", "/text?length=0", "/numbers?length=100000"] {
        assert_eq!(host.client().get(path).await.expect(200).text(), "true", "{path}");
    }
}

#[tokio::test]
async fn an_error_of_the_contract_is_the_contracts() {
    let host = linked("", "").host().start().await;
    let answer = host.client().get("/refuse").await.expect(502).text();
    assert!(answer.contains("Rejected") && answer.contains("not today"), "{answer}");
}

#[tokio::test]
async fn a_callee_that_fails_is_unavailable_and_lives_on() {
    let host = linked("", "cpu_time_max_ms = 200").host().start().await;
    for path in ["/trap", "/trap-sync", "/compute"] {
        let answer = host.client().get(path).await.expect(502).text();
        assert!(answer.contains("Unavailable") && answer.contains("callee"), "{path}: {answer}");
        assert_eq!(host.client().get("/count").await.expect(200).text(), "1", "a new instance");
    }
    let blamed = host.log_line(|line| line["blame"] == "guest").await;
    assert_eq!(blamed["component"], "callee");
}

#[tokio::test]
async fn a_contract_that_cannot_say_unavailable_costs_the_caller_its_call() {
    let host = linked("", "").host().start().await;
    assert_problem(&host.client().get("/fragile").await, 500, "trap");
    assert_eq!(host.client().get("/count").await.expect(200).text(), "1");
}

#[tokio::test]
async fn a_callee_has_instances_of_its_own_that_are_kept() {
    let host = linked("instance_reuse_max = 1", "").host().start().await;
    for count in ["1", "2", "3"] {
        assert_eq!(host.client().get("/count").await.expect(200).text(), count);
    }
}

#[tokio::test]
async fn the_callers_deadline_holds_for_its_callee() {
    let host = linked("deadline_ms = 400", "deadline_ms = 600000").host().start().await;
    let started = std::time::Instant::now();
    let answer = soon(host.client().get("/sleep?ms=600000")).await;
    // Whoever is first says it: the caller's own deadline, or the callee's shorter one.
    assert!([502, 504].contains(&answer.status.as_u16()), "{}", answer.text());
    assert!(started.elapsed() < Duration::from_secs(20), "and not the callee's ten minutes");
    occupancy(&host, "callee", 0, 0).await;
    occupancy(&host, "caller", 0, 0).await;
}

#[tokio::test]
async fn the_callees_own_deadline_is_unavailable_for_its_caller() {
    let host = linked("", "deadline_ms = 200").host().start().await;
    let answer = soon(host.client().get("/sleep?ms=600000")).await.expect(502).text();
    assert!(answer.contains("Unavailable") && answer.contains("in time"), "{answer}");
    occupancy(&host, "callee", 0, 0).await;
}

#[tokio::test]
async fn a_full_callee_is_unavailable() {
    let host = linked("", "concurrency_max = 1, queue_length_max = 1, deadline_ms = 3000")
        .host()
        .start()
        .await;
    let client = host.client();
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get("/sleep?ms=600000").await })
        })
        .collect();
    occupancy(&host, "callee", 1, 1).await;
    let answer = client.get("/count").await.expect(502).text();
    assert!(answer.contains("Unavailable") && answer.contains("Too many calls"), "{answer}");
    for one in waiting {
        soon(one).await.unwrap().expect(502);
    }
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
async fn a_callee_of_another_shape_is_refused_at_the_start() {
    let bytes = wat::parse_str(OTHER_SHAPE).expect("WebAssembly text");
    let app = linked_to("other.wasm", "", "").with_file("other.wasm", bytes);
    let (status, text) = app.host().fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    for word in ["`caller`", "`callee`", "tessera-test:links/values@1.0.0"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[tokio::test]
async fn a_callee_without_the_export_is_refused_at_the_start() {
    let (status, text) = linked_to("$p2", "", "").host().fail().await;
    assert_eq!(status.code(), Some(1), "{text}");
    for word in ["`caller`", "`callee`", "tessera-test:links/", "does not export it"] {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[tokio::test]
async fn a_dependency_that_is_no_bridge_becomes_part_of_its_importer() {
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
    // One store, one instance: what the library does to itself it does to its importer.
    assert_problem(&host.client().get("/trap").await, 500, "trap");
    host.client().get("/echo").await.expect(200);
    let components = host.admin().get("/components").await.expect(200).json();
    assert_eq!(components["components"].as_array().unwrap().len(), 1, "{components}");
    let metrics = host.admin().get("/metrics").await.expect(200).text();
    assert!(!metrics.contains("tessera_link_call_duration_seconds_count{"), "{metrics}");
}
