//! Components as they come: core modules, older interfaces, and interfaces that the host lacks.

use crate::support::{Application, application, assert_problem, occupancy};
use bytes::Bytes;
use http::Method;

/// A module of Spin 1. Its responses have the value of the variable `greeting`, and the status 200
/// plus the number of requests that the instance has served before.
pub(crate) const SPIN_1: &str = r#"(module
    (import "spin-config" "get-config" (func $get (param i32 i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "greeting")
    (global $free (mut i32) (i32.const 4096))
    (global $served (mut i32) (i32.const 0))
    (func (export "canonical_abi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        local.get $at)
    (func (export "canonical_abi_free") (param i32 i32 i32))
    (func (export "handle-http-request")
        (param $method i32) (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        ;; A result: its tag at 64, then the text.
        (call $get (i32.const 0) (i32.const 8) (i32.const 64))
        ;; A response: a status, no header fields, a body.
        (i32.store16 (i32.const 128) (i32.add (i32.const 200) (global.get $served)))
        (i32.store8 (i32.const 132) (i32.const 0))
        (i32.store8 (i32.const 144) (i32.const 1))
        (i32.store (i32.const 148) (i32.load (i32.const 68)))
        (i32.store (i32.const 152) (i32.load (i32.const 72)))
        (global.set $served (i32.add (global.get $served) (i32.const 1)))
        i32.const 128))"#;

/// An application of this module, with more lines of its component.
pub(crate) fn made_of(module: &str, more: &str) -> Application {
    let manifest = format!(
        "[variables]\ngreeting = {{ default = \"good morning\" }}\n[[trigger.http]]\n\
         route = \"/...\"\ncomponent = \"guest\"\n[component.guest]\nsource = \"guest.wasm\"\n\
         variables = {{ greeting = \"{{{{ greeting }}}}\" }}\n{more}"
    );
    application(&manifest).with_file("guest.wasm", wat::parse_str(module).unwrap())
}

#[tokio::test]
async fn a_module_of_spin_1_serves_each_request_with_a_new_instance() {
    let host = made_of(SPIN_1, "").host().start().await;
    for _ in 0..3 {
        assert_eq!(host.client().get("/").await.expect(200).text(), "good morning");
        occupancy(&host, "guest", 0, 0).await;
    }
}

#[tokio::test]
async fn a_module_of_spin_1_may_read_the_environment_in_constructors() {
    let import = r#"(module (import "wasi_snapshot_preview1" "environ_sizes_get"
        (func $environ (param i32 i32) (result i32)))"#;
    let constructors =
        "(func $constructors (drop (call $environ (i32.const 512) (i32.const 516))))";
    // The linker of earlier versions of Rust calls them in each export.
    let realloc = r#"(func (export "canonical_abi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)"#;
    let free = r#"(func (export "canonical_abi_free") (param i32 i32 i32)"#;
    let module = SPIN_1
        .replacen("(module", import, 1)
        .replacen(realloc, &format!("{constructors} {realloc} call $constructors"), 1)
        .replacen(free, &format!("{free} call $constructors nop"), 1);
    let host = made_of(&module, "").host().start().await;
    assert_eq!(host.client().get("/").await.expect(200).text(), "good morning");
}

#[tokio::test]
async fn the_manifest_can_let_instances_of_wasi_0_2_be_reused() {
    let limits = "tool.tessera.limits = { instance_reuse_max = 10 }\n";
    let host = made_of(SPIN_1, limits).host().start().await;
    for status in [200, 201, 202] {
        host.client().get("/").await.expect(status);
        occupancy(&host, "guest", 0, 0).await;
    }
}

#[tokio::test]
async fn a_method_that_spin_1_does_not_have_is_refused() {
    let host = made_of(SPIN_1, "").host().start().await;
    host.client().send(Method::TRACE, "/", None, Bytes::new()).await.expect(405);
}

#[tokio::test]
async fn an_interface_that_the_host_lacks_is_a_warning_and_a_trap_at_the_call() {
    let app = application(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\
         [component.guest]\nsource = \"$lacking\"\n",
    );
    let host = app.host().start().await;
    let named = |text: &str, line: &serde_json::Value| {
        line["message"].as_str().is_some_and(|message| message.contains(text))
    };
    host.log_line(|line| line["level"] == "WARN" && named("spin:teleport/beam@1.0.0", line)).await;
    host.client().get("/").await.expect(200);
    assert_problem(&host.client().get("/call").await, 500, "trap");
    host.log_line(|line| named("`go` of `spin:teleport/beam@1.0.0`", line)).await;
    host.client().get("/").await.expect(200);
}

#[tokio::test]
async fn an_earlier_release_of_an_interface_is_the_one_of_the_host() {
    let component = Application::GUEST.replace("$p3", "$p2");
    let manifest = format!("{component}sqlite_databases = [\"default\"]\n");
    let host = application(&manifest).host().start().await;
    assert_eq!(host.client().get("/sqlite").await.expect(200).text(), "Ok(0)");
}
