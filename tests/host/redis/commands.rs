//! Commands that guests send, by each interface.

use super::{ask, url};
use crate::support::{Application, application, assert_problem, eventually, soon};
use bytes::Bytes;
use harness::{Answer, Client};
use http::Method;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use servers::{REDIS, Server};

/// Components that may use this server: `/…` by the current SDK, `/old/…` by an older interface.
/// `/denied/…` may not. More lines of the first component may follow.
fn commands(server: &Server, more: &str) -> Application {
    let url = url(server);
    application(&format!(
        r#"
[[trigger.http]]
route = "/denied/..."
component = "denied"
[[trigger.http]]
route = "/old/..."
component = "old"
[[trigger.http]]
route = "/..."
component = "guest"
[component.denied]
source = "$redis_v2"
allowed_outbound_hosts = ["redis://127.0.0.1:1", "http://127.0.0.1:*"]
[component.old]
source = "$redis_v2"
allowed_outbound_hosts = ["{url}"]
[component.guest]
source = "$redis"
allowed_outbound_hosts = ["{url}", "redis://127.0.0.1:1", "http://127.0.0.1:*"]
{more}"#
    ))
}

async fn execute(client: &Client, url: &str, commands: Value) -> Answer {
    let path = format!("/execute?address={url}");
    client.send(Method::POST, &path, None, Bytes::from(commands.to_string())).await
}

/// The replies to commands on one connection.
async fn replies(client: &Client, url: &str, commands: Value) -> Value {
    let answer = execute(client, url, commands).await.expect(200);
    serde_json::from_str(&answer.text()).unwrap_or_else(|_| Value::String(answer.text()))
}

#[tokio::test]
async fn all_functions_of_every_interface_reach_the_server() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let (host, url) = (commands(&server, "").host().start().await, url(&server));
    let expected = json!([null, "value", [1, 2], 2, 1, ["a"], 3]);
    for path in [format!("/typed?address={url}"), format!("/old?{url}")] {
        let answer = host.client().get(&path).await.expect(200).text();
        assert_eq!(serde_json::from_str::<Value>(&answer).expect(&answer), expected, "{path}");
        assert_eq!(ask(&server, &["DBSIZE"]).await, "0");
    }
}

#[tokio::test]
async fn any_command_can_be_executed_and_lists_are_flattened() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let host = commands(&server, "").host().start().await;
    let commands = json!([
        ["SET", "k", "v"],
        ["GET", "none"],
        ["incrby", "n", 41],
        ["RPUSH", "list", "a", "b"],
        ["EVAL", "return {1, {'x', redis.call('LRANGE', 'list', 0, -1)}}", 0],
        ["LLEN", "k"],
    ]);
    let replies = replies(&host.client(), &url(&server), commands).await;
    let expected = json!([[{ "status": "OK" }], [null], [41], [2], [1, "x", "a", "b"]]);
    assert_eq!(replies.as_array().unwrap()[..5], expected.as_array().unwrap()[..]);
    assert!(replies[5].as_str().unwrap().contains("WRONGTYPE"), "{replies}");
}

#[tokio::test]
async fn an_address_that_the_manifest_does_not_allow_or_that_is_none_is_refused() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let (host, url) = (commands(&server, "").host().start().await, url(&server));
    let client = host.client();
    let denied = client.get(&format!("/denied?{url}")).await.expect(200).text();
    assert!(denied.contains("InvalidAddress"), "{denied}");
    host.log_line(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains(&url) && message.contains("allowed_outbound_hosts")
    })
    .await;
    for wrong in ["127.0.0.1", "http://127.0.0.1", "redis://localhost:1", "unix:///x"] {
        let answer = client.get(&format!("/typed?address={wrong}")).await.expect(200).text();
        assert!(answer.contains("InvalidAddress"), "{wrong}: {answer}");
    }
    let allowed = client.get("/typed?address=redis://127.0.0.1:1").await.expect(200).text();
    assert!(allowed.contains("no connection to redis://127.0.0.1:1"), "{allowed}");
    let clients = ask(&server, &["CLIENT", "LIST"]).await;
    assert_eq!(clients.lines().count(), 1, "only that of the test: {clients}");
}

#[tokio::test]
async fn instances_share_a_connection_until_a_command_would_change_it() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let (host, url) = (commands(&server, "").host().start().await, url(&server));
    let client = host.client();
    replies(&client, &url, json!([["SET", "k", "of database 0"]])).await;
    let selected = json!([["SELECT", 1], ["SET", "k", "of database 1"], ["GET", "k"]]);
    assert_eq!(replies(&client, &url, selected).await[2], json!(["of database 1"]));
    let other = replies(&client, &url, json!([["GET", "k"]])).await;
    assert_eq!(other, json!([["of database 0"]]));
    let transaction = json!([["MULTI"], ["INCR", "n"], ["INCR", "n"], ["EXEC"]]);
    assert_eq!(replies(&client, &url, transaction).await[3], json!([1, 2]));
    eventually(async || {
        let clients = ask(&server, &["CLIENT", "LIST"]).await;
        // That of the test, and the shared one: the others end with their handles.
        (clients.lines().count() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_command_that_waits_delays_no_other_instance_and_ends_with_the_deadline() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let more = "[[trigger.http]]\nroute = \"/hasty/...\"\ncomponent = \"hasty\"\n\
                [component.hasty]\nsource = \"$redis_v2\"\nallowed_outbound_hosts = [\"$url\"]\n\
                tool.tessera.limits = { deadline_ms = 300 }\n";
    let more = more.replace("$url", &url(&server));
    let (host, url) = (commands(&server, &more).host().start().await, url(&server));
    let client = host.client();
    let waiting = {
        let (client, url) = (client.clone(), url.clone());
        tokio::spawn(async move { replies(&client, &url, json!([["BLPOP", "jobs", 0]])).await })
    };
    eventually(async || {
        ask(&server, &["CLIENT", "LIST"]).await.contains("cmd=blpop").then_some(())
    })
    .await;
    assert_eq!(replies(&client, &url, json!([["PING"]])).await, json!([[{ "status": "PONG" }]]));
    ask(&server, &["RPUSH", "jobs", "one"]).await;
    assert_eq!(soon(waiting).await.unwrap(), json!([["jobs", "one"]]));

    server.pause();
    assert_problem(&client.get(&format!("/hasty?{url}")).await, 504, "deadline-exceeded");
    server.resume();
    eventually(async || {
        let answer = client.get(&format!("/hasty?{url}")).await;
        (answer.status == 200 && answer.text().starts_with('[')).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reply_that_is_too_large_is_an_error_and_the_next_command_works() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let (host, url) = (commands(&server, "").host().start().await, url(&server));
    ask(&server, &["SETRANGE", "huge", "40000000", "x"]).await;
    let replies = replies(&host.client(), &url, json!([["GET", "huge"], ["STRLEN", "huge"]])).await;
    assert!(replies[0].as_str().unwrap().contains("exceeds limit of 33554432 bytes"), "{replies}");
    assert_eq!(replies[1], json!([40_000_001]));
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let Some(mut server) = Server::start(&REDIS).await else { return };
    let (host, url) = (commands(&server, "").host().start().await, url(&server));
    let client = host.client();
    replies(&client, &url, json!([["SET", "k", "v"]])).await;
    server.kill().await;
    eventually(async || {
        let text = execute(&client, &url, json!([["GET", "k"]])).await.expect(200).text();
        text.contains("no connection to").then_some(())
    })
    .await;
    server.start_again().await;
    eventually(async || {
        let replies = replies(&client, &url, json!([["GET", "k"]])).await;
        (replies == json!([["v"]])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_instance_holds_a_limited_number_of_connections() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let (host, url) = (commands(&server, "").host().start().await, url(&server));
    for _ in 0..2 {
        let answer = host.client().get(&format!("/open?count=300&address={url}")).await;
        assert_eq!(answer.expect(200).text(), "256 Error::TooManyConnections");
    }
}

#[tokio::test]
async fn the_certificate_of_a_server_is_verified_with_the_roots_of_the_system() {
    let Some(server) = Server::start(&REDIS).await else { return };
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = server.folder().join("cert.pem");
    std::fs::write(&certificate, cert.pem()).unwrap();
    std::fs::write(server.folder().join("key.pem"), signing_key.serialize_pem()).unwrap();
    let port = harness::fixed_address().port().to_string();
    let set = [
        ["tls-cert-file", "cert.pem"],
        ["tls-key-file", "key.pem"],
        ["tls-ca-cert-file", "cert.pem"],
        ["tls-auth-clients", "no"],
        ["tls-port", &port],
    ];
    let set = ["CONFIG", "SET"].into_iter().chain(set.into_iter().flatten());
    assert_eq!(ask(&server, &set.collect::<Vec<_>>()).await, "OK");
    let app = application(&format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n[component.guest]\n\
         source = \"$redis\"\nallowed_outbound_hosts = [\"rediss://localhost:{port}\"]\n"
    ));
    let url = format!("rediss://localhost:{port}");
    let ping = json!([["PING"]]);
    let trusting = app.host().environment("SSL_CERT_FILE", certificate.to_str().unwrap());
    let host = trusting.start().await;
    assert_eq!(replies(&host.client(), &url, ping.clone()).await, json!([[{ "status": "PONG" }]]));
    let host = app.host().start().await;
    let refused = replies(&host.client(), &url, ping).await.to_string();
    assert!(refused.contains("no connection to") && refused.contains("certificate"), "{refused}");
}
