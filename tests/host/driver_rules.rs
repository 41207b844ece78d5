//! What the operator sets for the connections of all drivers: blocked networks and limits.

use crate::support::sql::{query, value};
use crate::support::{Application, application, mariadb, postgres};
use harness::{Answer, Host};
use http::Method;
use serde_json::{Value, json};
use servers::{MOSQUITTO, REDIS, Server};

/// Guests for all drivers, which may connect to everything.
fn app(config: &str) -> Application {
    let routes = [
        ("mqtt", "services"),
        ("mqtt-open", "services"),
        ("pg4", "sql"),
        ("mysql3", "sql"),
        ("execute", "redis"),
    ];
    let routes = routes.map(|(path, guest)| {
        format!("[[trigger.http]]\nroute = \"/{path}\"\ncomponent = \"{guest}\"\n")
    });
    let guests = ["services", "sql", "redis"].map(|guest| {
        format!(
            "[component.{guest}]\nsource = \"${guest}\"\nallowed_outbound_hosts = [\"*://*:*\"]\n\
             tool.tessera.limits = {{ deadline_ms = 3000 }}\n"
        )
    });
    let app = application(&format!("{}{}", routes.concat(), guests.concat()));
    app.with_file("rc.toml", config)
}

async fn host(app: &Application) -> Host {
    let config = app.folder().join("rc.toml");
    app.host().argument("--runtime-config-file").argument(config).start().await
}

/// Uses a server by its driver.
async fn connect(host: &Host, scheme: &str, server: &str) -> Answer {
    let steps = json!([query("select 1")]);
    let (path, body) = match scheme {
        "mqtt" => {
            let address = format!("mqtt://{server}?client_id=a");
            return host.client().get(&format!("/mqtt?address={address}&topic=a&qos=1")).await;
        }
        "redis" => (format!("/execute?address=redis://{server}"), json!([["PING"]])),
        "postgres" => ("/pg4".to_owned(), json!({ "address": server, "steps": steps })),
        "mysql" => ("/mysql3".to_owned(), json!({ "address": server, "steps": steps })),
        other => panic!("no driver for {other}"),
    };
    host.client().send(Method::POST, &path, None, body.to_string().into()).await
}

/// Nothing listens there.
const NOWHERE: [(&str, &str); 4] = [
    ("mqtt", "localhost:1"),
    ("redis", "localhost:1"),
    ("postgres", "postgres://u:p@localhost:1/x"),
    ("mysql", "mysql://u:p@localhost:1/x"),
];

#[tokio::test]
async fn a_name_that_leads_into_a_blocked_network_is_refused_by_every_driver() {
    let app = app("[outbound_networking]\nblock_networks = [\"127.0.0.0/8\", \"::1/128\"]\n");
    let host = host(&app).await;
    for (scheme, server) in NOWHERE {
        let text = connect(&host, scheme, server).await.text();
        assert!(text.contains("the operator blocks"), "{scheme}: {text}");
    }
    let warned = |line: &Value| {
        let text = line["message"].as_str().unwrap_or_default();
        text.contains("`localhost`") && text.contains("block_networks")
    };
    assert_eq!(host.log_line(warned).await["level"], "WARN");
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_reached_by_every_driver() {
    // Both addresses of the name are tried, although no server listens at `::1`.
    let app = app("[outbound_networking]\nblock_networks = [\"10.0.0.0/8\"]\n");
    let host = host(&app).await;
    let by_name = |address: String| address.replace("@127.0.0.1", "@localhost");
    for (scheme, server) in [("postgres", postgres()), ("mysql", mariadb())] {
        let Some(server) = server else { continue };
        let answer = connect(&host, scheme, &by_name(server.address(""))).await.expect(200);
        assert!(value(&answer.json()[0]).contains("(1)"), "{scheme}: {}", answer.text());
    }
    if let Some(server) = Server::start(&REDIS).await {
        let local = format!("localhost:{}", server.address().port());
        let text = connect(&host, "redis", &local).await.expect(200).text();
        assert!(text.contains("PONG"), "{text}");
    }
    if let Some(server) = Server::start(&MOSQUITTO).await {
        let local = format!("localhost:{}", server.address().port());
        connect(&host, "mqtt", &local).await.expect(200);
    }
}

#[tokio::test]
async fn every_driver_waits_for_a_connection_that_the_operator_allows() {
    let none_of_each = ["mqtt", "redis", "pg", "mysql"]
        .map(|driver| format!("[outbound_{driver}]\nmax_connections = 0\n"))
        .concat();
    for none in [&*none_of_each, "[outbound_networking]\nmax_total_connections = 0\n"] {
        let app = app(none);
        let host = host(&app).await;
        let all = NOWHERE.map(async |(scheme, server)| {
            let answer = connect(&host, scheme, server).await;
            // Until the call ends, which the guest may not see.
            let waited = answer.status.as_u16() == 504
                || ["deadline", "TooManyConnections"].iter().any(|it| answer.text().contains(it));
            assert!(waited, "{scheme}: {}", answer.text());
        });
        futures::future::join_all(all).await;
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_makes_room_for_another() {
    let app = app("[outbound_mqtt]\nmax_connections = 2\nmax_payload_size_bytes = 1\n");
    let host = host(&app).await;
    let open = async |count: usize| {
        let target = format!("/mqtt-open?address=mqtt://127.0.0.1:1&count={count}");
        host.client().get(&target).await
    };
    open(2).await.expect(200);
    // The third one waits until the call ends.
    let waited = open(3).await;
    if waited.status.as_u16() != 504 {
        assert_eq!(waited.expect(502).text(), "2: Error::TooManyConnections");
    }
    open(2).await.expect(200);
    let text = connect(&host, "mqtt", "127.0.0.1:1").await.expect(502).text();
    assert!(text.contains("payload size 2 exceeds the maximum allowed size of 1"), "{text}");
}
