//! Messages of channels, which components handle.

use super::{ask, url};
use crate::support::{Application, Backend, application, eventually};
use harness::Host;
use servers::{REDIS, Server};

/// A component that handles the messages of the channel `orders`.
fn subscriber(server: &Server, source: &str, more: &str) -> Application {
    let url = url(server);
    application(&format!(
        r#"
trigger.redis.address = "{url}"
[[trigger.redis]]
channel = "orders"
component = "guest"
[component.guest]
source = "{source}"
allowed_outbound_hosts = ["{url}", "http://127.0.0.1:*"]
{more}"#
    ))
}

async fn subscribed(host: &Host) {
    host.log_line(|line| line["message"] == "subscribed to Redis").await;
}

async fn publish(server: &Server, channel: &str, message: &str) {
    assert_ne!(ask(server, &["PUBLISH", channel, message]).await, "0", "someone is subscribed");
}

#[tokio::test]
async fn messages_are_handled_one_after_the_other_in_their_order() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let mut backend = Backend::start().await;
    let host = subscriber(&server, "$redis", "").host().start().await;
    subscribed(&host).await;
    for path in ["/1", "/2", "/3"] {
        publish(&server, "orders", &backend.url(path)).await;
    }
    for (path, status) in [("/1", 200), ("/2", 500), ("/3", 200)] {
        let received = backend.next().await;
        assert_eq!(received.request.uri().path(), path);
        assert!(backend.idle(), "the next message waits");
        received.answer(status, "");
    }
    host.log_line(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("`orders`") && message.contains("it was refused")
    })
    .await;
    let series = |status: &str| {
        format!(
            "tessera_redis_message_duration_seconds_count\
             {{component=\"guest\",route=\"orders\",status=\"{status}\"}}"
        )
    };
    eventually(async || {
        let counts = (host.metric(&series("ok")).await, host.metric(&series("refused")).await);
        (counts == (Some(2), Some(1))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn components_of_older_interfaces_handle_messages() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let host = subscriber(&server, "$redis_v2", "").host().start().await;
    subscribed(&host).await;
    publish(&server, "orders", &format!("{} seen yes", url(&server))).await;
    eventually(async || (ask(&server, &["GET", "seen"]).await == "yes").then_some(())).await;
}

/// A module of Spin 1 that sets the key `seen` to each message.
const SPIN_1: &str = r#"(module
    (import "outbound-redis" "set" (func $set (param i32 i32 i32 i32 i32 i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "$address")
    (data (i32.const 256) "seen")
    (global $free (mut i32) (i32.const 4096))
    (func (export "canonical_abi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        local.get $at)
    (func (export "canonical_abi_free") (param i32 i32 i32))
    (func (export "handle-redis-message") (param $at i32) (param $length i32) (result i32)
        (call $set (i32.const 0) (i32.const $length_of_address) (i32.const 256) (i32.const 4)
            (local.get $at) (local.get $length) (i32.const 512))
        ;; The result is that of `set`.
        i32.const 512))"#;

#[tokio::test]
async fn a_module_of_spin_1_handles_messages_and_uses_redis() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let url = url(&server);
    let module =
        SPIN_1.replace("$address", &url).replace("$length_of_address", &url.len().to_string());
    let app = subscriber(&server, "guest.wasm", "");
    let app = app.with_file("guest.wasm", wat::parse_str(module).unwrap());
    let host = app.host().start().await;
    subscribed(&host).await;
    publish(&server, "orders", "by Spin 1").await;
    eventually(async || (ask(&server, &["GET", "seen"]).await == "by Spin 1").then_some(())).await;
}

#[tokio::test]
async fn channels_and_addresses_may_have_variables_and_several_components() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let mut backend = Backend::start().await;
    let app = subscriber(
        &server,
        "$redis",
        "[variables]\nserver = { required = true }\n\
         [[trigger.redis]]\nchannel = \"{{ server }}\"\ncomponent = \"guest\"\n\
         [[trigger.redis]]\naddress = \"{{ server }}/\"\nchannel = \"orders\"\n\
         component = \"other\"\n[[trigger.http]]\nroute = \"/...\"\ncomponent = \"other\"\n\
         [component.other]\nsource = \"$redis\"\nallowed_outbound_hosts = [\"http://127.0.0.1:*\"]\n",
    );
    let host = app.host().variable("server", &url(&server)).start().await;
    eventually(async || {
        let subscribed = ask(&server, &["PUBSUB", "NUMSUB", "orders", &url(&server)]).await;
        (subscribed == format!("orders\n2\n{}\n1", url(&server))).then_some(())
    })
    .await;
    assert_eq!(host.client().get("/").await.expect(200).text(), "hello");
    publish(&server, "orders", &backend.url("/both")).await;
    for received in backend.next_all(2).await {
        assert_eq!(received.request.uri().path(), "/both");
        received.answer(200, "");
    }
    publish(&server, &url(&server), &backend.url("/one")).await;
    assert_eq!(backend.next().await.request.uri().path(), "/one");
}

#[tokio::test]
async fn a_subscription_comes_back_with_its_server() {
    let Some(mut server) = Server::start(&REDIS).await else { return };
    let mut backend = Backend::start().await;
    let host = subscriber(&server, "$redis", "").host().start().await;
    subscribed(&host).await;
    server.kill().await;
    host.log_line(|line| {
        line["message"].as_str().is_some_and(|text| text.contains("no messages arrive from Redis"))
    })
    .await;
    server.start_again().await;
    eventually(async || {
        (ask(&server, &["PUBLISH", "orders", &backend.url("/again")]).await == "1").then_some(())
    })
    .await;
    backend.next().await.answer(200, "");
}

#[tokio::test]
async fn a_message_in_progress_is_handled_before_the_host_stops() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let mut backend = Backend::start().await;
    let mut host = subscriber(&server, "$redis", "").host().start().await;
    subscribed(&host).await;
    publish(&server, "orders", &backend.url("/last")).await;
    let last = backend.next().await;
    host.terminate();
    host.log_line(|line| line["message"].as_str().is_some_and(|text| text.starts_with("stopping")))
        .await;
    eventually(async || (ask(&server, &["PUBLISH", "orders", "none"]).await == "0").then_some(()))
        .await;
    last.answer(200, "");
    assert_eq!(host.wait().await.code(), Some(0));
}

#[tokio::test]
async fn a_message_that_is_larger_than_a_body_may_be_is_not_handled() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let mut backend = Backend::start().await;
    let app = subscriber(&server, "$redis", "tool.tessera.limits = { body_max_kib = 1 }\n");
    let host = app.host().start().await;
    subscribed(&host).await;
    publish(&server, "orders", &backend.url(&format!("/{}", "x".repeat(1_100)))).await;
    publish(&server, "orders", &backend.url("/small")).await;
    assert_eq!(backend.next().await.request.uri().path(), "/small");
    host.log_line(|line| {
        line["message"].as_str().is_some_and(|text| text.contains("body_max_kib"))
    })
    .await;
}
